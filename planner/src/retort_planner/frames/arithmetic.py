"""Arithmetic in words: 语文+数学, A减B, (a + b) / 2, 三题的平均分, year of date; to the expression tree of the plan language."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final

from retort_planner.frames.base import COLUMNS, Clause
from retort_planner.literals import number
from retort_planner.text import C, L

Expression = dict[str, Any]
_SIGNS: Final = (
    (re.compile(r"加上|加|\bplus\b|\badded to\b"), "+"),
    (re.compile(r"减去|减|\bminus\b|\bless\b|−|–"), "-"),
    (
        re.compile(
            r"乘以|乘|×|\btimes\b|\bmultiplied by\b|(?<=[\ue000-\ue7ff0-9)])\s?x\s?(?=[\ue000-\ue7ff0-9(])"
        ),
        "*",
    ),
    (re.compile(r"除以|÷|\bdivided by\b|\bover\b"), "/"),
)
_TOKEN: Final = re.compile(
    rf"\s*(?:(?P<column>{C})(?:列|字段)?|(?P<number>[0-9]+(?:\.[0-9]+)?(?:%|万|千)?)|(?P<op>[+\-*/()]))"
)
_OPS: Final = {"+": "add", "-": "sub", "*": "mul", "/": "div"}
_MEAN: Final = r"平均(?:分|值|数)?|均值|均分|\b(?:mean|average|avg)\b"
_SUM: Final = r"总和|合计|求和|之和|总分|的和|总计|和|\b(?:sum|total)\b"
_OVER: Final = (
    ("mean", _MEAN),
    ("max", r"最大值|最高分?|最大|\b(?:max(?:imum)?|highest|largest)\b"),
    ("min", r"最小值|最低分?|最小|\b(?:min(?:imum)?|lowest|smallest)\b"),
    (
        "count_valid",
        r"(?:填写|有效|回答)(?:的)?(?:个数|数量|题数)|\b(?:number of (?:valid|answered|filled)(?: answers| items)?|count of valid)\b",
    ),
    ("sum", _SUM),
)
_PART: Final = (
    ("year", r"年份|年|\byear\b"),
    ("month", r"月份|月|\bmonth\b"),
    ("day", r"几号|日|\bday(?: of (?:the )?month)?\b"),
    ("weekday", r"星期几?|周几|星期|\b(?:weekday|day of (?:the )?week)\b"),
    ("length", r"字数|长度|字符数|\b(?:length|number of characters|character count)\b"),
    ("abs", r"绝对值|\babsolute(?: value)?\b"),
)
_DAYS: Final = re.compile(
    rf"({C})(?:列)?\s?(?:和|与|到|至|减去?|and|to|-)\s?(?:the )?({C})(?:列)?(?:之间)?(?:的)?(?:相差|间隔|差)?(?:的)?(?:天数|日数|多少天|几天)|(?:(?:number of )?days|(?:gap|difference|interval|time|length)(?: in days)?) (?:between|from) (?:the )?({C}) (?:and|to) (?:the )?({C})",
    re.IGNORECASE,
)
_ROUND: Final = re.compile(
    rf"({C})(?:列)?(?:的)?(?:四舍五入|取整|保留)(?:到|为|后|保留)*\s?(?P<n>[0-9一二两三四]?)\s?(?:位小数|位|整数)?|(?:round(?:ed)?(?: of)?) ?({C})(?: to (?P<en>[0-9]|one|two|three) (?:decimals?|digits|decimal places)| to (?:the nearest )?(?:integer|whole number))?",
    re.IGNORECASE,
)


@dataclass
class _Parser:
    clause: Clause
    tokens: list[tuple[str, str]]
    at: int = 0

    def peek(self) -> str:
        return self.tokens[self.at][1] if self.at < len(self.tokens) else ""

    def sums(self) -> Expression | None:
        left = self.products()
        while left is not None and self.peek() in ("+", "-"):
            left = self._joined(left, self.products)
        return left

    def products(self) -> Expression | None:
        left = self.unit()
        while left is not None and self.peek() in ("*", "/"):
            left = self._joined(left, self.unit)
        return left

    def _joined(self, left: Expression, following: Any) -> Expression | None:
        op = self.peek()
        self.at += 1
        right = following()
        return {"fn": _OPS[op], "args": [left, right]} if right is not None else None

    def unit(self) -> Expression | None:
        if self.at >= len(self.tokens):
            return None
        kind, text = self.tokens[self.at]
        self.at += 1
        if kind == "column":
            names = self.clause.names(text)
            return {"column": names[0]} if len(names) == 1 else None
        if kind == "number":
            return {"value": _share(text)}
        if text == "(":
            inner = self.sums()
            closed = self.peek() == ")"
            self.at += 1
            return inner if closed else None
        if text == "-":
            inner = self.unit()
            return {"fn": "neg", "args": [inner]} if inner is not None else None
        return None


def _share(text: str) -> int | float | None:
    """80% of something is 0.8 of it."""
    value = number(text)
    return round(value / 100, 12) if value is not None and text.endswith("%") else value


def expression(clause: Clause, text: str) -> Expression | None:
    """The tree that the whole `text` says, or None."""
    text = re.sub(
        r"^(?:the |用|取|由|从|把|将|计算|每个?人的?|每位(?:用户|学生|同学)?的?)+|(?:的(?:结果|值)|来计算|计算|算出来?|算|相除|列|即可)+$",
        "",
        text.strip(" ,:的"),
        flags=re.IGNORECASE,
    ).strip()
    if not text or len(text) > 300:
        return None
    return (
        _days(clause, text)
        or _converted(clause, text)
        or _rounded(clause, text)
        or _over(clause, text)
        or _part(clause, text)
        or _pairwise(clause, text)
        or _formula(clause, text)
    )


_INTO_UNIT: Final = re.compile(
    rf"({C})(?:列)?(?:换算|折算|转换?|换|除)(?:成|为|以)?(?:以)?(?P<zh>亿|百万|十万|万|千|百)(?:元|块)?(?:为单位)?|({C}) (?:converted )?(?:in|to|into) (?P<en>hundreds?|thousands?|millions?)",
    re.IGNORECASE,
)
_UNITS: Final = {
    "亿": 100_000_000, "百万": 1_000_000, "十万": 100_000, "万": 10_000, "千": 1_000, "百": 100,
    "hundred": 100, "thousand": 1_000, "million": 1_000_000,
}  # fmt: skip
_DISCOUNT: Final = re.compile(
    rf"({C})(?:列)?(?:打(?P<zh>[0-9]+(?:\.[0-9]+)?|[一二三四五六七八九]+)折)|(?P<off>[0-9.]+)% off(?: the)? ({C})|({C}) (?:less|minus) (?P<less>[0-9.]+)%",
    re.IGNORECASE,
)
_TIMES: Final = re.compile(
    rf"(?P<word>double|twice|triple|half)(?: the| of)? ({C})|({C})(?:列)?的?(?P<zh>[0-9.]+|[两二三四五六七八九十]+)倍",
    re.IGNORECASE,
)


def _converted(clause: Clause, text: str) -> Expression | None:
    """收入换算成万元, income in thousands, 收入打八折, 20% off income, double income."""
    for pattern in (_INTO_UNIT, _DISCOUNT, _TIMES):
        found = pattern.fullmatch(text)
        if found is None:
            continue
        group = found.groupdict()
        column = {"column": clause.names(next(g for g in found.groups() if g and re.fullmatch(C, g)))[0]}
        if pattern is _INTO_UNIT:
            unit = group["zh"] or group["en"].lower().removesuffix("s")
            return {"fn": "div", "args": [column, {"value": _UNITS[unit]}]}
        return {"fn": "mul", "args": [column, {"value": _factor(group)}]}
    return None


def _factor(group: dict[str, str | None]) -> float | int:
    if group.get("word"):
        return {"double": 2, "twice": 2, "triple": 3, "half": 0.5}[str(group["word"]).lower()]
    if "off" in group:
        off = group["off"] or group["less"]
        if off:
            return round(1 - float(off) / 100, 12)
        tenths = str(group["zh"])
        folded = number(tenths) or 10
        return round(folded / (100 if folded > 10 else 10), 12)
    return number(str(group["zh"])) or 1


def _formula(clause: Clause, text: str) -> Expression | None:
    text = re.sub(r"(?:全部|都)?(?:加起来?|相加|加在一起|加到一起|加一起)$", "之和", text)
    summed = re.fullmatch(rf"({COLUMNS})之和", text, re.IGNORECASE)
    if summed is not None:
        text = "+".join(re.findall(C, summed.group(1)))
    for pattern, sign in _SIGNS:
        text = pattern.sub(sign, text)
    tokens: list[tuple[str, str]] = []
    at = 0
    while at < len(text):
        match = _TOKEN.match(text, at)
        if match is None or not match.lastgroup:
            return None
        tokens.append((match.lastgroup, match.group(match.lastgroup)))
        at = match.end()
    if len(tokens) > 60 or not any(kind == "op" for kind, _ in tokens):
        return None
    parser = _Parser(clause, tokens)
    tree = parser.sums()
    return _in_days(clause, tree) if tree is not None and parser.at == len(tokens) else None


def _in_days(clause: Clause, tree: Expression) -> Expression:
    """A date minus a date is a number of days."""
    if tree.get("fn") != "sub":
        return tree
    columns = [clause.column(arg["column"]) if "column" in arg else None for arg in tree["args"]]
    if not all(column is not None and column.dtype.temporal for column in columns):
        return tree
    return {"fn": "days_between", "args": tree["args"][::-1]}


_LIST: Final = rf"(?P<cols>{COLUMNS})"


def _over(clause: Clause, text: str) -> Expression | None:
    """平均 / 求和 over several columns."""
    for fn, words in _OVER:
        match = (
            re.fullmatch(
                rf"{_LIST}(?:里面?|中|当中)?(?:这?[一两二三四五六七八九几0-9]*[列题项个科门]*)?(?:的|之)?(?:{words})(?:值)?",
                text,
                re.IGNORECASE,
            )
            or re.fullmatch(
                rf"(?:对|求)?(?:{words})(?: score| value)?\s?(?:of|over|across|for)?\s?(?:the )?\(?{_LIST}\)?(?:求{words})?",
                text,
                re.IGNORECASE,
            )
            or re.fullmatch(rf"(?:对)?{_LIST}(?:求|取)(?:{words})", text, re.IGNORECASE)
        )
        if match is None:
            continue
        names = clause.names(match.group("cols"))
        if len(names) < 2:
            return None
        args = [{"column": name} for name in names]
        if fn == "sum":
            # a + b is missing if either is: a total of questions is the plain sum.
            return {"fn": "sum", "args": args}
        return {"fn": fn, "args": args}
    return None


def _pairwise(clause: Clause, text: str) -> Expression | None:
    """A和B的差 / 比 / 乘积."""
    match = re.fullmatch(
        rf"({C})(?:列)?(?:和|与|跟|and)\s?({C})(?:列)?(?:的|之)?(?P<zh>差值?|比值?|积|乘积|相减|相乘|相除|相加)",
        text,
    ) or re.fullmatch(
        rf"(?:the )?(?P<en>difference|ratio|product)(?: between| of)(?: the)? ?({C}) (?:and|to) (?:the )?({C})",
        text,
        re.IGNORECASE,
    )
    if match is None:
        return None
    chars = re.findall(C, match.group())
    word = match.groupdict().get("zh") or match.groupdict().get("en") or ""
    fn = next(
        f
        for f, words in (
            ("sub", "差减difference"),
            ("div", "比除ratio"),
            ("mul", "积乘product"),
            ("add", "加"),
        )
        if any(
            w in words
            for w in (word[:1] if word[:1] >= "\u4e00" else word, word[-1:] if word[:1] >= "\u4e00" else word)
        )
    )
    return {"fn": fn, "args": [{"column": clause.names(char)[0]} for char in chars]}


def _part(clause: Clause, text: str) -> Expression | None:
    for fn, words in _PART:
        match = re.fullmatch(
            rf"({C})(?:列)?(?:中|里)?(?:的)?(?:取出|提取出?|抽出|得到|获取|得出)?(?:[\u4e00-\u9fff]{{2}})?(?:{words})",
            text,
            re.IGNORECASE,
        ) or re.fullmatch(rf"(?:the )?(?:{words}) (?:out of|of|from|in) (?:the )?({C})", text, re.IGNORECASE)
        if match is not None:
            return {"fn": fn, "args": [{"column": clause.names(match.group(1))[0]}]}
    return None


def _days(clause: Clause, text: str) -> Expression | None:
    match = _DAYS.fullmatch(text)
    if match is None:
        return None
    first, last = (clause.names(char)[0] for char in re.findall(C, match.group()))
    if re.search(rf"{C}(?:列)?\s?(?:减|-)", text):
        first, last = last, first
    return {"fn": "days_between", "args": [{"column": first}, {"column": last}]}


def _rounded(clause: Clause, text: str) -> Expression | None:
    match = _ROUND.fullmatch(text)
    if match is None:
        return None
    digits = number(match.group("n") or match.group("en") or "0")
    char = match.group(1) or match.group(3)
    return {"fn": "round", "args": [{"column": clause.names(char)[0]}], "digits": int(digits or 0)}


__all__ = ["Expression", "L", "expression"]
