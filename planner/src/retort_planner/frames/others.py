"""Cells by what their row is: 城市除了上海、广州，其余归到“其他”; everyone in Guangdong gets city Guangzhou; age > 120 → empty."""

from __future__ import annotations

import re
from typing import Any, Final

from retort_core.schema import Kind
from retort_planner.frames.base import SEP, Clause, Reading, decided, draft
from retort_planner.literals import number
from retort_planner.text import C, L, narrow
from retort_planner.trees import Where, conditioned_columns

_REST: Final = (
    re.compile(
        rf"^(?:把|将|对)?(?P<col>{C})(?:列|字段)?(?:里面?|中|内|上)?(?:的)?,?除了?(?P<kept>.{{1,120}}?)(?:以外|之外|外)?(?:的)?,?(?:其余|其他|其它|别的|剩下)(?:的)?(?:值|城市|取值|选项|人)?(?:都|全部?|统一|一律)*(?:归[为到成入并]*|改[成为]|设[为成]|写成|算作?|记为|合并[为成到]*|叫做?|变成|当作?)\s?(?P<to>{L}|[^,;]{{1,20}})$"
    ),
    re.compile(
        rf"^(?:set |change |make |turn |put |recode )?(?:everything|anything|all(?: other)?(?: values)?|every value)(?: in(?: the)? (?P<col>{C}))? (?:other than|but|except(?: for)?|besides|apart from) (?P<kept>.{{1,120}}?)(?: in(?: the)? (?P<col2>{C}))?,? (?:becomes?|to|as|into|should be|is) ?(?P<to>{L}|[^,;]{{1,30}})$",
        re.IGNORECASE,
    ),
)
_GIVEN: Final = re.compile(
    rf"^(?P<where>.{{2,120}}?) (?:gets?|should have|has to have|receives?|must have)(?: an?| the)? (?P<col>{C})(?: of| =| to)? (?P<to>{L}|[^,;]{{1,40}})$",
    re.IGNORECASE,
)
_ARROW: Final = re.compile(
    rf"^(?:把|将)?(?P<where>.{{2,160}}?)(?:的)?\s?(?:->|→|=>)\s?(?:设为|改成|set to )?(?P<to>{L}|[^,;→>]{{1,30}})$"
)
_EMPTY: Final = re.compile(r"空值?|空白|缺失值?|null|none|na|empty|missing|blank|nothing", re.IGNORECASE)


def rest_to(c: Clause) -> Reading | None:
    found = next((m for pattern in _REST if (m := pattern.match(c.text))), None)
    if found is None:
        return None
    groups = found.groupdict()
    char = groups["col"] or groups.get("col2")
    names = c.names(char) if char else tuple(n for n in c.carried if c.schema.find(n))
    parts = [p for p in re.split(SEP, found.group("kept"), flags=re.IGNORECASE) if p and p.strip()]
    kept = [_typed(c, names[0], part) for part in parts] if len(names) == 1 else []
    if not kept or re.search(C, found.group("kept")):
        return None
    where: Where = {"column": names[0], "op": "nin", "value": kept}
    if len(kept) == 1:
        where = {"column": names[0], "op": "ne", "value": kept[0]}
    return _set(c, names[0], where, found.group("to"))


def given(c: Clause) -> Reading | None:
    found = _GIVEN.match(c.text)
    where = c.reader.read(found.group("where")) if found else None
    names = c.names(found.group("col")) if found else ()
    return _set(c, names[0], where, found.group("to")) if found and where and len(names) == 1 else None


def arrow(c: Clause) -> Reading | None:
    """A condition and what its cells become; two columns with an arrow are a new name."""
    found = _ARROW.match(c.text)
    where = c.reader.read(found.group("where")) if found else None
    names = conditioned_columns(where) if where else ()
    return _set(c, names[0], where, found.group("to")) if found and where and len(names) == 1 else None


def _set(c: Clause, name: str, where: Where, to: str) -> Reading:
    value: Any = None if _EMPTY.fullmatch(to.strip()) else _typed(c, name, to)
    return decided(draft("set_value", column=name, where=where, value=value), weight=72, subject=(name,))


def _typed(c: Clause, name: str, text: str) -> str | int | float:
    column, said = c.schema[name], c.literal(text)
    parsed = number(said)
    numeric = column.dtype.numeric and column.kind is not Kind.multi
    return parsed if numeric and parsed is not None else narrow(said)


FRAMES = (rest_to, given, arrow)
