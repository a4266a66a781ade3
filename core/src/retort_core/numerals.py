"""Numbers as people type them: which texts are a plain number, and their canonical text.

A plain number has an optional sign, decimals and well-formed thousands separators, in half or full width. Currency,
units, %, 万 and 亿 are not plain and stay text until a person asks. Conversion must lose nothing, so these stay text:
leading zeros (an id), integers of more than 15 digits (a spreadsheet would already have rounded them), fractions of
more than 17 significant digits (more than a double holds), a plus sign before a phone number, `1E5` (a product code;
`1.0E+05` and `1e-05` are what programs write for numbers).

The same rule stands here twice on purpose: as the function, and as patterns that both Python and Polars understand.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Final, Literal, TypeAlias

NumeralKind: TypeAlias = Literal["integer", "decimal", "number"]

MAX_INTEGER_DIGITS: Final = 15
MAX_FRACTION_DIGITS: Final = 17  # significant digits that identify any double

# After NFKC, without surrounding spaces and with U+2212 as "-". No look-around: Polars must accept them too.
INTEGER: Final = r"^(?:-?(?:0|[1-9][0-9]{0,14})|\+(?:0|[1-9][0-9]{0,9}))$"
GROUPED: Final = r"^[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3}){1,4}(?:\.[0-9]+)?$"
FRACTION: Final = r"^[+-]?(?:0|[1-9][0-9]*)?\.[0-9]+$"
SCIENTIFIC: Final = r"^[+-]?(?:[0-9]\.[0-9]{1,16}[eE][+-]?[0-9]{1,2}|[0-9][eE][+-][0-9]{1,2})$"
_PATTERNS = tuple(re.compile(p) for p in (INTEGER, GROUPED, FRACTION, SCIENTIFIC))
_ID_LIKE = re.compile(r"^(?:0[0-9]+|[0-9]{16,})$")


def plain(text: str) -> str:
    """`text` in half width, without surrounding spaces, with an ASCII minus."""
    return unicodedata.normalize("NFKC", text).strip().replace("−", "-")


def number_text(text: str) -> tuple[NumeralKind, str] | None:
    """Kind and canonical text of a plain number (`１,２３４` -> integer "1234", ".50" -> decimal "0.50"), or None."""
    if text.isascii() and text.isdigit():  # by far the most frequent
        usual = len(text) <= MAX_INTEGER_DIGITS and (text[0] != "0" or len(text) == 1)
        return ("integer", text) if usual else None
    numeral = plain(text)
    integer, grouped, fraction, scientific = (bool(p.match(numeral)) for p in _PATTERNS)
    if scientific:
        return "number", _float_text(float(numeral))
    if not (integer or grouped or fraction):
        return None
    sign = "-" if numeral.startswith("-") else ""
    whole, point, decimals = numeral.lstrip("+-").replace(",", "").partition(".")
    whole = whole or "0"
    if point:
        if len((whole + decimals).lstrip("0")) > MAX_FRACTION_DIGITS:
            return None
        return "decimal", _signed(sign, f"{whole}.{decimals}")
    return ("integer", _signed(sign, whole)) if len(whole) <= MAX_INTEGER_DIGITS else None


def looks_like_id(text: str) -> bool:
    """Digits that are a name and not an amount: a leading zero, or more digits than a number keeps."""
    if text.isascii() and text.isdigit():
        return len(text) > MAX_INTEGER_DIGITS or (text[0] == "0" and len(text) > 1)
    return bool(_ID_LIKE.match(plain(text)))


def canonical_float(value: float) -> str:
    """Shortest text that gives `value` back; without ".0" when it is a whole number."""
    return _float_text(value)


def _signed(sign: str, digits: str) -> str:
    return digits if not digits.strip("0.") else sign + digits


def _float_text(value: float) -> str:
    if value == int(value) and abs(value) < 1e16:
        return str(int(value))
    return repr(value)
