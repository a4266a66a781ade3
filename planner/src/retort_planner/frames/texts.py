"""Text: spaces, letter case, extraction; splitting and joining columns; types."""

from __future__ import annotations

import re
from typing import Any, Final

from retort_core.schema import DType, Kind
from retort_planner.frames.base import COLUMNS, GAP, Clause, Reading, decided, draft
from retort_planner.frames.rows import free
from retort_planner.lexicon import cue, either
from retort_planner.literals import number
from retort_planner.text import NAME, C, L

_SEPARATORS: Final = {
    "逗号": ",", "顿号": "、", "空格": " ", "分号": ";", "冒号": ":", "横杠": "-", "横线": "-", "短横线": "-", "连字符": "-", "减号": "-", "下划线": "_", "斜杠": "/", "斜线": "/",
    "竖线": "|", "点": ".", "句号": "。", "制表符": "\t", "comma": ",", "commas": ",", "space": " ", "spaces": " ", "semicolon": ";", "semicolons": ";", "colon": ":", "dash": "-", "hyphen": "-", "underscore": "_",
    "slash": "/", "pipe": "|", "dot": ".", "tab": "\t", "加号": "+", "plus sign": "+", "换行": "\n", "newline": "\n", "井号": "#", "a comma": ",", "a space": " ", "a dash": "-", "a hyphen": "-", "a slash": "/",
    "an underscore": "_", "a semicolon": ";", "a pipe": "|", "a dot": ".", "a colon": ":", "the comma": ",", "the dash": "-", "the space": " ", "the slash": "/", "the hyphen": "-", "the underscore": "_",
}  # fmt: skip
_SEP_WORD: Final = "|".join(sorted(map(re.escape, _SEPARATORS), key=len, reverse=True))
_NAME: Final = NAME


def text_columns(c: Clause) -> tuple[str, ...]:
    return tuple(col.name for col in c.schema.columns if col.dtype is DType.text)


def trim_text(c: Clause) -> Reading | None:
    k = c.cutter()
    spaced = k.cut(rf"{cue('trim').pattern}(?=.*)") if re.search(r"空格|空白字符|不可见", c.text) else None
    if spaced is None:
        k = c.cutter()
        if k.cue("spaces"):
            if not (k.cue("trim") or k.cue("drop") or k.cue("clear") or k.cut(r"清[掉理]?")):
                return None
        elif k.cut(r"(?<![A-Za-z])(?:trim|strip)(?! out|[A-Za-z])|修剪"):
            k.cut(r"空白")
        else:
            return None
    columns = k.all_columns()
    k.cue("spaces")
    k.cut(
        r"(?:首尾|前后|两端|两边|左右|多余|开头|结尾)(?:和|的)?(?:首尾|前后|结尾)?的?|\b(?:around|from|surrounding|text|both sides|ends|of|at the (?:start|beginning|end)s?)\b"
    )
    k.cut(r"(?:做|进行)?(?:处理|操作)")
    k.cut(r"清理|干净|\btext\b|文本|删除|去除|去掉|清除|\bdrop\b|\bremove\b|\bwhitespace\b")
    if not k.clean:
        return None
    carried = tuple(n for n in c.carried if c.schema.find(n))
    columns = columns or carried or text_columns(c)
    kept = tuple(n for n in columns if c.schema[n].dtype is DType.text) if len(columns) > 1 else columns
    return decided(draft("trim_text", columns=list(kept)), weight=67, subject=columns) if kept else None


def change_case(c: Clause) -> Reading | None:
    k = c.cutter()
    to = next((name for name in ("title", "upper", "lower") if k.cue(name)), "")
    if not to:
        return None
    columns = k.all_columns()
    k.cut(r"弄成?|搞成?|整成?|写成?")
    k.cut(
        r"(?:转换?|改|变|换|统一|设|调整?|写)(?:换)?[成为]?|(?<![A-Za-z])(?:convert|change|make|turn|put|transform|set|switch)(?![A-Za-z])|字母|英文|形式|格式|all|to|into|text|letters"
    )
    k.cut(r"字母|统一|全部|形式|\b(?:text|letters?|names?)\b|的?首|每个单词")
    columns = columns or tuple(n for n in c.carried if c.schema.find(n))
    return (
        decided(draft("change_case", columns=list(columns), to=to), weight=68, subject=columns)
        if columns and k.clean
        else None
    )


_PRESETS: Final = ("email", "phone", "chinese", "letters", "number")
_INTO: Final = re.compile(
    rf"(?:,|并|到|放[到在入]|存[到为入成]|保存[到为]|写[到入]|作为|生成|得到|新建|成|\b(?:into|to|in|as|called|named|store|save|put)\b|\s)*(?:(?:一个)?新的?列|a new column|new column|column|列)?(?:,)?(?:叫做?|名为|命名为|为|called|named)?\s?(?P<name>{_NAME})(?:列|字段|\scolumn)?$",
    re.IGNORECASE,
)


def _named_at_end(c: Clause, text: str) -> tuple[str, str]:
    for match in re.finditer(
        rf"(?:[,]?\s?(?:放[到在入]|存[到为入成]|保存[到为]|写[到入]|作为|生成|得到|新建|新列名?(?:叫|为)?|列名(?:叫|为)?|命名为|叫做?|取名|名为)\s?|\b(?:into|as|in|to|called|named)\b\s?)(?:(?:一个)?新的?列|an?(?: new)? column|new column|column|列)?(?:叫做?|名为|命名为|\s?called|\s?named)?\s?(?P<name>{_NAME})(?:列|字段|这?一列|\scolumn)?(?:里|中)?$",
        text,
        re.IGNORECASE,
    ):
        return text[: match.start()], c.literal(match.group("name"))
    return text, ""


def _presets_spelled(c: Clause) -> str:
    """「从评论里提取邮箱」: what is extracted is no column here, even if one is called 邮箱."""
    chars = [char for char in c.text if re.fullmatch(C, char)]
    spelled = [char for char in chars if cue(*_PRESETS).fullmatch(c.linked.mention(char).text)]
    text = c.text
    for char in spelled if len(chars) > len(spelled) else []:
        plain = c.linked.mention(char).text
        text = text.replace(char, f" {plain} " if c.lang == "en" else plain)
    return re.sub(r" {2,}", " ", text)


def extract_text(c: Clause) -> Reading | None:
    if not c.has("extract"):
        return None
    text, name = _named_at_end(c, _presets_spelled(c))
    k = c.cutter()
    k.left = text
    pattern = re.search(
        rf"(?:正则(?:表达式)?|按(?:正则)?模式|模式|\bregex\b|\bpattern\b|\bmatching\b)(?:是|为)?\s?(?P<p>{L})",
        k.left,
        re.IGNORECASE,
    )
    if pattern is not None:
        k.remove(pattern)
    columns = k.all_columns()
    k.cue("extract")
    preset = "" if pattern else next((word for word in _PRESETS if k.cue(word)), "")
    k.cut(r"从|\b(?:from|out|of|using|with|part|only)\b|部分|内容|文本|里面?的?|中的?|信息|出来")
    k.cut(r"\b(?:from|out|of|using|with|the)\b|用|部分|匹配|出来")
    columns = columns or tuple(n for n in c.carried if c.schema.find(n))
    if len(columns) != 1 or not k.clean or not (preset or pattern):
        return None
    words = {
        "number": ("数字", "number"),
        "phone": ("手机号", "phone"),
        "email": ("邮箱", "email"),
        "chinese": ("中文", "chinese"),
        "letters": ("字母", "letters"),
        "": ("提取", "extract"),
    }
    fresh = free(c, name or f"{columns[0]}_{c.say(*words[preset])}")
    params = {
        "column": columns[0],
        "pattern": c.literal(pattern.group("p")) if pattern else "",
        "preset": preset,
        "new_name": fresh,
    }
    return decided(draft("extract_text", **params), weight=66, subject=(fresh,))


_SEPARATED: Final = re.compile(
    rf"(?:用|按照?|以|根据|通过|中间(?:用|加)|分隔符?(?:是|为|用)?|\b(?:by|on|at|with|using|separated by|delimiter|joined by|joined with|separator)\b(?: the| a| an)?)\s?(?P<sep>{L}|{_SEP_WORD}|[,;:|/\\_\-+#&、.~@*])(?![A-Za-z])\s?(?:这个)?(?:符号|字符|分隔符?|隔开|为界|为分界|的?地方|处|分开|来|作为分隔符?|做分隔符?|连接符?|\bas (?:the )?(?:separator|delimiter)\b|\b(?:between them|in between|separator|delimiter)\b)*",
    re.IGNORECASE,
)


def _separator(c: Clause, text: str) -> tuple[str, str | None]:
    match = _SEPARATED.search(text)
    if match is None:
        return text, None
    said = match.group("sep")
    value = c.literal(said) if re.fullmatch(L, said) else _SEPARATORS.get(said.lower(), said)
    value = _SEPARATORS.get(value, value) if len(value) > 1 else value
    return text[: match.start()] + GAP + text[match.end() :], value


def split_column(c: Clause) -> Reading | None:
    if not re.search(either("split"), c.text, re.IGNORECASE):
        return None
    text, separator = _separator(c, c.text)
    drops = re.search(
        r"[,]?(?:不保留|删掉|删除|去掉)(?:原|源)(?:来的?|始)?列?|,? ?(?:and )?(?:drop|remove|without keeping|discard) the (?:original|source)(?: column)?",
        text,
        re.IGNORECASE,
    )
    if drops is not None:
        text = text[: drops.start()] + GAP + text[drops.end() :]
    into = re.search(
        rf"(?:拆开成?|分开成?|劈开成?|切开成?|拆分?[成为]?|分割?[成为]|分列[成为]?|切分?[成为]|分开成|成|为|\binto\b|\bto\b)\s?(?:两列|三列|[0-9一二两三四五]+列|(?:the )?(?:two |three |[0-9] )?(?:new )?(?:columns?)?)?[:,]?\s?(?P<names>{_NAME}(?:\s?(?:、|,|和|与|及|\band\b|,\s?and\b)\s?{_NAME})+)(?:[两三四]?列)?$",
        text.replace(GAP, " ").strip(),
        re.IGNORECASE,
    )
    k = c.cutter()
    k.left = text.replace(GAP, " ").strip()
    names: list[str] = []
    if into is not None:
        names = [
            c.literal(part)
            for part in re.split(r"\s?(?:、|,|和|与|及|\band\b)\s?", into.group("names"), flags=re.IGNORECASE)
            if part.strip()
        ]
        k.left = k.left[: into.start()] + GAP + k.left[into.end() :]
        k.cue("split")
    elif not k.cue("split"):
        return None
    count = k.cut(
        r"(?P<n>[两二三四五2-5])\s?个?(?:列|部分|段|份)|\b(?P<en>two|three|four|[2-5]) (?:columns?|parts?)"
    )
    columns = k.columns()
    k.cue("columns")
    k.cut(r"成|为|\binto\b|\bup\b|分隔符?|列|符号")
    if len(columns) != 1 or separator is None or not k.clean or not separator:
        return None
    wanted = int(number((count.group("n") or count.group("en")) if count else "2") or 2)
    names = names or [f"{columns[0]}_{n}" for n in range(1, wanted + 1)]
    fresh = [free(c, name) for name in names]
    params: dict[str, Any] = {
        "column": columns[0],
        "separator": separator,
        "pattern": "",
        "widths": [],
        "into": fresh,
        "keep_source": drops is None,
    }
    return decided(draft("split_column", **params), weight=69, subject=tuple(fresh))


def merge_columns(c: Clause) -> Reading | None:
    if not re.search(either("join"), c.text, re.IGNORECASE):
        return None
    text, separator = _separator(c, c.text)
    text = re.sub(rf"{GAP}", " ", text).strip()
    drops = re.search(
        r"[,]?(?:不保留|删掉|删除|去掉)(?:原|源)(?:来的?|始)?列?|,? ?(?:and )?(?:drop|remove|without keeping|discard) the (?:original|source)s?(?: columns?)?",
        text,
        re.IGNORECASE,
    )
    if drops is not None:
        text = text[: drops.start()] + text[drops.end() :]
    into = re.search(
        rf"(?:合并|拼接|连接|组合|拼|合|连)?(?:起来)?(?:成为?|为|到|成|存为|命名为|叫做?|得到|生成|\binto\b|\bas\b|\bto\b|\bcalled\b|\bnamed\b)\s?(?:一个|一)?(?:新的?)?(?:列|字段|a new column|new column|column|one column|a single column)?(?:,)?(?:叫做?|名为|命名为| called| named)?\s?(?P<name>{_NAME})?(?:列|字段)?(?:,)?$",
        text.strip(" ,"),
        re.IGNORECASE,
    )
    name = ""
    k = c.cutter()
    k.left = text.strip(" ,")
    if into is not None:
        name = c.literal(into.group("name")) if into.group("name") else ""
        k.left = k.left[: into.start()] + GAP + k.left[into.end() :]
    k.cue("join")
    columns = k.all_columns()
    k.cue("columns")
    k.cut(r"[两三四0-9]列|起来|一起|在一起|\btogether\b|\bvalues\b|\bof\b|新列|内容")
    if len(columns) < 2 or not k.clean:
        return None
    joined = "" if separator is None else separator
    fresh = free(c, name or "_".join(columns))
    params: dict[str, Any] = {
        "columns": list(columns),
        "separator": joined,
        "new_name": fresh,
        "skip_missing": True,
        "keep_source": drops is None,
    }
    return decided(draft("merge_columns", **params), weight=60, subject=(fresh,))


_TYPES: Final = (
    ("t_datetime", "datetime"),
    ("t_date", "date"),
    ("t_integer", "integer"),
    ("t_number", "number"),
    ("t_boolean", "boolean"),
    ("t_text", "text"),
)
_CAST: Final = re.compile(
    rf"(?:类型|格式)?(?:转换?[成为]?|改[成为]|变[成为]|转化[成为]|设[成为]|换成|识别为|当[成作]|存成|按)(?:是)?(?:(?P<zh>{'|'.join(either(n) for n, _ in _TYPES)}))(?:的)?(?:类型|格式|型|列|处理|存储)*"
    rf"|\b(?:to|into|as|be)(?: an?)? (?P<en>{'|'.join(either(n) for n, _ in _TYPES)})(?: type| format| columns?| values?)?|(?<=[\ue000-\ue7ff]) an? (?P<en3>{'|'.join(either(n) for n, _ in _TYPES)})$|(?P<bare>numeric|int|float|integers?|boolean|text|strings?|numbers)(?= columns?$|$)",
    re.IGNORECASE,
)


def cast_type(c: Clause) -> Reading | None:
    k = c.cutter()
    match = _CAST.search(k.left)
    if match is None:
        return None
    said = match.group("zh") or match.group("en") or match.group("en3") or match.group("bare")
    dtype = next((dtype for name, dtype in _TYPES if cue(name).fullmatch(said)), "")
    k.remove(match)
    on_error = (
        "missing"
        if k.cut(
            r"[,]?(?:转不了|无法转换|不能转换|转换失败|失败|出错)的?(?:都)?(?:设为|置为|变成|为|当作?|算)(?:空|缺失)值?|,? ?(?:and )?(?:set |make |turn )?(?:errors?|failures?|anything that fails|what fails|invalid ones?)(?: to| become)? (?:missing|null|empty)"
        )
        else "keep"
    )
    k.cue("cast")
    k.cut(r"(?:数据)?类型|格式|\btypes?\b|\bof\b|字段")
    columns = k.all_columns() or tuple(n for n in c.carried if c.schema.find(n))
    if not columns or not dtype or not k.clean:
        return None
    return decided(
        draft("cast_type", columns=list(columns), dtype=dtype, on_error=on_error), weight=62, subject=columns
    )


FRAMES = (trim_text, change_case, extract_text, split_column, merge_columns, cast_type)
__all__ = ["COLUMNS", "FRAMES", "C", "Kind"]
