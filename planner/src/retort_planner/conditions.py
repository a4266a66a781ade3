"""Conditions: 「年龄大于60且城市是北京或上海」 to the where tree of the plan language.

The whole text has to be explained or there is no condition: a word that is not understood is never skipped.
A column or comparator left out is carried over from the part before it (小于18或大于60; 北京和上海).
Literals stay as written here; `grounding` finds them in the data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Final

from retort_core.profiles import Profile
from retort_core.schema import Column, DType, Kind, Schema
from retort_planner import attributes, literals
from retort_planner.comparators import COMPARES, CONTAINS, NEGATED, RANGE, sign
from retort_planner.lexicon import either
from retort_planner.linking import Linked, Mention
from retort_planner.memo import by_identity
from retort_planner.text import COLUMN_BASE, LITERAL_BASE, SPAN, C, L, narrow
from retort_planner.trees import Where, date_between, date_comparison, joined, negate
from retort_planner.values import holders, segmented, values_of

_SIGNS: Final = "≠≥≤><∌∋∅∃∄⊢⊣∈=⊒⊑⊐⊏⊨⊭"
_OR: Final = re.compile(r"或者是?|或是|或|\|\|?|(?<![A-Za-z])or(?: else)?(?![A-Za-z])", re.IGNORECASE)
_AND: Final = re.compile(
    r"[,也]+(?=[≠∌不没])|并且|而且|同时|以及|且|&&?|;|(?<![A-Za-z])(?:and also|and|but)(?![A-Za-z])|[,、](?:and )?|[和与及]",
    re.IGNORECASE,
)
_HEAD: Final = re.compile(
    r"^(?:那些|所有的?|全部的?|凡是|当|如果|若|在|来自|其中|满足|符合|条件(?:是|为)|只有|的|把|将|对|对于|(?:(?:all|the|any|every|those|only) )*(?:rows?|records?|respondents?|people|cases|entries|"
    r"observations|users|customers|participants|those|ones|everyone|anyone|everything|anything|data|answers|lines|responses|samples?)?\s?(?:\b(?:where|who|whose|with|that|which|when|if|for|from|in|of|having|living in|an|a|the|all|any|are|is|have|has|answered|aged(?= ))\b\s?)*)",
    re.IGNORECASE,
)  # fmt: skip
_TAIL: Final = re.compile(
    r"(?:的?(?:那些|所有|全部)?(?:行|记录|样本|数据|受访者|用户|答卷|问卷|观测|人群|人们|人|条目|被访者|客户|顾客|会员|个案|情况|值|单元格|回答)(?:都|全部|全|给)?|的(?:都|全部|全)?|"
    r"\b ?(?:rows?|records?|respondents?|people|cases|entries|users|customers|values?|data|ones|cells|answers)(?: only)?| only| are| is| as| to| be)$"
)  # fmt: skip
_CELL: Final = re.compile(
    rf"({C})(?:这一?列|一?列|字段|变量|那一?列|\s(?:columns?|fields?|values?)\b)?(?:(?:之?中|里面?|上|内)(?:的)?)?(?:所有|全部|那些|凡是)?(?:的)?(?:取值|的?值(?=[{_SIGNS}]))?(?:的(?=[{_SIGNS}]))?"
)
_NOT: Final = re.compile(r"^(?:不|没有?|并非|非|not |isn't |aren't )")
_VERB: Final = either("stat", "drop", "keep", "fill", "sort", "mark", "describe", "group")


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
    # What was read before, of this and no other situation: several frames ask the same of a clause.
    known: dict[tuple[object, ...], Where | None] = field(default_factory=dict, compare=False, repr=False)

    def over(self, schema: Schema) -> Reader:
        return replace(self, schema=schema)

    def read(self, text: str) -> Where | None:
        """The condition `text` says, or None when any of it is not understood."""
        if not text or len(text) > 400:
            return None
        key = (text, self.subject, id(self.linked), id(self.schema))
        if key not in self.known:
            self.known[key] = self._read(text)
        return self.known[key]

    def _read(self, text: str) -> Where | None:
        reader, text = self._protected(text)
        reader, text = reader._attributed(text)  # noqa: SLF001 - itself, with more columns
        for words, meant in attributes.PHRASES:
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

    def _attributed(self, text: str) -> tuple[Reader, str]:
        """Verbs that imply a column (earning, submitted after) become that column."""
        mentions = list(self.linked.mentions)
        for found, column in attributes.implied(self.schema, text):
            if re.search(C, text) or len(mentions) >= SPAN:
                break  # the column is named
            text = f"{text[: found.start()]} {chr(COLUMN_BASE + len(mentions))} {text[found.end() :]}".strip()
            mentions.append(Mention(column.name, (column.name,)))
        return replace(self, linked=replace(self.linked, mentions=tuple(mentions))), text.replace("  ", " ")

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
        parts = [self._and(part, carried) for part in _shared(_OR.split(text))]
        return joined("any", parts)

    def _and(self, text: str, carried: Atoms) -> Where | None:
        pieces = [piece for part in _AND.split(text) if (piece := part.strip())]
        parts = [self._atom(piece, carried) for piece in pieces]
        return joined("all", parts) if parts and None not in parts else None

    def _atom(self, text: str, carried: Atoms) -> Where | None:
        text = _TAIL.sub("", _HEAD.sub("", text)).strip() if text else text
        bare = _NOT.match(text)
        if bare is None or self._known(text):
            return self._positive(text, carried)
        rest = text[bare.end() :]
        rest = _HEAD.sub("", rest) if bare.group().isascii() else rest  # not from Guangzhou
        node = self._positive(rest, carried)
        carried.op = NEGATED.get(carried.op, carried.op)
        return negate(node) if node is not None else None

    def _known(self, text: str) -> bool:
        """不满意 and 非常满意 are values, not negations."""
        return bool(holders(self.schema, self.profile, self._text(re.sub("的$", "", text))))

    def _positive(self, text: str, carried: Atoms) -> Where | None:
        outer = re.fullmatch(rf"([^{RANGE}]{{1,80}}?)(?:以外|之外|除外)(?:的)?", text)
        inner = self._positive(outer.group(1), carried) if outer else None
        if inner is not None:
            return negate(inner)
        node = (
            self._state(text)
            or self._range(text, carried)
            or self._compare(text, carried)
            or self._bare(text, carried)
        )
        return node or self._described(text, carried)

    def _described(self, text: str, carried: Atoms) -> Where | None:
        """「18到35岁的女性」: two conditions joined by 的."""
        for match in list(re.finditer("的", text))[:4]:
            parts = (text[: match.start()], text[match.end() :])
            nodes = [self._atom(part, carried) if part else None for part in parts]
            if None not in nodes:
                return joined("all", nodes)
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
        return joined("all", nodes)

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
            node = date_between(column, literals.Days(low.first, high.last))
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
            return self._held(literal, carried, op=COMPARES.get(operator, "")) if char is None else None
        if operator in CONTAINS:
            carried.column, carried.op = column.name, CONTAINS[operator]
            said = re.sub(r"(?:这|那)?[一两俩三四几]?个?(?:字样?|词|关键词)$", "", literal)
            node: Where | None = {
                "column": column.name,
                "op": CONTAINS[operator],
                "value": self._text(said),
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
        several = segmented(self.schema, self.profile, value, column.name) if isinstance(value, str) else None
        if several is not None and several[0] == column.name and op in ("eq", "ne"):
            return {"column": column.name, "op": {"eq": "in", "ne": "nin"}[op], "value": list(several[1])}
        if isinstance(value, literals.Days):
            return date_comparison(column, op, value)
        if isinstance(value, str):
            if op not in ("eq", "ne"):
                return None
            value = self._called(column, literal, value)
        return {"column": column.name, "op": op, "value": value}

    def _bare(self, text: str, carried: Atoms) -> Where | None:
        """A literal alone: another value of the comparison before it, or a value only one column holds."""
        match = re.fullmatch(rf"({C})?(?:的)?([^{_SIGNS}{RANGE}]{{1,60}})", text)
        char, literal = match.groups() if match is not None else (None, "")
        if char is None and (not literal or re.search(C, literal)):
            return (self._held(text, carried) if literal else None) or self._turned(text, carried)
        if char is not None:
            return self._after_column(char, literal, carried)
        if carried.op in ("eq", "ne", "contains", "not_contains"):
            return self._another(literal, carried)
        return self._held(literal, carried)

    def _turned(self, text: str, carried: Atoms) -> Where | None:
        """「本科学历」, Guangdong in province: the value before its column."""
        turned = re.fullmatch(
            rf"([^{_SIGNS}{RANGE}\ue000-\ue7ff]{{1,60}}?)(?:的|\s(?:(?:in|for|of)\s)?(?:the\s)?)?({C})", text
        )
        return self._after_column(turned.group(2), turned.group(1), carried) if turned else None

    def _another(self, literal: str, carried: Atoms) -> Where | None:
        """One more value of the comparison before it."""
        if self._speaks(literal):
            return None
        if self._elsewhere(literal, carried):
            return self._held(literal, Atoms(), op="eq")
        operator = {"eq": "=", "ne": "≠", "contains": "∋", "not_contains": "∌"}[carried.op]
        return self._built(None, operator, literal, carried)

    def _elsewhere(self, literal: str, carried: Atoms) -> bool:
        """「成都的女性」: the second value is one of another column."""
        known = [
            name for said in self._spellings(literal) for name in holders(self.schema, self.profile, said)
        ]
        return bool(known) and carried.column not in known and carried.op in ("eq", "ne")

    def _speaks(self, literal: str) -> bool:
        """「广州的，按性别统计」: words with a column or a verb in them are no further value, unless the data has it."""
        if re.fullmatch(L, literal) or holders(self.schema, self.profile, self._text(literal)):
            return False
        if re.fullmatch(
            r"(?:其他|其它|其余|别的|剩下|others?|the rest)(?:的|人|城市)*(?:都|全部?)?", literal
        ):
            return True
        return re.search(rf"{C}|^{_VERB}|出来$|掉$|[去抓扔捞踢砍]", literal, re.IGNORECASE) is not None

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

    def _held(self, literal: str, carried: Atoms, op: str = "eq") -> Where | None:
        """A value that one column holds; several of them said in one breath (上海广州)."""
        if op not in ("eq", "ne"):
            return None
        for said in self._spellings(literal):
            known = holders(self.schema, self.profile, said)
            if len(known) == 1 and literals.number(literal) is None:
                carried.column, carried.op = known[0], op
                return {"column": known[0], "op": op, "value": said}
        several = segmented(self.schema, self.profile, self._text(literal), carried.column)
        if several is not None:
            carried.column, carried.op = several[0], op
            return {"column": several[0], "op": {"eq": "in", "ne": "nin"}[op], "value": list(several[1])}
        if op == "ne":
            return None
        span = literals.days(literal, self.today) if not literal.isdigit() else None
        dates = [c for c in self.schema.columns if c.dtype.temporal]
        if span is not None and len(dates) == 1:
            carried.column, carried.op = dates[0].name, "eq"
            return date_comparison(dates[0], "eq", span)
        return None

    def _spellings(self, literal: str) -> list[str]:
        """The literal, without article and plural, and what it is called in the data (women: female)."""
        said = re.sub(r"^(?:an? |the )", "", self._text(literal), flags=re.IGNORECASE)
        singular = said[:-1] if said.isascii() and said.endswith("s") and len(said) > 3 else ""
        spelt = [said, attributes.PEOPLE.get(said.casefold(), ""), singular]
        return [text for text in dict.fromkeys(spelt) if text]

    def _called(self, column: Column, literal: str, value: str) -> str:
        """What the column calls it: 女性 is 女 where only that is there."""
        spelt = [value, *self._spellings(literal)]
        return next((s for s in spelt if column.name in holders(self.schema, self.profile, s)), value)

    def _pick(self, char: str | None, literal: str, carried: Atoms) -> Column | None:
        if char is not None:
            columns = self.linked.mention(char).columns
            return self.schema.find(columns[0]) if len(columns) == 1 else None
        return self._implied(literal) or self.schema.find(carried.column)

    def _implied(self, literal: str) -> Column | None:
        """60岁以上 speaks about the age column; 2024年3月 about the only date column."""
        spoken = attributes.by_words(self.schema, literal)
        if not isinstance(spoken, bool):
            return spoken
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


def _shared(parts: list[str]) -> list[str]:
    """「城市或者省份没填」: what the last part says of its column holds for the columns before it."""
    said = re.fullmatch(rf"\s?{C}(?P<state>[∅∃∄].{{0,8}})", parts[-1])
    if said is None or not all(re.fullmatch(rf"\s?{C}(?:列)?\s?", part) for part in parts[:-1]):
        return parts
    return [*(part.strip() + said.group("state") for part in parts[:-1]), parts[-1]]


def _labelled(column: Column, text: str) -> bool:
    return any(narrow(item.label) == text for item in column.value_labels)


def _squeeze_signs(text: str) -> str:
    text = re.sub(rf"\s?([{_SIGNS}{RANGE}])\s?", r"\1", text)
    text = re.sub(rf"≥([^{_SIGNS}]{{1,30}})⊒", r"≥\1", text)  # 自…起
    text = re.sub(r"(?<=[⊒⊑⊐⊏])(?:提交|填写|回收|注册|下单|入职)(?=的|$)", "", text)
    text = re.sub(r"[==]{2,}", "=", text)
    text = re.sub(r"=(?=[≥≤><∌∋∅∃∄⊢⊣∈])", "", text)
    return re.sub(rf"(?<={C})(?:\s|的|\sof\s?)(?=[{_SIGNS}])", "", text)
