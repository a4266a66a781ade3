"""Turns of phrase that say a known thing in another order are put the usual way before any verb is looked for.

Remarks (「这两列没用，删掉」), particles (其实, actually, please), 「其他的都不要」 after what is kept, and sentences whose object
stands elsewhere. Only shapes that mean one thing are turned; everything else passes as it was said.
"""

from __future__ import annotations

import re
from typing import Final

from retort_planner.frames.base import COLUMNS
from retort_planner.lexicon import cue
from retort_planner.polarity import exception
from retort_planner.text import NAME, C, L

_COLS: Final = rf"(?P<cols>{COLUMNS})"
_REMARK_ZH: Final = (
    r"(?:都|太|有点|也)*(?:没什么用|没有用处?|没用处?|用不[到上着]|不重要|涉及隐私|是隐私|"
    r"(?:写法|格式|名称|叫法)?(?:都|很|太|有点)?(?:不统一|不一致|不规范|乱))了?"
)
_REMARK_EN: Final = (
    r"(?:is|are)(?: all| both)? (?:useless|not needed|unneeded|unnecessary|not useful|of no use|messy|inconsistent|"
    r"private|sensitive)[,;:]?(?: so| please| and| but)*"
)
_TURNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), meant)
    for pattern, meant in (
        (r"(?:其实|实际上|事实上)(?=应?该?[是算为])|^(?:simply|basically) ", ""),
        (r",?\s?\b(?:please|thanks|thank you)[.!]?$", ""),
        # What is only remarked: the columns stay, or what follows says which.
        (
            rf"^(?:把|将)?{_COLS}(?:里|中)?的?(?:.{{0,4}})(?:基本|几乎|大多|大部分|全|都|差不多)+(?:都)?(?:是)?(?:空|缺失|没填|空白)的?(?:值)?了?,(?=.{{0,4}}(?:删|去|不要|扔|拿))(?P<rest>.*?)(?:它们?|这一?列)?$",
            r"\g<rest>\g<cols>列",
        ),
        (r"^[^,;\ue000-\ue7ff]{1,12}(?:太|很|有点|都|也|不太)*(?:不统一|不一致|不规范|不齐|乱|有问题|没(?:什么)?(?:用|意义))了?,(?=.*[\ue000-\ue7ff])", ""),
        # A remark on the columns before what is to be done with them; to keep them as they are is nothing to do.
        (rf"^(?:把|将)?{_COLS}{_REMARK_ZH},(?:.{{0,6}}(?:保留|留着|留下|不动)(?:着|吧)*)$", ""),
        (rf"^(?:the )?{_COLS} {_REMARK_EN} (?:keep|retain|leave|save) .{{0,20}}$", ""),
        (rf"^(?:把|将)?{_COLS}{_REMARK_ZH},(?!.*(?:留|别|不|勿))", r"\g<cols>"),
        (
            rf"^(?:the )?{_COLS} {_REMARK_EN} (?P<verb>(?!not|hide)[a-z]+(?: up)?) (?:them|it|these)(?: all)?$",
            r"\g<verb> \g<cols>",
        ),
        (r"的(?:都|就)?(?:算作?|是|视为|当作?|属于)(?:异常|离群|无效|错误|错|有问题|不合理|不合法|不正常)值?的?,", "的"),
        (r"(?:那几个|那些|这些|的)*(?:都)?(?:是|属于)?(?:瞎|乱|胡乱?|随便|错)填的?,", "的"),
        (r"(?:抹掉|清掉|清空|删掉|去掉|拿掉),?(?:变|改|设|置|弄|搞)[成为](?:空值?|空白|缺失)的?$", "设为空"),
        (r"的(?:都|就|一律)*(?:按|当)(?:作|成)?\s?(?P<n>[0-9.]+[万千百]?|[一二两三四五六七八九十百千万]+)(?:元|块|分)?(?:来)?(?:算|计算|处理)$", r"的改成\g<n>"),
        (r"是(?:一回事|一个意思|同一个(?:意思|东西|城市|地方|地儿)?|一样的),?(?:就|都)?(?:统一|合并)?(?:写成?|叫|为|成|改成|用)", "合并为"),
        (r"有(?:任意|任何|其中)?[一1][门个项列题科](?:没有?|缺|空|未)(?:成绩|分数?|填写?|值|数据|答案?|回答|失|着)?的?", "任一缺失的"),
        (
            rf"^(?:把|将|用)?(?P<v>{L}|[\u4e00-\u9fffA-Za-z0-9]{{1,12}}?),?(?:填|补|写|放)(?:到|进|入|在|去)(?P<where>.*(?:空|缺|没填).*)$",
            r"\g<where>填\g<v>",
        ),
        (rf"^往(?P<cols>{COLUMNS})的?(?=.*[填补写])", r"\g<cols>"),
        (rf"^(?P<cols>{COLUMNS})(?:做|来)?交叉(?:来|着)?(?:看|分析|统计)(?P<b>{COLUMNS})$", r"按\g<cols>统计\g<b>"),
        (rf"^(?:reverse|invert|flip)(?: the)? (?P<col>{C})(?: by)? subtracting (?:it|{C}) from [0-9]+$", r"reverse \g<col>"),
        (r"^(?:what|how) does (?:the|this|my) (?:data|table|dataset|file) look(?: like)?$", "describe the data"),
        (rf"^(?:add up|sum up|total up)(?: the)? (?=.*{COLUMNS})", "compute the sum of "),
        (rf"^average(?: the)?(?: [a-z]+){{0,3}} (?P<cols>{COLUMNS}) (?=into|as|in|to)", r"compute the mean of \g<cols> "),
        (rf"^(?:make|turn|put)(?: the)? (?P<cols>{COLUMNS}) into (?:one|a single) (?:new )?column", r"combine \g<cols> into one column"),
        (rf"^(?:the )?{_COLS}(?: columns?)? (?:is|are) (?:not|no longer) (?:needed|necessary|required|wanted|useful|relevant)(?: any ?more)?$", r"drop \g<cols>"),
        (r"^(?P<who>[^,;]+?) (?:must|can|could) (?:all )?go$", r"remove \g<who>"),
        (r"^(?P<who>(?!.*\b(?:drop|remove|delete|exclude|keep|fill|set|replace)\b)[^,;]+?) only$", r"keep only \g<who>"),
        # What the result is to be called, after a pause.
        (
            rf"[,;:]\s?(?:(?:放|存|写|记|装|填)(?:到|进|在|入|成|为|作)|(?:把)?结果(?:放|存|写)(?:到|进|在|入)|作为|做成|形成|生成|得到)?(?:一个|一)?(?:新的?)?(?:列|字段|变量)(?:名(?:字)?)?(?:就)?(?:叫做?|为|是|名为|取名|:)?\s?(?P<name>{NAME})(?:列|这一?列)?(?:里|中)?$",
            r",存为\g<name>",
        ),
        (
            rf"(?:放|存|写|记|装|填)(?:到|进|在|入|成|为|作)?(?:一个|一)?新的?(?:列|字段|变量)(?:名(?:字)?)?(?:就)?(?:叫做?|为|是|名为|取名|:)?\s?(?P<name>{NAME})(?:列|这一?列)?(?:里|中)?$",
            r",存为\g<name>",
        ),
        (
            rf"(?<![改换]名)(?<!名字)(?<!一类)(?<!一组)[,;:]\s?(?:名字?|取名|起名|命名)?(?:就)?(?:叫做?|名为)\s?(?P<name>{NAME})(?:列|这一?列)?$",
            r",存为\g<name>",
        ),
        (rf"^(?:把|将)?{_COLS}(?:这[几两三四]列)?(?:以外|之外)的?(?:其他|其它|所有|全部)?(?:的)?(?:列|字段)", r"除了\g<cols>以外的列"),
        (rf"^(?:就|只有?|唯独){_COLS}(?:不要|不用|不留|删掉),?(?:其他|其它|其余|别的|剩下)的?(?:列|字段)?(?:都|全部?)*(?:要|留着?|留下|保留|不动|不变)(?:着|了)*$", r"删除\g<cols>"),
        (r"^我?(?:们)?要(?:所有|全部)的?(?:列|字段|数据),(?:只是|就是|但是?|除了?)*(?=不要|不用|删|去)", ""),
        (
            r"^(?P<left>.*(?:删|去|不要|剔|排除).*?)[,;](?:其他|其它|其余|别的|剩下)的?(?:列|字段|变量|行|人|数据|城市|省份)?(?:都|全部?|统统)*(?:要|留着?|留下|保留|不动|不变)(?:着|了)*$",
            r"\g<left>",
        ),
        # A new column is added whether or not the verb is said.
        (r"^新的?(?:列|字段|变量)[:]?\s?(?=\S)(?!名|叫|为)", "新增列"),
        (r"^(?:an? )?new (?:column|field|variable),? (?:called |named )?", "add column "),
        (
            rf"^(?:add|create|make) (?:an? )?(?:new )?(?:column|field|variable) (?:called |named )?(?P<name>{NAME}) by (?P<verb>join|combin|concatenat|merg)ing (?P<rest>.+)$",
            r"combine \g<rest> as \g<name>",
        ),
        (rf"^(?P<cols>{COLUMNS})\+(?P<more>{COLUMNS})(?=合并|拼接?|连接?)", r"\g<cols>、\g<more>"),
        (
            r"^(?P<who>[^,;]+?) should (?:all )?(?:go|be (?:dropped|removed|deleted|excluded))$",
            r"remove \g<who>",
        ),
        (r"^(?P<who>[^,;]+?) should (?:all )?(?:stay|be kept)$", r"keep \g<who>"),
        # Questions and tables whose object stands elsewhere.
        (rf"^how (?:is|are)(?: the)? {_COLS} distributed$", r"distribution of \g<cols>"),
        (r"的人(?:一共|总共)?有多少$", "的人数"),
        (rf"^{_COLS}(?:列)?(?:里|中)?(?:都)?有(?:哪些|什么)(?:值|取值|选项|答案|类别)$", r"统计\g<cols>"),
        (
            rf"^what (?:values|answers|categories)(?: does| do)(?: the)? {_COLS}(?: column)? have$",
            r"tabulate \g<cols>",
        ),
        (rf"以\s?{_COLS}(?:作?为|做)(?:表头|横表头|列头)(?:来)?(?:看|统计|分析)?", r"按\g<cols>统计"),
        (rf"\bwith(?: the)? {_COLS} as(?: the)? (?:banners?|headers?)\b", r"by \g<cols>"),
        (
            rf"^where(?: the)? {_COLS} (?:is|are) (?:blank|empty|missing|null),? (?:put|write|use|enter|fill in) (?P<value>{L}|[^,]{{1,30}})$",
            r"fill missing \g<cols> with \g<value>",
        ),
        (
            r"^(?P<left>.*[\ue000-\ue7ff])(?:列)?(?:全|都|均)+没有(?:填|值|数据|答案|回答)?(?=的)",
            r"\g<left>全都为空",
        ),
        (r"(?:大写|小写)(?:的)?(?:字母)?(?:都|全部?|统一)*(?=[改转变换]\S{0,2}(?:大写|小写))", ""),
    )
)
_REST: Final = re.compile(
    r",?(?:其他|其它|其余|别的|剩下)的?(?:列|字段|变量|行|人|数据)?(?:都|全部?|统统|一律)*(?:不用留|不用要|不用|不要|不需要|不留|删掉|删了|去掉)(?:了|吧)*$"
    r"|,? (?:and )?(?:nothing else|no others?|(?:drop|discard|remove|delete) the rest|the rest can go)$",
    re.IGNORECASE,
)
_ONLY_HEAD: Final = re.compile(
    r"^(?:我们?)?(?:只|仅)?(?:关心|关注|需要|想要|要)|^(?:i|we) (?:only |just )?(?:need|want|care about)(?: only| just)? ",
    re.IGNORECASE,
)


# "X should be deleted" is "delete X"; the participle with its verb where they differ.
_PASSIVE: Final = re.compile(
    r"^(?P<who>[^,;]+?) (?:can|could|should|must|has to|have to|needs? to|may|is to|are to|ought to|will)(?: all| both| now| also| then)? be (?P<verb>[a-z]+)(?: out)? ?(?P<tail>.*)$",
    re.IGNORECASE,
)
_VERBS: Final = {
    "deleted": "delete", "removed": "remove", "dropped": "drop", "excluded": "exclude", "filtered": "drop", "discarded": "drop",
    "kept": "keep", "retained": "keep", "replaced": "replace", "filled": "fill", "imputed": "fill", "lowercased": "lowercase",
    "uppercased": "uppercase", "capitalized": "capitalize", "capitalised": "capitalize", "trimmed": "trim", "stripped": "trim",
    "sorted": "sort", "ordered": "sort", "flagged": "flag", "marked": "flag", "tagged": "flag", "merged": "merge",
    "combined": "combine", "joined": "join", "split": "split", "converted": "convert", "changed": "change", "turned": "turn",
    "moved": "move", "recoded": "recode", "treated": "treat", "set": "set", "emptied": "clear", "blanked": "clear", "cleared": "clear",
    "standardised": "standardize", "standardized": "standardize", "normalised": "standardize", "normalized": "standardize",
    "unified": "standardize", "rounded": "round", "extracted": "extract", "declared": "declare", "capped": "cap", "clipped": "clip",
}  # fmt: skip


def plain(text: str) -> str:
    """`text` of one message said the usual way."""
    for pattern, meant in _TURNS:
        text = pattern.sub(meant, text)
    return _only(_active(text.strip()))


def _active(text: str) -> str:
    found = _PASSIVE.match(text)
    verb = _VERBS.get(found.group("verb").lower()) if found else None
    if found is None or verb is None:
        return text
    return f"{verb} {found.group('who')} {found.group('tail')}".strip()


def _only(text: str) -> str:
    """「性别、年龄，其他的都不要」 keeps; never when the words before it take something away."""
    found = _REST.search(text)
    if found is None or found.start() < 1 or exception(text) is not None:
        return text
    body = _ONLY_HEAD.sub("", text[: found.start()]).strip(" ,")
    if not body or cue("drop").search(body) or cue("missing").search(body) or "," in body.replace(", ", "、"):
        return text
    kept = cue("keep").search(body) is not None
    return body if kept else (f"只保留{body}" if not found.group().isascii() else f"keep only {body}")
