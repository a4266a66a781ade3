r"""Regular expressions that mean the same to Rust (which runs them) and to Python (which checks them).

The common subset: literals, `.`, classes, `\\d \\w \\s \\b`, groups, alternatives, greedy and lazy repetition, anchors.
Refused with a reason: look-around, back-references, possessive and atomic groups (Rust has none), flags, and what
the two read differently. Rust's matching takes time linear in the text, so no pattern can hang a run. Python's does not:
a pattern is never matched here, only read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from retort_core.errors import StepError

MOST_CHARS: Final = 500
MOST_REPEATS: Final = 1000
MOST_PARTS: Final = 10_000  # with every counted repetition written out, as Rust does
_CLASSES: Final = frozenset("dDwWsSbB")
_CONTROLS: Final = frozenset("tnrfv")
_PUNCTUATION: Final = frozenset(r"\.+*?()|[]{}^$#&-~/\"'`,:;!@%_= ") - frozenset("_ \"'`,:;!@%=")
_REPEAT: Final = re.compile(r"\{(\d{1,4})(?:,(\d{0,4}))?\}")


def check(pattern: str) -> None:
    """Raises StepError unless `pattern` is in the common subset and compiles."""
    problem = _problem(pattern)
    if problem is None and _shape(pattern).parts > MOST_PARTS:
        problem = f"written out, its repetitions have more than {MOST_PARTS:,} parts"
    if problem is None:
        try:
            re.compile(pattern)
        except (re.error, OverflowError, RecursionError) as error:
            problem = str(error)
    if problem is not None:
        raise StepError(f"the pattern {pattern[:80]!r} cannot be used: {problem}")


def check_not_empty(pattern: str) -> None:
    """Raises StepError for a pattern that can match nothing at all, which no two engines replace alike."""
    if not _shape(pattern).least:
        raise StepError(
            f"the pattern {pattern[:80]!r} also matches an empty text; make it match at least a character"
        )


def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern for Python, with `$` as Rust means it: only at the very end."""
    return re.compile(_python(pattern))


def groups(pattern: str) -> int:
    """How many capturing groups it has."""
    return re.compile(pattern).groups


def _problem(pattern: str) -> str | None:
    if not pattern:
        return "it is empty"
    if len(pattern) > MOST_CHARS:
        return f"it is longer than {MOST_CHARS} characters"
    at = 0
    while at < len(pattern):
        step = _token(pattern, at)
        if isinstance(step, str):
            return step
        at += step
    return None


def _token(pattern: str, at: int) -> int | str:  # noqa: PLR0911 - one return for each kind of token
    """Length of the token at `at`, or what is wrong with it."""
    char = pattern[at]
    if char == "\\":
        return _escape(pattern, at)
    if char == "[":
        return _class(pattern, at)
    if char == "(":
        return _group(pattern, at)
    if char == "{":
        found = _REPEAT.match(pattern, at)
        if found is None:
            return "a literal { must be written \\{"
        if max(int(n) for n in found.groups() if n) > MOST_REPEATS:
            return f"it repeats more than {MOST_REPEATS} times"
        return _quantified(pattern, at, len(found.group()))
    if char in "*+?":
        return _quantified(pattern, at, 1)
    if char in "}]":
        return f"a literal {char} must be written \\{char}"
    return 1


def _quantified(pattern: str, at: int, length: int) -> int | str:
    following = pattern[at + length : at + length + 1]
    if following == "+" or (following and following in "*{"):
        return "two repetitions in a row"
    if following == "?":
        length += 1
        if pattern[at + length : at + length + 1] in ("*", "+", "?", "{"):
            return "two repetitions in a row"
    return length


def _escape(pattern: str, at: int) -> int | str:
    char = pattern[at + 1 : at + 2]
    if char in _CLASSES | _CONTROLS | _PUNCTUATION and char:
        return 2
    if char == "u" and re.match(r"\\u[0-9a-fA-F]{4}", pattern[at:]):
        return 6
    if char.isdigit():
        return "it refers back to a group, which is not supported"
    return f"\\{char} is not supported"


def _class(pattern: str, at: int) -> int | str:
    end = at + 1
    if pattern[end : end + 1] == "^":
        end += 1
    first = end
    while end < len(pattern) and pattern[end] != "]":
        if pattern[end] == "[" or pattern[end : end + 2] in ("&&", "--", "~~", "||"):
            return f"{pattern[end]} inside [ ] must be written \\{pattern[end]}"
        if pattern[end] == "\\":
            if pattern[end + 1 : end + 2] in ("b", "B"):
                return "\\b inside [ ] is not supported"
            length = _escape(pattern, end)
            if isinstance(length, str):
                return length
            end += length
        else:
            end += 1
    if end >= len(pattern):
        return "a [ is not closed"
    return end + 1 - at if end > first else "[ ] is empty; a literal ] must be written \\]"


def _group(pattern: str, at: int) -> int | str:
    if pattern[at + 1 : at + 2] != "?":
        return 1
    if pattern[at + 2 : at + 3] == ":":
        return 3
    return "groups that look around, set flags or have names are not supported; use ( ) or (?: )"


class _Shape(NamedTuple):
    """`least`: characters that a match has at least; `parts`: how long it is with repetitions written out."""

    least: int
    parts: int

    def then(self, other: _Shape) -> _Shape:
        return _Shape(self.least + other.least, self.parts + other.parts)

    def times(self, low: int, high: int) -> _Shape:
        return _Shape(self.least * low, self.parts * max(low, high, 1))


NOTHING: Final = _Shape(0, 0)


@dataclass
class _Open:
    """A group that is being read: its finished alternatives, the one under way, and the last part, which may be repeated."""

    ways: list[_Shape] = field(default_factory=list)
    way: _Shape = NOTHING
    last: _Shape = NOTHING

    def add(self, part: _Shape) -> None:
        self.way, self.last = self.way.then(self.last), part

    def turn(self) -> None:
        self.ways.append(self.way.then(self.last))
        self.way = self.last = NOTHING

    def closed(self) -> _Shape:
        self.turn()
        return _Shape(min(way.least for way in self.ways), sum(way.parts for way in self.ways))


def _shape(pattern: str) -> _Shape:
    """Of a pattern whose tokens are in order; groups that are not closed are `re`'s to refuse."""
    groups, at = [_Open()], 0
    while at < len(pattern):
        length = _token(pattern, at)
        assert isinstance(length, int)
        token, at = pattern[at : at + length], at + length
        here = groups[-1]
        match token[0]:
            case "(":
                groups.append(_Open())
            case ")" if len(groups) > 1:
                part = groups.pop().closed()
                groups[-1].add(part)
            case "|":
                here.turn()
            case "*" | "?":
                here.last = here.last.times(0, 1)
            case "+":
                here.last = here.last.times(1, 1)
            case "{":
                here.last = here.last.times(*_counts(token))
            case _:
                here.add(_Shape(0 if token in _PLACES else 1, 1))
    while len(groups) > 1:
        part = groups.pop().closed()
        groups[-1].add(part)
    return groups[0].closed()


_PLACES: Final = frozenset(("^", "$", r"\b", r"\B"))


def _counts(token: str) -> tuple[int, int]:
    """Of `{2}`, `{2,}` and `{2,5}`, lazy or not; one without an end is as long as its least."""
    found = _REPEAT.match(token)
    assert found is not None
    low = int(found[1])
    return low, int(found[2] or low) if "," in found.group() else low


def _python(pattern: str) -> str:
    r"""`$` outside classes and escapes as `\\Z`."""
    parts: list[str] = []
    at = 0
    while at < len(pattern):
        length = _token(pattern, at)
        assert isinstance(length, int)
        part = pattern[at : at + length]
        parts.append(r"\Z" if part == "$" else part)
        at += length
    return "".join(parts)
