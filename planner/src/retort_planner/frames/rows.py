"""Rows: filter, sort, mark."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, Final

from retort_planner.frames.base import GAP, Clause, Reading, decided, draft
from retort_planner.lexicon import cue, either
from retort_planner.polarity import Mode, exception, verbs
from retort_planner.text import NAME, C
from retort_planner.trees import Where, conditioned_columns, negate
from retort_planner.values import holders

_POLITE: Final = re.compile(
    r"^(?:请问?|麻烦你?|帮我|帮忙|给我|我想要?|我要|我们|我只想|我只|需要|可以|能不能|可不可以|please |can you |could you |would you |i want to |i'd like to |let's |i want |i need |we |just (?=drop|remove|delete|exclude|keep|filter|show|sort|mark|flag))+",
    re.IGNORECASE,
)
_GLUE: Final = re.compile(r"(?:都|全部|全|给|一下|掉|即可|就行|就可以|就好|才|就|也|吧|了|出来|的)$")


def filter_rows(c: Clause) -> Reading | None:
    apart = exception(c.text)
    if apart is not None:
        return _excepted(c, apart.inner, apart.rest)
    text = _POLITE.sub("", c.text)
    for verb in verbs(text):
        where = c.reader.read(_remainder(c, text[: verb.start], text[verb.end :]))
        if where is not None:
            return _rows(where, verb.mode)
    return None


def _unglued(c: Clause, text: str) -> str:
    """Without 都, 给, 的 before the verb; the 都 of 成都 is part of the value."""
    while (match := _GLUE.search(text)) is not None:
        held = any(holders(c.schema, c.profile, text[-size:]) for size in range(2, 7))
        if held and text.endswith("都"):
            break
        text = text[: match.start()]
    return text


def _remainder(c: Clause, before: str, after: str) -> str:
    before = _unglued(c, before.strip(" ,"))
    after = re.sub(r"^(?:掉|了|一下|出|下来?|所有|那些|其中|的)+", "", after.strip(" ,"))
    after = _unglued(c, after)
    if re.fullmatch(rf"(?:\s|{either('rows')}|这些|那些|整|的)*", after, re.IGNORECASE):
        return before
    return f"{before} {after}".strip() if before and after else before or after


def _excepted(c: Clause, inner: str, rest: str) -> Reading | None:
    """除了北京都删掉 keeps; 保留除北京以外的 drops."""
    where = c.reader.read(inner)
    k = c.cutter()
    k.left = rest
    if where is None:
        return None
    dropped, kept = k.cue("drop"), None
    if dropped is None:
        kept = k.cue("keep")
    k.cue("rows")
    if set(k.all_columns()) - set(conditioned_columns(where)):
        return None  # 除了上海，别的城市: the column may be said again, another one is another thing
    if not (dropped or kept) or not k.clean:
        return None
    return _rows(where, "keep" if dropped else "drop")


def _rows(where: Where, mode: Mode) -> Reading:
    subject = conditioned_columns(where)
    missing = only_missing(where)
    if mode == "drop" and missing:
        how = "any" if "any" in where or len(missing) == 1 else "all"
        return decided(
            draft("drop_missing", columns=list(missing), how=how, min_valid=None), weight=56, subject=subject
        )
    return decided(
        draft("filter_rows", where=where, mode=mode, unknown="default"), weight=55, subject=subject
    )


def only_missing(where: Where) -> tuple[str, ...]:
    """Columns of a condition that asks for missing cells and nothing else."""
    if where.get("op") == "is_missing":
        return (where["column"],)
    parts: list[Where] = where.get("all") or where.get("any") or []
    names = [only_missing(part) for part in parts]
    return (
        tuple(name for group in names for name in group) if parts and all(len(n) == 1 for n in names) else ()
    )


_KEYS: Final = re.compile(
    rf"({C})(?:列|字段|\scolumns?)?(?:的)?\s?[\(,]?\s?({either('desc')}|{either('asc')})?\)?", re.IGNORECASE
)


def sort_rows(c: Clause) -> Reading | None:
    text = re.sub(
        r"\boldest (?:people|respondents|ones|customers|users)? ?first\b",
        "descending",
        c.text,
        flags=re.IGNORECASE,
    )
    k = c.cutter()
    k.left = text
    if not cue("sort").search(text) and not cue("desc", "asc").search(text):
        return None
    keys: list[dict[str, Any]] = []
    stepwise = re.search(r"再|其次|然后|\bthen\b", text) is not None
    loose = _direction(text) if len(cue("desc", "asc").findall(text)) == 1 else None
    for match in _KEYS.finditer(text):
        names = c.names(match.group(1))
        own = _direction(match.group(2) or "")
        keys.extend(
            {"column": name, "descending": own if own is not None else (not stepwise and loose) or False}
            for name in names
        )
    text = _KEYS.sub(GAP, text)
    k.left = text
    for name in ("desc", "asc"):
        while k.cue(name):
            pass
    k.cue("sort")
    k.cue("rows")
    k.cut(r"分数|成绩|分|整理")
    k.cut(
        r"按照?|根据|依|以|为准|\bby\b|\bin\b|\border\b|顺序|次序|优先|主要|其次|\bthen\b|相同(?:的|时)?|一样的?|内部?"
    )
    while k.cut(r"按照?|根据|依|\bby\b|\bin\b|顺序|次序|优先|相同(?:的|时)?|\bthen\b|\bwithin\b|\border\b"):
        pass
    return decided(draft("sort_rows", keys=keys), weight=54) if keys and k.clean else None


def _direction(text: str) -> bool | None:
    if cue("desc").search(text):
        return True
    return False if cue("asc").search(text) else None


_MARK: Final = (
    re.compile(
        rf"^(?P<verb>{either('mark')})(?:出|所有|那些|一下)*(?P<where>[^\x01]{{2,200}})$", re.IGNORECASE
    ),
    re.compile(
        rf"^(?:把|将|给|对)?(?P<where>[^\x01]{{2,200}}?)(?:都|全部|给)*(?P<verb>{either('mark')})(?:出来|一下)?$",
        re.IGNORECASE,
    ),
)
_MARK_AS: Final = re.compile(
    rf"^(?:把|将|给|对)?(?P<where>[^\x01]{{2,200}}?)(?:都|全部)?(?:标记|标|记|标注|打标)[为成]\s?(?P<name>{NAME})$"
    rf"|^(?:please )?(?:mark|flag|tag|label)(?: all| the)? ?(?P<where2>[^\x01]{{2,200}}?) as (?P<name2>{NAME})$",
    re.IGNORECASE,
)
_NEWNAME: Final = re.compile(
    r"[,;]?\s?(?:(?:列名|新列|新列名|标记列|结果列|名字|列)?(?:为|叫做?|命名为|记为|存为|写入|放在|放到|存到|在)|(?:列名|新列名)|为|\b(?:as|in|into|called|named)\b)\s?(?:新列|a new column|column)?\s?"
    rf"(?P<name>{NAME})(?:列|这一列|\scolumn)?$",
    re.IGNORECASE,
)


def new_name(c: Clause, text: str) -> tuple[str, str]:
    """`text` without 「列名为X」 at its end, and X ("" when not said)."""
    match = _NEWNAME.search(text)
    if match is None:
        return text, ""
    return text[: match.start()], c.literal(match.group("name"))


def flag_rows(c: Clause) -> Reading | None:
    if not c.has("mark"):
        return None
    text = _POLITE.sub("", c.text)
    named = _MARK_AS.match(text)
    where = c.reader.read(named.group("where") or named.group("where2")) if named else None
    if named is not None and where is not None:
        return replace(_flagged(c, where, c.literal(named.group("name") or named.group("name2"))), weight=60)
    for body, name in dict.fromkeys(((text, ""), new_name(c, text))):
        for pattern in _MARK:
            match = pattern.match(body)
            where = c.reader.read(match.group("where")) if match else None
            if where is not None:
                return _flagged(c, where, name)
    return None


def _flagged(c: Clause, where: Where, name: str) -> Reading:
    subject = conditioned_columns(where)
    fresh = free(c, name or c.say(f"{subject[0]}_标记", f"{subject[0]}_flag"))
    return decided(draft("flag_rows", where=where, new_name=fresh, value="1"), weight=57, subject=subject)


def free(c: Clause, name: str) -> str:
    """`name`, numbered when the table has it already."""
    name = re.sub(r"^新的?(?:列|字段|变量)(?=.)", "", name)
    taken, number, fresh = set(c.schema.names), 2, name
    while fresh in taken:
        fresh, number = f"{name}_{number}", number + 1
    return fresh


FRAMES = (filter_rows, sort_rows, flag_rows)
__all__ = ["FRAMES", "flag_rows", "free", "negate", "new_name"]
