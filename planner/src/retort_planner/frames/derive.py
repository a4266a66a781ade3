"""New columns: by a formula, or by cases (如果 … 则 … 否则 …)."""

from __future__ import annotations

import re
from typing import Any, Final

from retort_planner.frames.arithmetic import expression
from retort_planner.frames.base import Clause, Reading, decided, draft
from retort_planner.frames.rows import free
from retort_planner.literals import number
from retort_planner.text import NAME, C
from retort_planner.trees import Where, conditioned_columns

_NAME: Final = rf"(?P<name>{NAME})"
_COLUMN: Final = r"(?:一个|一)?(?:新的?)?(?:列|字段|变量)"
_HEAD: Final = (
    re.compile(
        rf"^(?:请|帮我)?(?:新增加?|增加|新建|添加|加上?|生成|创建|建|派生|多加|再加){_COLUMN}(?:,)?(?:名字?为|名叫|叫做?|为|名称为|命名为|取名)?[:]?\s?{_NAME}\s?(?:,(?:它|其)?(?:值)?(?:等于|为|是|取)|,|:|=|等于|为|是|(?:用|由|按)(?:公式)?)\s?(?P<body>.{{2,400}})$"
    ),
    re.compile(
        rf"^(?:请|帮我)?(?:新增加?|增加|新建|添加|加上?|生成|创建|建|派生|计算出?|求出?|算出?)(?!一?(?:个)?(?:新的?)?列)\s?{_NAME}(?:这?一?(?:列|字段|变量))?\s?(?:,|:)?\s?(?:=|等于|为|:|是|,(?:其?值?(?:等于|为|是))?)\s?(?P<body>.{{2,400}})$"
    ),
    re.compile(rf"^(?:令|设|让)?{_NAME}(?:列)?\s?(?:=|等于)\s?(?P<body>.{{2,400}})$"),
    re.compile(
        rf"^(?:please )?(?:add|create|make|compute|calculate|derive|generate|build|define|introduce|insert)(?: (?:an?|the)\b)?(?: new\b| extra\b)?(?: (?:column|field|variable)\b)?(?: called| named)? ?{_NAME}(?: column)?,? ?(?:=|:|as|where|equal to|that is|which is|equals|with|from|by|that equals|holding|containing|being|that shows|that says|to be|for)+(?: the)?:? ?(?P<body>.{{2,400}})$",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^(?:please )?(?:add|create|make) (?:an? )?(?:new )?(?:column|field|variable),? ?{_NAME}[,:;] ?(?P<body>.{{2,400}})$",
        re.IGNORECASE,
    ),
)
_TAIL: Final = (
    re.compile(
        rf"^(?:请|帮我)?(?:计算|算出?|求出?|用|把|将|取|新增一列|增加一列)?(?P<body>.{{2,300}}?)(?:,|的结果|来|并)*(?:存为|存成|(?<=[计和均分数值])成|记为|记作|保存为|保存到|写入|放到|放在|作为|得到|得出|生成|命名为|叫做?|存到|算出|计算出?|新增为|成为)(?:{_COLUMN})?(?:,)?(?:叫做?|名为|命名为)?[:]?\s?{_NAME}(?:列|这一列|字段)?(?:里|中)?$"
    ),
    re.compile(
        rf"^(?:please )?(?:compute|calculate|work out|take|get|put|store|save|add|derive|sum up|use)(?: the)? ?(?P<body>.{{2,300}}?),? (?:and )?(?:store (?:it |that )?(?:in|as)|save (?:it |that )?(?:in|as)|as|into|in|call it|name it|called|named|to get|to make|to create|giving)(?: an?\b)?(?: new\b)?(?: column\b)?(?: called| named)? ?{_NAME}(?: column)?$",
        re.IGNORECASE,
    ),
)


# Only a formula says what these are.
_FORMULA: Final = (
    re.compile(rf"^(?:请|帮我)?(?:计算|算|求)?{_NAME}[(:]\s?(?P<body>[^()]{{2,300}}?)\)?$"),
    re.compile(rf"^(?P<body>.{{2,200}}?) as {_NAME}$", re.IGNORECASE),
    re.compile(rf"^[^:]{{3,80}}: ?(?P<body>.{{2,200}}?) as {_NAME}$", re.IGNORECASE),
)


def derive_column(c: Clause) -> Reading | None:
    text = re.sub(r"^(?:请|帮我|麻烦|please |can you )+", "", c.text, flags=re.IGNORECASE)
    text, digits = _rounding(text)
    for pattern in (*_HEAD, *_TAIL, *_FORMULA):
        match = pattern.match(text)
        tree = expression(c, match.group("body")) if match else None
        if tree is not None and digits is not None:
            tree = {"fn": "round", "args": [tree], "digits": digits}
        if match is not None and tree is not None:
            name = c.literal(match.group("name"))
            return _derived(c, name, tree)
    return _unnamed(c, text)


_ROUNDED: Final = re.compile(
    r",?(?:再|并|然后)?(?:四舍五入|取整)(?:到|为|后|保留|取)*(?P<zh>整数|[0-9一二两三四]位?(?:小数)?)?(?=,|$)"
    r"|,? (?:and |then )?round(?:ed)?(?: it)?(?: (?:off|to))*(?: (?P<en>[0-9]|one|two|three)(?: (?:decimals?|digits|decimal places))?| the nearest (?:integer|whole number))?(?=,| as | into |$)",
    re.IGNORECASE,
)


def _rounding(text: str) -> tuple[str, int | None]:
    """「…的平均分，四舍五入保留整数，叫均分」: the words without the rounding, and to how many decimals."""
    found = _ROUNDED.search(text)
    if found is None or found.start() < 4:
        return text, None
    said = found.group("zh") or found.group("en") or "0"
    digits = 0 if said.startswith("整") else int(number(re.sub(r"位|小数", "", said)) or 0)
    return text[: found.start()] + text[found.end() :], digits


def _derived(c: Clause, name: str, tree: dict[str, Any]) -> Reading:
    fresh = free(c, name)
    return decided(
        draft("derive_column", new_name=fresh, expression=tree, kind=""), weight=67, subject=(fresh,)
    )


_UNNAMED: Final = re.compile(
    r"^(?:请|帮我)?(?:新增(?:一列)?|增加一列|添加一列|加一列|新建一列|提取出?|取出)[,:]?(?:为|是|等于)?(?P<zh>.{2,200})$|^(?:add|create|make) (?:a |the )?(?:new )?column (?:with|for|of|holding|that is|containing)(?: the)? ?(?P<en>.{2,200})$|^(?:extract|get|take|pull|work out|compute|calculate) (?:the )?(?P<en2>.{2,200})$",
    re.IGNORECASE,
)


_COPY: Final = re.compile(
    rf"^(?:把|将)?(?:复制|拷贝|备份|copy|duplicate|clone)(?:一[列份下])?(?: the)?(?: column)? ?(?P<col>{C})(?:列)?(?:一[列份])?(?: column)?(?:[, ]?(?:到|为|成|叫做?|存为|,|\b(?:to|as|into|in)\b(?: an?\b)?(?: new\b)?(?: column\b)?(?: called\b)?)+ ?{_NAME}(?:列)?)?$",
    re.IGNORECASE,
)


def _copied(c: Clause, text: str) -> Reading | None:
    """「复制一列打分」, copy score to score2."""
    found = _COPY.match(text)
    names = c.names(found.group("col")) if found else ()
    if found is None or len(names) != 1:
        return None
    said = found.group("name")
    name = c.literal(said) if said else c.say(f"{names[0]}_副本", f"{names[0]}_copy")
    return _derived(c, name, {"column": names[0]})


def _alone(c: Clause, text: str) -> Reading | None:
    """「收入四舍五入到整数」 says no name: a new column, so that nothing is lost, and it is said."""
    tree = expression(c, text) if re.search(r"舍|取整|小数|整数|round", text, re.IGNORECASE) else None
    if tree is None or tree.get("fn") != "round" or "column" not in tree["args"][0]:
        return None
    name = tree["args"][0]["column"]
    fresh = free(c, c.say(f"{name}_取整", f"{name}_rounded"))
    note = c.say(
        f"结果放在新列「{fresh}」，原列不变。",
        f"The result is in the new column “{fresh}”; the column itself stays.",
    )
    step = draft("derive_column", new_name=fresh, expression=tree, kind="")
    return decided(step, weight=60, subject=(fresh,), assumptions=(note,))


def _unnamed(c: Clause, text: str) -> Reading | None:
    copied = _copied(c, text)
    if copied is not None:
        return copied
    match = _UNNAMED.match(text)
    body = next((g for g in match.groups() if g), "") if match else ""
    tree = expression(c, body) if body else None
    if tree is None:
        return _alone(c, text)
    return _derived(c, c.plain(body).strip("的 ")[:30], tree)


# Where the value of a case may begin; tried from the right, so that 「大于等于9为推荐者」 splits at 为.
_THEN: Final = re.compile(
    r",?(?:就|则|那么)?(?:标记?为|填写?为?|记为|设为|算作?|归为|写成?|写|分为|定义为|取值?为?|叫做?|称为|则为|为|是|=|:|填|则|就是|标|属于|取)|"
    r",?\s?(?<![A-Za-z])(?:then(?: it is| set it to)?|is|becomes|gets|should be|as|to be|mark(?:ed)?(?: it)? as|call it|it is|labelled)(?![A-Za-z])|->|=",
    re.IGNORECASE,
)
_IF_HEAD: Final = re.compile(r"^(?:如果|若|当|对于|把|将|(?:and )?(?:if|when|where|for)\b)\s?", re.IGNORECASE)
_IF_TAIL: Final = re.compile(r"(?:的人|的用户|的样本|的行|的)?\s?(?:时|的时候)?,?(?:就|则|那么|,)?$")
_VALUE: Final = re.compile(r"[\ue800-\uefff]|[^,;。]{1,20}")
_THEN_FIRST: Final = (
    re.compile(
        r"^(?P<then>[\ue800-\uefff]|[A-Za-z0-9_\-]{1,20}|[\u4e00-\u9fff]{1,10}) (?:if|when|where|for) (?P<if>.{1,160})$",
        re.IGNORECASE,
    ),
    re.compile(
        r"^(?P<then>[\ue800-\uefff]|[A-Za-z0-9_\-]{1,20}|[\u4e00-\u9fff]{1,10})[:=] ?(?P<if>.{1,160})$",
        re.IGNORECASE,
    ),
)
_ELSE: Final = re.compile(
    r"^(?:否则|其他|其它|其余|剩下|别的|不然|反之|(?:and )?(?:otherwise|else|everyone else|everything else|all others|others|the rest|for the rest|rest))(?:的人|的|人|情况|者|都|全部)*,?(?:则|就)?(?:标记?为|填写?为?|记为|设为|算作?|归为|叫做?|称为|写|取|为|是|标|填|=|:|\b(?:is|are|as|gets?|becomes?)\b)*\s?(?P<else>[\ue800-\uefff]|[^,;]{1,20})$|^(?P<else2>[\ue800-\uefff]|[A-Za-z0-9_\-]{1,20}) (?:otherwise|else|for the rest|for (?:all )?others|for everyone else)$",
    re.IGNORECASE,
)


_CASES: Final = re.compile(
    rf"^{_NAME}:\s?(?P<body>.*(?:否则|其余|其他|otherwise|else).{{1,40}})$", re.IGNORECASE
)


def conditional_column(c: Clause) -> Reading | None:
    text = re.sub(r"^(?:请|帮我|麻烦|please |can you )+", "", c.text, flags=re.IGNORECASE)
    for pattern in (*_HEAD, *_TAIL, _CASES):
        match = pattern.match(text)
        if match is not None:
            reading = _cases(c, c.literal(match.group("name")), match.group("body"))
            if reading is not None:
                return reading
    return _cases_first(c, text)


_FIRST: Final = re.compile(
    rf"^(?:按照?|根据)?(?P<body>.{{4,300}}?)(?:,|。|;)(?:存为|存到|放到|写入|新列(?:叫|为|名为)|结果(?:放在|存为)|列名(?:叫|为)?|生成新列|得到|保存为|命名为|\b(?:in|as|into|called)\b)(?:新列|a new column|column)?(?:叫)?\s?{_NAME}(?:列)?$",
    re.IGNORECASE,
)


def _cases_first(c: Clause, text: str) -> Reading | None:
    match = _FIRST.match(text)
    return _cases(c, c.literal(match.group("name")), match.group("body")) if match else None


def _cases(c: Clause, name: str, body: str) -> Reading | None:
    cases: list[dict[str, Any]] = []
    otherwise: Any = None
    closes = re.search(r"\s(?:otherwise|else|for the rest)$", body, re.IGNORECASE)
    body = (
        body
        if closes
        else re.sub(r"(?<=[^,;])\s?(?=(?:否则|\b(?:otherwise|else)\b))", ",", body, flags=re.IGNORECASE)
    )
    carried = ""
    for part in re.split(
        r"[,;、]\s?(?:and |然后|而|再)?|\s(?:and|but) (?=[\ue800-\uefffA-Za-z0-9]{1,20} (?:if|when|where|for|otherwise)\b)",
        body,
        flags=re.IGNORECASE,
    ):
        said = part.strip()
        if not said:
            continue
        last = _ELSE.match(said)
        if last is not None:
            otherwise = _value(c, last.group("else") or last.group("else2"))
            continue
        case = _case(c, said, carried)
        if case is None:
            return None
        cases.append(case)
        columns = conditioned_columns(case["where"])
        carried = columns[0] if len(columns) == 1 else carried
    if not cases:
        return None
    fresh = free(c, name)
    return decided(
        draft("conditional_column", new_name=fresh, cases=cases, otherwise=otherwise),
        weight=68,
        subject=(fresh,),
    )


def _case(c: Clause, part: str, carried: str) -> dict[str, Any] | None:
    text = _IF_HEAD.sub("", part)
    splits = [(text[: m.start()], text[m.end() :]) for m in reversed(list(_THEN.finditer(text)))]
    splits += [(m.group("if"), m.group("then")) for pattern in _THEN_FIRST if (m := pattern.match(part))]
    for condition, value in splits[:12]:
        if not _VALUE.fullmatch(value.strip()):
            continue
        said = _IF_TAIL.sub("", condition)
        where = c.reader.read(said) or (_with_subject(c, said, carried) if carried else None)
        if where is not None:
            return {"where": where, "value": _value(c, value)}
    return None


def _with_subject(c: Clause, text: str, carried: str) -> Where | None:
    reader = c.reader
    return type(reader)(reader.linked, reader.schema, reader.profile, reader.today, carried).read(text)


def _value(c: Clause, text: str) -> str | int | float:
    said = c.literal(re.sub(r"^(?:an? |the )|(?:组|类)?[.。]$", "", text.strip()))
    parsed = number(said)
    return parsed if parsed is not None and re.fullmatch(r"[+\-]?[0-9.]+", said) else said


FRAMES = (derive_column, conditional_column)
