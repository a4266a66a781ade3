"""Suggestions: what the data itself proposes, each a ready plan with its count. Buttons, never applied by themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, Literal

from retort_core.errors import StepError
from retort_core.plans import Lang, Plan, Step, Suggestion
from retort_core.profiles import ColumnProfile, Profile
from retort_core.schema import Column, DType, Kind, Schema
from retort_planner import counting, variants
from retort_planner.frames.numbers import domain, outside
from retort_planner.titles import title
from retort_plans.simulation import simulate

MOSTLY_MISSING: Final = 0.9
MOST_LISTED: Final = 5


def suggest(schema: Schema, profile: Profile, lang: Lang) -> tuple[Suggestion, ...]:
    """Every suggestion that runs on the schema, in a stable order: sparse columns, spellings, dates, ranges, codes,
    duplicates, spaces, broken encodings."""
    desk = _Desk(schema, profile, lang)
    found = [item for check in _CHECKS for column in schema.columns for item in check(desk, column)]
    found += _whole_rows(desk)
    return tuple(item for item in found if _runs(item.plan, schema))


def _runs(plan: Plan, schema: Schema) -> bool:
    try:
        simulate(plan, schema)
    except StepError:
        return False
    return True


@dataclass(frozen=True)
class _Desk:
    schema: Schema
    profile: Profile
    lang: Lang

    def say(self, chinese: str, english: str) -> str:
        return chinese if self.lang == "zh" else english

    def of(self, column: Column) -> ColumnProfile | None:
        return self.profile.find(column.id)

    def made(
        self,
        key: str,
        text: str,
        action: str,
        op: str,
        params: dict[str, Any],
        rows: int,
        severity: Literal["info", "warning", "error"] = "warning",
    ) -> Suggestion:
        steps = (Step(id="s1", op=op, params=params),)
        return Suggestion(
            id=key,
            text=text,
            action=action,
            plan=Plan(title=title(steps, self.lang), steps=steps),
            rows=rows,
            severity=severity,
        )


def _sparse(desk: _Desk, column: Column) -> Iterator[Suggestion]:
    known = desk.of(column)
    if known is None or not known.rows or known.missing / known.rows < MOSTLY_MISSING:
        return
    share = f"{known.missing / known.rows:.0%}"
    text = desk.say(
        f"「{column.name}」列 {share} 是空的（{known.missing}/{known.rows} 行）。",
        f"Column “{column.name}” is {share} empty ({known.missing} of {known.rows} rows).",
    )
    yield desk.made(
        f"sparse:{column.id}",
        text,
        desk.say(f"删除「{column.name}」列", f"Drop column “{column.name}”"),
        "drop_columns",
        {"columns": [column.name]},
        known.missing,
    )


def _spellings(desk: _Desk, column: Column) -> Iterator[Suggestion]:
    found = variants.groups(column, desk.profile)
    if not found:
        return
    rows = sum(group.rows for group in found)
    listed = desk.say("；", "; ").join(
        "、".join(f"{held.value}({held.count})" for held in group.others[:MOST_LISTED])
        + f" → {group.keep.value}({group.keep.count})"
        for group in found[:MOST_LISTED]
    )
    text = desk.say(
        f"「{column.name}」列有同一取值的不同写法：{listed}。",
        f"Column “{column.name}” writes the same value in several ways: {listed}.",
    )
    merged = [{"from": [held.value for held in group.others], "to": group.keep.value} for group in found]
    yield desk.made(
        f"variants:{column.id}",
        text,
        desk.say(f"统一「{column.name}」的写法", f"Unify the spellings of “{column.name}”"),
        "merge_values",
        {"column": column.name, "groups": merged},
        rows,
    )


def _dates(desk: _Desk, column: Column) -> Iterator[Suggestion]:
    known = desk.of(column)
    forms = known.dates if known else None
    if (
        known is None
        or forms is None
        or (column.dtype is not DType.text and not known.invalid)
        or not forms.forms
    ):
        return
    if column.dtype is DType.text and column.kind not in (Kind.date, Kind.text):
        return
    listed = desk.say("、", ", ").join(f"{form} ({count})" for form, count in forms.forms.items())
    voted = {
        "day_first": desk.say("按投票是日在前", "the vote says day first"),
        "month_first": desk.say("按投票是月在前", "the vote says month first"),
        "conflict": desk.say(
            "两种顺序都有证据，分不清的先不动", "both orders occur; unclear ones are left alone"
        ),
        "ambiguous": desk.say(
            f"有 {forms.ambiguous} 行分不清日和月，先不动",
            f"{forms.ambiguous} rows could be either and are left alone",
        ),
    }.get(forms.order, "")
    text = desk.say(
        f"「{column.name}」列的日期有 {len(forms.forms)} 种写法：{listed}",
        f"Dates of “{column.name}” are written in {len(forms.forms)} ways: {listed}",
    )
    order = forms.order if forms.order in ("day_first", "month_first") else "auto"
    rows = known.invalid if column.dtype is not DType.text else sum(forms.forms.values())
    action = desk.say(f"统一「{column.name}」的日期", f"Standardise the dates of “{column.name}”")
    yield desk.made(
        f"dates:{column.id}",
        f"{text}{desk.say('；' if voted else '', '; ' if voted else '')}{voted}{desk.say('。', '.')}",
        action,
        "standardize_date",
        {"columns": [column.name], "order": order},
        rows,
    )


def _codes(desk: _Desk, column: Column) -> tuple[list[str], int]:
    known = desk.of(column)
    declared = {code.value for code in column.missing_codes}
    codes = [code for code in known.proposed_codes if code.value not in declared] if known else []
    return [code.value for code in codes], sum(code.count for code in codes)


def _number(text: str) -> int | float | str:
    try:
        value = float(text)
    except ValueError:
        return text
    return int(value) if value.is_integer() else value


def _range(desk: _Desk, column: Column) -> Iterator[Suggestion]:
    bounds = domain(column)
    if bounds is None or not column.dtype.numeric:
        return
    codes, in_codes = _codes(desk, column)
    beyond = outside(column, *bounds)
    count = counting.rows_where(beyond, desk.schema, desk.profile)
    inside = sum(
        1
        for code in codes
        if isinstance(_number(code), int | float) and bounds[0] <= float(code) <= bounds[1]
    )
    count = (count or 0) - (in_codes if not inside else 0)
    if count <= 0:
        return
    where = (
        {"all": [beyond, {"column": column.name, "op": "nin", "value": [_number(code) for code in codes]}]}
        if codes
        else beyond
    )
    low, high = (_number(str(bound)) for bound in bounds)
    text = desk.say(
        f"「{column.name}」列有 {count} 个值在 {low}–{high} 之外。",
        f"Column “{column.name}” has {count} values outside {low}–{high}.",
    )
    action = desk.say(f"把这 {count} 个值设为空", f"Set these {count} values empty")
    yield desk.made(
        f"range:{column.id}",
        text,
        action,
        "set_value",
        {"column": column.name, "where": where, "value": None},
        count,
    )


def _missing_codes(desk: _Desk, column: Column) -> Iterator[Suggestion]:
    codes, count = _codes(desk, column)
    if not codes:
        return
    known = desk.of(column)
    listed = desk.say("、", ", ").join(
        f"{code.value}({code.count})"
        for code in (known.proposed_codes if known else ())
        if code.value in codes
    )
    text = desk.say(
        f"「{column.name}」列的 {listed} 看起来是缺失代码，现在按普通数字计算。",
        f"{listed} in “{column.name}” look like missing codes but count as numbers.",
    )
    action = desk.say(f"把 {'、'.join(codes)} 算作缺失", f"Count {', '.join(codes)} as missing")
    values = [{"value": code, "label": ""} for code in codes]
    yield desk.made(
        f"codes:{column.id}",
        text,
        action,
        "normalize_missing",
        {"columns": [column.name], "values": values},
        count,
    )


def _duplicates(desk: _Desk, column: Column) -> Iterator[Suggestion]:
    known = next((d for d in desk.profile.duplicates if d.columns == (column.id,)), None)
    if known is None or not (known.identical or known.conflicting):
        return
    text = desk.say(
        f"「{column.name}」有重复：{known.identical} 行完全相同，{known.conflicting} 行编号相同但内容不同。",
        f"“{column.name}” repeats: {known.identical} identical rows, {known.conflicting} rows share the id but differ.",
    )
    if known.identical:
        action, rows = (
            desk.say(
                f"合并 {known.identical} 行完全相同的", f"Collapse the {known.identical} identical rows"
            ),
            known.identical,
        )
        yield desk.made(
            f"duplicates:{column.id}",
            text,
            action,
            "drop_duplicates",
            {"columns": [column.name], "keep": "identical", "ignore": []},
            rows,
        )
        return
    name = _free(desk, desk.say("重复", "duplicate"))
    action = desk.say("把它们标记出来", "Mark them")
    yield desk.made(
        f"duplicates:{column.id}",
        text,
        action,
        "mark_duplicates",
        {"columns": [column.name], "new_name": name},
        known.conflicting,
    )


def _free(desk: _Desk, name: str) -> str:
    number, fresh = 2, name
    while desk.schema.find(fresh) is not None:
        fresh, number = f"{name}_{number}", number + 1
    return fresh


def _whole_rows(desk: _Desk) -> list[Suggestion]:
    every = {column.id for column in desk.schema.columns}
    known = next((d for d in desk.profile.duplicates if set(d.columns) == every and len(every) > 1), None)
    if (
        known is None
        or not known.identical
        or any(len(d.columns) == 1 and d.identical for d in desk.profile.duplicates)
    ):
        return []
    text = desk.say(
        f"有 {known.identical} 行与别的行完全相同。", f"{known.identical} rows repeat another row exactly."
    )
    action = desk.say("合并完全相同的行", "Collapse identical rows")
    return [
        desk.made(
            "duplicates:rows",
            text,
            action,
            "drop_duplicates",
            {"columns": [], "keep": "identical", "ignore": []},
            known.identical,
        )
    ]


def _spaces(desk: _Desk, column: Column) -> Iterator[Suggestion]:
    known = desk.of(column)
    if known is None or not known.spaces or column.dtype is not DType.text:
        return
    text = desk.say(
        f"「{column.name}」列有 {known.spaces} 个单元格带多余的空格或不可见字符。",
        f"{known.spaces} cells of “{column.name}” have stray spaces or invisible characters.",
    )
    yield desk.made(
        f"spaces:{column.id}",
        text,
        desk.say(f"去掉「{column.name}」的空格", f"Trim “{column.name}”"),
        "trim_text",
        {"columns": [column.name]},
        known.spaces,
        "info",
    )


def _broken(desk: _Desk, column: Column) -> Iterator[Suggestion]:
    found = variants.repairs(column, desk.profile)
    if not found:
        return
    rows = sum(held.count for held, _ in found)
    listed = desk.say("、", ", ").join(f"{held.value} → {meant}" for held, meant in found[:3])
    text = desk.say(
        f"「{column.name}」列有 {rows} 个乱码单元格：{listed}。",
        f"{rows} cells of “{column.name}” are garbled: {listed}.",
    )
    mapping = [{"from": held.value, "to": meant} for held, meant in found]
    yield desk.made(
        f"mojibake:{column.id}",
        text,
        desk.say("还原这些乱码", "Restore the garbled text"),
        "replace_values",
        {"columns": [column.name], "mapping": mapping, "match": "exact"},
        rows,
    )


_CHECKS: Final[tuple[Callable[[_Desk, Column], Iterator[Suggestion]], ...]] = (
    _sparse,
    _spellings,
    _dates,
    _range,
    _missing_codes,
    _duplicates,
    _spaces,
    _broken,
)
