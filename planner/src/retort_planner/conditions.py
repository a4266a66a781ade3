"""Conditions: 「年龄大于60且城市是北京或上海」 to the where tree of the plan language.

The whole text has to be explained or there is no condition: a word that is not understood is never skipped.
A column or comparator left out is carried over from the part before it (小于18或大于60; 北京和上海).
Literals stay as written here; `grounding` finds them in the data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, Final

from retort_core.profiles import Profile
from retort_core.schema import Column, DType, Kind, Schema
from retort_planner import literals
from retort_planner.comparators import COMPARES, CONTAINS, NEGATED, RANGE, sign
from retort_planner.lexicon import either
from retort_planner.linking import Linked
from retort_planner.memo import by_identity
from retort_planner.text import LITERAL_BASE, SPAN, C, L, narrow
from retort_planner.values import holders, values_of

Where = dict[str, Any]
_SIGNS: Final = "≠≥≤><∌∋∅∃∄⊢⊣∈=⊒⊑⊐⊏⊨⊭"
_OR: Final = re.compile(r"或者是?|或是|或|\|\|?|(?<![A-Za-z])or(?: else)?(?![A-Za-z])", re.IGNORECASE)
_AND: Final = re.compile(
    r"[,也]+(?=[≠∌不没])|并且|而且|同时|以及|且|&&?|;|(?<![A-Za-z])(?:and also|and|but)(?![A-Za-z])|[,、](?:and )?|[和与及]",
    re.IGNORECASE,
)
_HEAD: Final = re.compile(
    r"^(?:那些|所有的?|全部的?|凡是|当|如果|若|在|来自|其中|满足|符合|条件(?:是|为)|只有|的|把|将|对|对于|(?:(?:all|the|any|every|those|only) )*(?:rows?|records?|respondents?|people|cases|entries|"
    r"observations|users|customers|participants|those|ones|everyone|anyone|everything|anything|data|answers|lines|responses|samples?)?\s?(?:\b(?:where|who|whose|with|that|which|when|if|for|from|in|of|having|living in|the|all|any|are|is|have|has|answered|aged(?= ))\b\s?)*)",
    re.IGNORECASE,
)  # fmt: skip
_TAIL: Final = re.compile(
    r"(?:的?(?:那些|所有|全部)?(?:行|记录|样本|数据|受访者|用户|答卷|问卷|观测|人群|人们|人|条目|被访者|客户|顾客|会员|个案|情况|值|单元格|回答)(?:都|全部|全|给)?|的(?:都|全部|全)?|"
    r"\b ?(?:rows?|records?|respondents?|people|cases|entries|users|customers|values?|data|ones|cells|answers)(?: only)?| only| are| is| as| to| be)$"
)  # fmt: skip
_CELL: Final = re.compile(
    rf"({C})(?:这一?列|一?列|字段|变量|那一?列|\s(?:columns?|fields?|values?)\b)?(?:(?:之?中|里面?|上|内)(?:的)?)?(?:所有|全部|那些|凡是)?(?:的)?(?:取值|的?值(?=[{_SIGNS}]))?(?:的(?=[{_SIGNS}]))?"
)
_NOT: Final = re.compile(r"^(?:不|没有?|并非|not |isn't |aren't )")
AGED: Final = "years old"  # what "older than" and "aged" speak of
_NUMERAL: Final = r"[+\-]?[0-9\ue800-\uefff]"
_PEOPLE: Final = {
    "男性": "男",
    "女性": "女",
    "男生": "男",
    "女生": "女",
    "男士": "男",
    "女士": "女",
    "男人": "男",
    "女人": "女",
    "men": "male",
    "women": "female",
    "males": "male",
    "females": "female",
}
_VERB: Final = either("stat", "drop", "keep", "fill", "sort", "mark", "describe", "group")
_UNIT_WORDS: Final = (("岁", "周岁", "years old", "year old", "years of age"), ("年龄", "age"))


def _older(match: re.Match[str]) -> str:
    return ("> " if match.group().casefold().startswith("older") else "< ") + match.group(1) + " years old"


_PHRASES: Final = (
    (re.compile(r"(?:是|为)负[数值]?的?|小于零"), "<0"),
    (re.compile(r"(?:是|为)正[数值]的?|大于零"), ">0"),
    (
        re.compile(
            rf"\baged (?:between )?({_NUMERAL}[0-9]*) ?(?:to|-|–|and) ?({_NUMERAL}[0-9]*)", re.IGNORECASE
        ),
        r"between \1 and \2 years old",
    ),
    (
        re.compile(rf"\baged ((?:over |under |above |below )?{_NUMERAL}[0-9]*)", re.IGNORECASE),
        r"\1 years old",
    ),
    (re.compile(r"\bit (?=is |was )", re.IGNORECASE), ""),
    (
        re.compile(rf"\b(?:older|younger) than ({_NUMERAL}[0-9]*)(?! (?:in|for|of|on)|[0-9])", re.IGNORECASE),
        _older,
    ),
    (re.compile(rf"不(?:在|处于|介于)(?={_NUMERAL})"), "≠"),
    (
        re.compile(
            rf"(?:with|have|having)(?: an?)? ({C}) (?=under|over|above|below|of|at|between|before|after|more|less)",
            re.IGNORECASE,
        ),
        r"\1 ",
    ),
    (re.compile(rf"(?:no|without(?: an?)?) ({C})$", re.IGNORECASE), r"\1 is missing"),
)


@by_identity
def tricky(column: Column, profile: Profile | None) -> tuple[str, ...]:
    """Values of the column that the grammar of conditions would take apart, longest first."""
    words = [item.label for item in column.value_labels]
    if not column.dtype.numeric and not column.dtype.temporal:
        words += [held.value for held in values_of(column, profile)]
    plain = (narrow(word) for word in words)
    found = {
        w
        for w in plain
        if 2 <= len(w) <= 60
        and (sign(w) != w or _AND.search(w) or _OR.search(w) or _TAIL.search(w) or _NOT.match(w))
    }
    return tuple(sorted(found, key=lambda word: (-len(word), word)))


@dataclass
class Atoms:
    """What carries over from one atom to the next."""

    column: str = ""
    op: str = ""


@dataclass(frozen=True)
class Reader:
    """Reads conditions over one schema."""

    linked: Linked
    schema: Schema
    profile: Profile | None
    today: date
    subject: str = ""  # column carried over from the clause before

    def over(self, schema: Schema) -> Reader:
        return replace(self, schema=schema)

    def read(self, text: str) -> Where | None:
        """The condition `text` says, or None when any of it is not understood."""
        if not text or len(text) > 400:
            return None
        reader, text = self._protected(text)
        for words, meant in _PHRASES:
            text = words.sub(meant, text)
        signed = _TAIL.sub("", _HEAD.sub("", text.strip(" ,、;:的")).strip()).strip()
        signed = _squeeze_signs(_CELL.sub(r"\1", sign(signed)))
        carried = Atoms(column=self.subject)
        return reader._or(signed, carried) if signed else None  # noqa: SLF001 - itself, with more literals

    def _protected(self, text: str) -> tuple[Reader, str]:
        """Values that contain words of comparison (不满意, Research and Development) become literals first."""
        columns = {name for char in re.findall(C, text) for name in self.linked.mention(char).columns}
        known = list(self.linked.literals)
        for name in sorted(columns | ({self.subject} if self.subject else set())):
            column = self.schema.find(name)
            for value in tricky(column, self.profile) if column is not None else ():
                pattern = (
                    rf"(?<![A-Za-z0-9]){re.escape(value)}(?![A-Za-z0-9])"
                    if value.isascii()
                    else re.escape(value)
                )
                if re.search(pattern, text) and len(known) < SPAN:
                    text = re.sub(pattern, chr(LITERAL_BASE + len(known)), text)
                    known.append(value)
        return replace(self, linked=replace(self.linked, literals=tuple(known))), text

    def read_value(self, column: str, op: str, text: str) -> Where | None:
        """The same comparison with another literal: 「是上海」 after 「城市是北京」."""
        found = self.schema.find(column)
        op = {"in": "eq", "nin": "ne", "between": "eq"}.get(op, op)
        if found is None or not text or len(text) > 60 or re.search(rf"[{_SIGNS}{RANGE}]|{C}", sign(text)):
            return None
        if op in ("contains", "not_contains", "starts", "ends"):
            return {"column": column, "op": op, "value": self._text(text)}
        return self._comparison(found, op, text) if op in NEGATED else None

    def _or(self, text: str, carried: Atoms) -> Where | None:
        parts = [self._and(part, carried) for part in _OR.split(text)]
        return _joined("any", parts)

    def _and(self, text: str, carried: Atoms) -> Where | None:
        pieces = [piece.strip() for piece in _AND.split(text)]
        parts = [self._atom(piece, carried) for piece in pieces if piece]
        if len(parts) == len(pieces) and None not in parts and parts:
            return _joined("all", parts)
        return None

    def _atom(self, text: str, carried: Atoms) -> Where | None:
        text = _TAIL.sub("", _HEAD.sub("", text)).strip() if text else text
        negated = False
        bare = _NOT.match(text)
        if bare:
            negated, text = True, text[bare.end() :]
            text = _HEAD.sub("", text) if bare.group().isascii() else text  # not from Guangzhou
        node = (
            self._state(text)
            or self._range(text, carried)
            or self._compare(text, carried)
            or self._bare(text, carried)
        )
        node = node or self._described(text, carried)
        if node is None:
            return None
        return negate(node) if negated else node

    def _described(self, text: str, carried: Atoms) -> Where | None:
        """「18到35岁的女性」: two conditions joined by 的."""
        for match in list(re.finditer("的", text))[:4]:
            parts = (text[: match.start()], text[match.end() :])
            nodes = [self._atom(part, carried) if part else None for part in parts]
            if None not in nodes:
                return _joined("all", nodes)
        return None

    def _columns(self, text: str) -> tuple[str, ...]:
        return tuple(name for char in re.findall(C, text) for name in self.linked.mention(char).columns)

    def _state(self, text: str) -> Where | None:
        match = re.fullmatch(rf"((?:{C}[,、和与]?)+?)(?:都|全)?(?:=)?([∅∃∄])(?:的)?", text) or None
        if match is None:
            flipped = re.fullmatch(rf"([∅∃∄])(?:的|in|for| )*({C})", text)
            if flipped is None:
                return None
            columns, state = self._columns(flipped.group(2)), flipped.group(1)
        else:
            columns, state = self._columns(match.group(1)), match.group(2)
        op = {"∅": "is_missing", "∃": "is_valid", "∄": "is_invalid"}[state]
        nodes: list[Where | None] = [{"column": name, "op": op, "value": None} for name in columns]
        return _joined("all", nodes)

    def _range(self, text: str, carried: Atoms) -> Where | None:
        match = re.fullmatch(
            rf"({C})?(?P<not>≠)?[在=∈为]?(?:介于|处于|in)?\s?(?P<low>[^{RANGE}{_SIGNS}]{{1,40}}){RANGE}(?P<high>[^{_SIGNS}]{{1,40}}?)"
            r"(?:(?P<out>之外|以外|范围外|区间外)|之间|之内|内|范围内|区间|这个区间|期间|inclusive)?(?:的)?",
            text,
        )
        column = self._pick(match.group(1), match.group("high"), carried) if match is not None else None
        if match is None or column is None:
            return None
        low, high = (self._value(column, part) for part in match.group("low", "high"))
        if low is None or high is None or isinstance(low, str) or isinstance(high, str):
            return None
        carried.column, carried.op = column.name, "between"
        node: Where = {"column": column.name, "op": "between", "value": {"low": low, "high": high}}
        if isinstance(low, literals.Days) and isinstance(high, literals.Days):
            node = _date_between(column, literals.Days(low.first, high.last))
        return negate(node) if match.group("not") or match.group("out") else node

    def _compare(self, text: str, carried: Atoms) -> Where | None:
        prefix = re.fullmatch(
            rf"({C})?\s?(=|≠)?\s?([≠≥≤><∌∋⊢⊣∈=])\s?=?\s?([^{_SIGNS}]{{1,80}}?)([⊨⊭])?(?:的)?", text
        )
        if prefix:
            operator = prefix.group(5) or prefix.group(3)
            flipped = prefix.group(2) == "≠"
            node = self._built(prefix.group(1), operator, prefix.group(4), carried, flipped=flipped)
            if node is not None:
                return node
        postfix = re.fullmatch(rf"({C})?\s?[在=≥]?\s?([^{_SIGNS}]{{1,40}}?)\s?([⊒⊑⊐⊏⊨⊭])(?:的)?", text)
        if postfix:
            return self._built(postfix.group(1), postfix.group(3), postfix.group(2), carried)
        return self._column_last(text, carried)

    def _column_last(self, text: str, carried: Atoms) -> Where | None:
        """「2024年3月以后提交日期」, 「选了渠道10」, "over 60 in age": the column stands behind its comparator."""
        behind = re.fullmatch(rf"([^{_SIGNS}]{{1,40}}?)([⊒⊑⊐⊏])(?:的)?\s?({C})", text)
        if behind:
            return self._built(behind.group(3), behind.group(2), behind.group(1), carried)
        chosen = re.fullmatch(rf"([∋∌])\s?({C})(?:的|中的)?\s?([^{_SIGNS}]{{1,40}})", text)
        if chosen:
            return self._built(chosen.group(2), chosen.group(1), chosen.group(3), carried)
        english = re.fullmatch(
            rf"([≠≥≤><=∋∌])\s?([^{_SIGNS}]{{1,40}}?) (?:in|for|on|of) (?:the )?({C})", text
        )
        return self._built(english.group(3), english.group(1), english.group(2), carried) if english else None

    def _built(
        self, char: str | None, operator: str, literal: str, carried: Atoms, *, flipped: bool = False
    ) -> Where | None:
        column = self._pick(char, literal, carried)
        if column is None:
            return None
        if operator in CONTAINS:
            carried.column, carried.op = column.name, CONTAINS[operator]
            node: Where | None = {
                "column": column.name,
                "op": CONTAINS[operator],
                "value": self._text(literal),
            }
        else:
            op = COMPARES.get(operator, "eq")
            carried.column, carried.op = column.name, op
            node = self._comparison(column, op, literal)
        return negate(node) if node is not None and flipped else node

    def _comparison(self, column: Column, op: str, literal: str) -> Where | None:
        value = self._value(column, literal)
        if value is None:
            return None
        if isinstance(value, literals.Days):
            return date_comparison(column, op, value)
        if isinstance(value, str) and op not in ("eq", "ne"):
            return None
        return {"column": column.name, "op": op, "value": value}

    def _bare(self, text: str, carried: Atoms) -> Where | None:
        """A literal alone: another value of the comparison before it, or a value only one column holds."""
        match = re.fullmatch(rf"({C})?(?:的)?([^{_SIGNS}{RANGE}]{{1,60}})", text)
        if match is None:
            return None
        char, literal = match.groups()
        if char is None and carried.op in ("eq", "ne", "contains", "not_contains"):
            if self._speaks(literal):
                return None
            return self._built(
                None,
                {"eq": "=", "ne": "≠", "contains": "∋", "not_contains": "∌"}[carried.op],
                literal,
                carried,
            )
        if char is not None:
            return self._after_column(char, literal, carried)
        return self._held(literal, carried)

    def _speaks(self, literal: str) -> bool:
        """「广州的，按性别统计」: words with a column or a verb in them are no further value, unless the data has it."""
        if re.fullmatch(L, literal) or holders(self.schema, self.profile, self._text(literal)):
            return False
        return re.search(rf"{C}|^{_VERB}", literal, re.IGNORECASE) is not None

    def _after_column(self, char: str, literal: str, carried: Atoms) -> Where | None:
        columns = self.linked.mention(char).columns
        known = holders(self.schema, self.profile, self._text(literal))
        column = self.schema.find(columns[0]) if len(columns) == 1 else None
        if column is None or not (
            column.name in known
            or (literals.number(literal) is not None and column.dtype.numeric)
            or column.dtype.temporal
            or re.fullmatch(L, literal)
        ):
            return None
        return self._built(char, "=", literal, carried)

    def _held(self, literal: str, carried: Atoms) -> Where | None:
        for said in (self._text(literal), _PEOPLE.get(self._text(literal).casefold(), "")):
            known = holders(self.schema, self.profile, said) if said else ()
            if len(known) == 1 and literals.number(literal) is None:
                carried.column, carried.op = known[0], "eq"
                return {"column": known[0], "op": "eq", "value": said}
        span = literals.days(literal, self.today) if not literal.isdigit() else None
        dates = [c for c in self.schema.columns if c.dtype.temporal]
        if span is not None and len(dates) == 1:
            carried.column, carried.op = dates[0].name, "eq"
            return date_comparison(dates[0], "eq", span)
        return None

    def _pick(self, char: str | None, literal: str, carried: Atoms) -> Column | None:
        if char is not None:
            columns = self.linked.mention(char).columns
            return self.schema.find(columns[0]) if len(columns) == 1 else None
        return self._implied(literal) or self.schema.find(carried.column)

    def _implied(self, literal: str) -> Column | None:
        """60岁以上 speaks about the age column; 2024年3月 about the only date column."""
        units, words = _UNIT_WORDS
        if any(unit in literal for unit in units) or AGED in literal:
            found = [
                c
                for c in self.schema.columns
                if any(w in f"{c.name} {c.label}".casefold() for w in words) and c.dtype.numeric
            ]
            return found[0] if len(found) == 1 else None
        dates = [c for c in self.schema.columns if c.dtype.temporal]
        return dates[0] if len(dates) == 1 and self._dated(literal) else None

    def _dated(self, literal: str) -> bool:
        return not literal.isdigit() and literals.days(self._text(literal), self.today) is not None

    def _text(self, literal: str) -> str:
        literal = literal.strip()
        if re.fullmatch(L, literal):
            return self.linked.literal(literal)
        return narrow(self.linked.plain(literal))

    def _value(self, column: Column, literal: str) -> str | int | float | bool | literals.Days | None:
        text = self._text(literal.removeprefix("在"))
        if column.dtype.temporal:
            return literals.days(text, self.today)
        if column.dtype is DType.boolean:
            return {
                "是": True,
                "真": True,
                "true": True,
                "yes": True,
                "否": False,
                "假": False,
                "false": False,
                "no": False,
            }.get(text.casefold())
        if column.dtype.numeric and column.kind is not Kind.multi:
            value = literals.number(text)
            return value if value is not None else (text if _labelled(column, text) else None)
        return text


def _labelled(column: Column, text: str) -> bool:
    return any(narrow(item.label) == text for item in column.value_labels)


def _squeeze_signs(text: str) -> str:
    text = re.sub(rf"\s?([{_SIGNS}{RANGE}])\s?", r"\1", text)
    text = re.sub(rf"≥([^{_SIGNS}]{{1,30}})⊒", r"≥\1", text)  # 自…起
    text = re.sub(r"(?<=[⊒⊑⊐⊏])(?:提交|填写|回收|注册|下单|入职)(?=的|$)", "", text)
    text = re.sub(r"[==]{2,}", "=", text)
    text = re.sub(r"=(?=[≥≤><∌∋∅∃∄⊢⊣∈])", "", text)
    return re.sub(rf"(?<={C})(?:\s|的|\sof\s?)(?=[{_SIGNS}])", "", text)


def _joined(how: str, parts: list[Where | None]) -> Where | None:
    """One tree; equal comparisons of one column become in / not in."""
    if not parts or any(part is None for part in parts):
        return None
    nodes = [part for part in parts if part is not None]
    listed = _listed(how, nodes)
    if listed is not None:
        return listed
    return nodes[0] if len(nodes) == 1 else {how: nodes}


def _listed(how: str, nodes: list[Where]) -> Where | None:
    if len(nodes) < 2 or any(set(node) != {"column", "op", "value"} for node in nodes):
        return None
    columns = {node["column"] for node in nodes}
    ops = {node["op"] for node in nodes}
    if len(columns) > 1:
        return None
    # 「城市是北京和上海」 and 「北京或上海」 both mean: one of them. 「不是北京或上海」 means neither.
    if ops == {"eq"}:
        return {"column": nodes[0]["column"], "op": "in", "value": [node["value"] for node in nodes]}
    if ops == {"ne"}:
        return {"column": nodes[0]["column"], "op": "nin", "value": [node["value"] for node in nodes]}
    return {"all": nodes} if ops == {"not_contains"} and how == "any" else None


def negate(node: Where) -> Where:
    """The opposite under three-valued logic."""
    if "op" in node and node["op"] in NEGATED:
        return {**node, "op": NEGATED[node["op"]]}
    if node.get("op") in ("is_missing", "is_valid") and "column" in node:
        return {**node, "op": "is_valid" if node["op"] == "is_missing" else "is_missing"}
    opposite: Where = node.get("not", {"not": node})
    return opposite


def date_comparison(column: Column, op: str, span: literals.Days) -> Where:
    """Comparison with whole days: before a month is before its first day, after it is after its last.

    A date literal of a plan stands for its whole day, so a time of the last day still belongs to it.
    """
    if op in ("eq", "ne"):
        single = span.first == span.last
        node = (
            {"column": column.name, "op": "eq", "value": span.first.isoformat()}
            if single
            else _date_between(column, span)
        )
        return node if op == "eq" else negate(node)
    edge = span.first if op in ("ge", "lt") else span.last
    return {"column": column.name, "op": op, "value": edge.isoformat()}


def _date_between(column: Column, span: literals.Days) -> Where:
    return {
        "column": column.name,
        "op": "between",
        "value": {"low": span.first.isoformat(), "high": span.last.isoformat()},
    }


def conditioned_columns(where: Where) -> tuple[str, ...]:
    """Columns a condition speaks about, each once."""
    if "column" in where:
        return (where["column"],)
    parts = where.get("all") or where.get("any") or [where["not"]]
    return tuple(dict.fromkeys(name for part in parts for name in conditioned_columns(part)))
