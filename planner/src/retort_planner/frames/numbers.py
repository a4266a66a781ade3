"""Numbers: outliers and bands."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from retort_core.schema import Column
from retort_planner.counting import rows_where
from retort_planner.frames.base import GAP, Clause, Part, Reading, Way, decided, draft
from retort_planner.frames.rows import free, new_name
from retort_planner.lexicon import cue
from retort_planner.literals import NUMBER, number
from retort_planner.text import L

AGE: Final = re.compile(r"年龄|岁数|\bages?\b", re.IGNORECASE)
_NUM: Final = r"[+\-]?[0-9]+(?:\.[0-9]+)?"
_RANGE: Final = re.compile(
    rf"(?:在|限制在|截断到|介于|between|to)?\s?(?P<low>{_NUM})\s?(?:岁|分)?\s?(?:到|至|~|-|—|–|‥|和|\bto\b|\band\b)\s?(?P<high>{_NUM})\s?(?:岁|分)?(?:之间|以内|之内|范围内?|区间)?",
    re.IGNORECASE,
)


def domain(column: Column) -> tuple[float, float] | None:
    """What a value can be at all: the scale, or 0–120 for an age."""
    if column.scale is not None:
        return column.scale.min, column.scale.max
    return (0, 120) if AGE.search(f"{column.name} {column.label}") and column.dtype.numeric else None


def outside(column: Column, low: float, high: float) -> dict[str, Any]:
    return {
        "any": [
            {"column": column.name, "op": "lt", "value": _int(low)},
            {"column": column.name, "op": "gt", "value": _int(high)},
        ]
    }


def _int(value: float) -> int | float:
    return int(value) if value == int(value) else value


@dataclass(frozen=True)
class _Rule:
    method: str = ""
    low: float | None = None
    high: float | None = None
    k: float | None = None


_HOW: Final = (
    r"用|按照?|采用|使用|根据|方法|法则?|规则|之外|以外|超过|超出|偏离|范围|检测|识别|找出?|是否|均值|的?值|"
    r"\b(?:using|with|by|the|methods?|rule|beyond|outside|more than|from|away|based on|mean|detect|find|anything|everything|all|values?|out|those|where|is|are|that)\b"
)


def handle_outliers(c: Clause) -> Reading | None:
    k = c.cutter()
    clip = k.cue("clip")
    spoken = k.cue("outliers")
    span = _RANGE.search(k.left) if clip else None
    bound = _BOUND.search(k.left) if clip and span is None else None
    rule = _rule(k)
    if not (spoken or clip or (rule.method and (c.has("drop") or c.has("flagword") or c.has("clear")))):
        return None
    if span is not None:
        k.remove(span)
        rule = _Rule("range", float(span.group("low")), float(span.group("high")))
    if bound is not None and clip is not None:
        k.remove(bound)
        rule = _bounded(clip.group(), bound)
    columns = k.columns()
    action = "clip" if clip else _action(k)
    k.cue("bare")
    k.cue("outliers")
    while k.cut(_HOW):
        pass
    columns = columns or tuple(n for n in c.carried if c.schema.find(n))
    if not columns and spoken and k.clean:
        return _whose(c, rule, action)
    if len(columns) != 1 or not k.clean:
        return None
    return _outliers(c, c.schema[columns[0]], rule, action)


_BOUND: Final = re.compile(
    rf"(?:到|在|为|是|\b(?:at|to|of)\b)?\s?(?P<n>{NUMBER})(?:元|块|分|岁)?(?![0-9])", re.IGNORECASE
)


def _bounded(clip: str, bound: re.Match[str]) -> _Rule:
    """封顶五万, cap at 50000: the upper end; 保底, floor the lower one."""
    edge = number(bound.group("n"))
    low = re.search(r"保底|下限|托底|floor", clip, re.IGNORECASE) is not None
    return _Rule("range", low=edge) if low else _Rule("range", high=edge)


def _whose(c: Clause, rule: _Rule, action: str) -> Reading | None:
    """「删除异常值」 names no column: asked, with what lies outside of what a value can be."""
    ways: list[tuple[int, Way]] = []
    for column in c.schema.columns:
        bounds = domain(column)
        if bounds is None or not column.dtype.numeric or rule.method:
            continue
        count = rows_where(outside(column, *bounds), c.schema, c.profile)
        label = c.say(
            f"「{column.name}」在 {_int(bounds[0])}–{_int(bounds[1])} 之外的",
            f"“{column.name}” outside {_int(bounds[0])}–{_int(bounds[1])}",
        )
        step = _draft(c, column, _Rule("range", *bounds), action or "flag")
        if count != 0:
            ways.append((count or 0, Way((step,), label, rows=count)))
    if not ways:
        return None
    found = [way for _, way in sorted(ways, key=lambda item: -item[0])[:6]]
    leave = Way((), c.say("先不处理", "Leave it for now"))
    ask = c.say("要处理哪一列的异常值？", "The outliers of which column?")
    return Reading(Part((*found, leave), ask=ask), 60)


def _rule(k: Any) -> _Rule:
    match = k.cue("zscore")
    if match is not None:
        times = re.search(r"[0-9.]+|三|两|二|two|three", match.group())
        return _Rule("zscore", k=float(number(times.group()) or 3) if times else None)
    for method in ("iqr", "mad"):
        if k.cue(method):
            times = k.cut(rf"(?P<k>{_NUM})\s?倍|(?P<en>{_NUM}) ?(?:x|times)")
            return _Rule(method, k=float(times.group("k") or times.group("en")) if times else None)
    return _Rule()


def _action(k: Any) -> str:
    if k.cue("flagword"):
        return "flag"
    if k.cut(
        r"(?:设置?[为成]|置[为成]?|改[为成]|变[为成]|当作|替换[为成]|标为)(?:缺失值?|空值?|null)|清空|\b(?:set|make|turn|replace|change|convert)\b|(?:to|with|as) (?:missing|empty|null|blank|na)|\b(?:blank(?: out)?|clear|null out)\b"
    ):
        k.cut(r"(?:to|with|as|into) (?:missing|empty|null|blank|na)|缺失|空")
        return "missing"
    return "drop" if k.cue("drop") else ""


def _outliers(c: Clause, column: Column, rule: _Rule, action: str) -> Reading:
    note: tuple[str, ...] = ()
    bounds = domain(column)
    if not rule.method and bounds is not None:
        rule = _Rule("range", *bounds)
        low, high = _int(bounds[0]), _int(bounds[1])
        note = (
            c.say(
                f"「{column.name}」按合理范围 {low}–{high} 判断，之外的算异常。",
                f"“{column.name}”: anything outside {low}–{high} counts as an outlier.",
            ),
        )
    if action and rule.method:
        return Reading(
            Part((Way((_draft(c, column, rule, action),)),), subject=(column.name,), assumptions=note), 66
        )
    return Reading(_ask(c, column, rule, action, note), 66)


def _draft(c: Clause, column: Column, rule: _Rule, action: str) -> Any:
    name = free(c, c.say(f"{column.name}_异常", f"{column.name}_outlier")) if action == "flag" else ""
    low, high = (None if v is None else _int(v) for v in (rule.low, rule.high))
    return draft(
        "handle_outliers",
        column=column.name,
        method=rule.method,
        low=low,
        high=high,
        k=rule.k,
        action=action,
        new_name=name,
    )


def _ask(c: Clause, column: Column, rule: _Rule, action: str, note: tuple[str, ...]) -> Part:
    """What counts as an outlier, or what to do with it, was not said."""
    count = None
    if rule.method == "range" and rule.low is not None and rule.high is not None:
        count = rows_where(outside(column, rule.low, rule.high), c.schema, c.profile)
    if rule.method:
        words = (
            ("missing", c.say("设为空，行保留", "Set them empty, keep the rows")),
            ("drop", c.say("删除这些行", "Drop these rows")),
            ("flag", c.say("只加一列标记", "Only flag them in a new column")),
        )
        ways = tuple(
            Way((_draft(c, column, rule, what),), label, rows=count, default=what == "flag", rule=what)
            for what, label in words
        )
        return Part(
            ways,
            ask=c.say(
                f"「{column.name}」的异常值怎么处理？",
                f"What should happen to the outliers of “{column.name}”?",
            ),
            subject=(column.name,),
            assumptions=note,
            convention=f"outliers:{column.name}",
        )
    rules = (
        (_Rule("iqr"), c.say("四分位距法（1.5 倍 IQR）", "1.5 × IQR")),
        (_Rule("zscore", k=3.0), c.say("3 倍标准差", "3 standard deviations")),
        (_Rule("mad"), c.say("绝对中位差（MAD）", "Median absolute deviation")),
    )
    ways = tuple(
        Way(
            (_draft(c, column, r, action or "flag"),),
            label,
            default=(action or "flag") == "flag" and n == 0,
            rule=r.method,
        )
        for n, (r, label) in enumerate(rules)
    )
    return Part(
        ways,
        ask=c.say(
            f"「{column.name}」的异常值按哪种方法判断？", f"How should outliers of “{column.name}” be found?"
        ),
        subject=(column.name,),
        convention=f"outlier method:{column.name}",
    )


_BAND: Final = re.compile(
    rf"(?:(?P<name1>[\u4e00-\u9fffA-Za-z]{{1,8}})[(:])?\s?(?:(?P<low>{_NUM})\s?(?:岁|分|元)?\s?(?:-|~|到|至|–|—|‥|\bto\b)\s?(?P<high>{_NUM})|(?P<least>{_NUM})\s?(?:岁|分|元)?\s?(?:及?其?以上|\+|(?:and|or) (?:over|above|older|more|up)|plus)|(?:不满|未满|小于|不足|低于|under|below|less than|younger than|<)\s?(?P<under>{_NUM})"
    rf"|(?P<most>{_NUM})\s?(?:岁|分|元)?\s?(?:及?其?以下|(?:and|or) (?:under|below|younger|less))|(?:大于|超过|高于|over|above|more than|older than|>)\s?(?P<over>{_NUM})|(?P<below>{_NUM})\s?(?:岁|分|元)?\s?(?:-|以内|之前))\s?(?:岁|分|元)?\)?\s?(?:(?:的)?(?:为|是|叫做?|算作?|记为|=|:|\b(?:as|is|are|called)\b)\s?(?P<name2>[\ue800-\uefff]|[\u4e00-\u9fffA-Za-z]{{1,12}})|(?P<name3>(?![岁分以及其和与一二两三四五段组])[\u4e00-\u9fff]{{1,8}}))?",
    re.IGNORECASE,
)
_STEP: Final = re.compile(
    r"每(?:隔)?\s?(?P<zh>[0-9]+|[一二两三四五六七八九十]+)\s?(?:岁|分|元|个)?(?:一|为一)?[个段组档]|(?:every|in steps of|of width|by|in) (?P<en>[0-9]+)(?:[- ]?(?:years?|points?))?(?: (?:bands?|bins?|groups?|intervals?|steps?))?",
    re.IGNORECASE,
)
_EDGES: Final = re.compile(
    r"(?:按照?|在|以|用|\bat\b|\bon\b|\bedges?\b|\bcut ?points?\b|\busing\b)\s?(?P<edges>[0-9.]+(?:\s?(?:岁|分)?\s?(?:、|,|和|/|,? and|\s)\s?[0-9.]+){1,12})\s?(?:岁|分)?(?:为界|为断点|作为分界点?|处|切分|分界|这几个点)?",
    re.IGNORECASE,
)


def bin_numeric(c: Clause) -> Reading | None:
    if not c.has("bin"):
        return None
    tries = [(c.text, ""), new_name(c, c.text)]
    if len(re.findall(r"\bas\b", c.text, re.IGNORECASE)) == 1:
        tries.reverse()  # one name for several bands is the name of the column
    for text, name in dict.fromkeys(tries):
        reading = _binned(c, text, name)
        if reading is not None:
            return reading
    return None


def _binned(c: Clause, text: str, name: str) -> Reading | None:
    k = c.cutter()
    k.left = text
    columns = k.all_columns()  # bin age into age groups: one column, named twice
    column = c.schema.find(columns[0]) if len(columns) == 1 else None
    if column is None or not column.dtype.numeric:
        return None
    bands, note = _bands(c, k, column)
    while k.cue("bin"):
        pass
    k.cue("add")
    k.cut(r"按照?|根据")
    k.cut(
        r"[0-9一二两三四五六七八九十]+\s?(?:个|段|组|档|类)|(?:年龄|分数|收入)?(?:段|组|区间|档|层次?)|\b(?:bands?|bins?|groups?|ranges?|brackets?|categories|intervals?|buckets?|age|into|the|years?|old)\b|其余|其他"
    )
    k.cut(
        r"[成为]|段|组|\b(?:bands?|bins?|groups?|ranges?|brackets?|categories|buckets?|into|years?|old)\b|区间|几|做|三|四|五"
    )
    if not bands or not k.clean:
        return None
    fresh = free(
        c,
        name
        or c.say(
            f"{column.name}段" if column.name.endswith("龄") else f"{column.name}_分段", f"{column.name}_band"
        ),
    )
    return decided(
        draft("bin_numeric", column=column.name, bands=bands, new_name=fresh),
        weight=66,
        subject=(fresh,),
        assumptions=note,
    )


def _bands(c: Clause, k: Any, column: Column) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    step = _STEP.search(k.left)
    if step is not None:
        k.remove(step)
        return _steps(c, column, int(number(step.group("zh") or step.group("en")) or 10)), ()
    edges = _EDGES.search(k.left)
    if edges is not None and not re.search(r"[0-9]\s?[-~到至]", k.left):
        k.remove(edges)
        return _from_edges(c, [float(n) for n in re.findall(r"[0-9.]+", edges.group("edges"))]), ()
    found = [
        m
        for m in _BAND.finditer(k.left)
        if any(m.group(g) for g in ("low", "least", "under", "most", "over", "below"))
    ]
    if len(found) > 1:
        bands = _read(c, found)
        k.left = _BAND.sub(lambda m: GAP if m in found or m.group().strip() else m.group(), k.left)
        k.left = re.sub(r"\s?(?:和|、|,|以及|\band\b)\s?", " ", k.left)
        return bands, ()
    if found:
        return [], ()
    if AGE.search(f"{column.name} {column.label}"):
        return _from_edges(c, [18, 25, 35, 45, 55], whole=True), (
            c.say(
                "没有说怎么分，用常见的年龄段 18–24、25–34、35–44、45–54、55 以上。",
                "No bands were given; the usual 18–24, 25–34, 35–44, 45–54, 55+ are used.",
            ),
        )
    return _quartered(c, column)


def _quartered(c: Clause, column: Column) -> tuple[list[dict[str, Any]], tuple[str, ...]]:
    known = c.profile.find(column.id) if c.profile else None
    if (
        known is None
        or known.numbers is None
        or len({known.numbers.q1, known.numbers.median, known.numbers.q3}) < 3
    ):
        return [], ()
    points = [known.numbers.q1, known.numbers.median, known.numbers.q3]
    return _from_edges(c, points), (
        c.say(
            "没有说怎么分，按四分位数分成四段。", "No bands were given; four bands at the quartiles are used."
        ),
    )


def _steps(c: Clause, column: Column, width: int) -> list[dict[str, Any]]:
    known = c.profile.find(column.id) if c.profile else None
    bounds = domain(column)
    low = known.numbers.min if known and known.numbers else 0
    high = known.numbers.max if known and known.numbers else 100
    if bounds is not None:
        low, high = max(low, bounds[0]), min(high, bounds[1])
    start = int(low // width) * width
    edges = list(range(start, min(int(high), start + 60 * width) + 1, width))
    return [_band(edge, edge + width, _label(edge, edge + width - 1)) for edge in edges] if width > 0 else []


def _from_edges(c: Clause, points: list[float], *, whole: bool = False) -> list[dict[str, Any]]:
    points = sorted(set(points))
    integral = all(point == int(point) for point in points)
    under = _band(None, points[0], c.say(f"{_int(points[0])}以下", f"under {_int(points[0])}"))
    middle = [
        _band(a, b, _label(a, b - 1) if integral else f"{_int(a)}-{_int(b)}") for a, b in pairwise(points)
    ]
    over = _band(points[-1], None, c.say(f"{_int(points[-1])}以上", f"{_int(points[-1])}+"))
    return [*([] if whole else [under]), *middle, over]


def _band(low: float | None, high: float | None, label: str) -> dict[str, Any]:
    return {
        "low": None if low is None else _int(low),
        "high": None if high is None else _int(high),
        "label": label,
    }


def _label(low: float, high: float) -> str:
    return f"{_int(low)}-{_int(high)}"


def _read(c: Clause, found: list[re.Match[str]]) -> list[dict[str, Any]]:
    """18-24, 25-34 are [18, 25), [25, 35): an integer end includes itself unless the next band starts there."""
    starts = [float(m.group("low") or m.group("least") or m.group("over") or "nan") for m in found]
    bands = []
    for at, match in enumerate(found):
        following = starts[at + 1] if at + 1 < len(found) else None
        low, high = _ends(match, following)
        name = match.group("name1") or match.group("name2") or match.group("name3")
        label = (
            c.literal(name)
            if name and (re.fullmatch(L, name) or not cue("bin").fullmatch(name))
            else _written(c, match)
        )
        bands.append(_band(low, high, label))
    return bands


def _ends(match: re.Match[str], following: float | None) -> tuple[float | None, float | None]:
    group = match.groupdict()
    if group["low"]:
        high = float(group["high"])
        return float(group["low"]), high if following == high or not high.is_integer() else high + 1
    if group["least"]:
        return float(group["least"]), None
    if group["over"]:
        over = float(group["over"])
        return over + 1 if over.is_integer() else over, None
    if group["under"]:
        return None, float(group["under"])
    top = float(group["most"] or group["below"])
    return None, top if following == top else top + 1


def _written(c: Clause, match: re.Match[str]) -> str:
    group = match.groupdict()
    if group["low"]:
        return f"{group['low']}-{group['high']}"
    if group["least"] or group["over"]:
        return c.say(
            f"{group['least'] or group['over']}以上",
            f"{group['least'] or group['over']}+" if group["least"] else f"over {group['over']}",
        )
    edge = group["under"] or group["most"] or group["below"]
    return c.say(f"{edge}以下", f"under {edge}" if group["under"] else f"up to {edge}")


FRAMES = (handle_outliers, bin_numeric)
