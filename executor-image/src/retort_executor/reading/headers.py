"""Headers: where the table begins in the first rows of a file: title lines, one or two header rows, or none.

Works on rows of text, for CSV and Excel alike. Evidence, column by column: a word above numbers or dates speaks
for a header; a number, a date, or a value that comes again below speaks for data. Ties are a header, because a
table without one is rare and a lost answer is found by its odd name.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from retort_core.cells import MISSING_TOKENS, fold
from retort_executor.reading.limits import LIMITS

Row = Sequence[str]

NUMBER: Final = re.compile(r"[+-]?(\d{1,3}(,\d{3})+|\d+)?(\.\d+)?([eE][+-]?\d+)?%?\Z")
DATE: Final = re.compile(
    r"\d{1,4}[-/.年]\d{1,2}([-/.月]\d{1,4}日?)?([ T]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?)?\Z|\d{1,2}:\d{2}(:\d{2})?\Z"
)
TOTALS: Final = frozenset({"合计", "总计", "小计", "总和", "total", "grandtotal", "sum", "subtotal"})
MANY_CELLS: Final = 100_000  # looked at for a header: a tenth of a second
FEW_ROWS: Final = 12  # but at least so many rows, however wide
IMPORT_ROW: Final = '{"ImportId"'  # third header row of Qualtrics exports


@dataclass(frozen=True, slots=True)
class Header:
    """`skip` rows lie above the table, `height` rows are its header (0 = none). `names` are as the file has them."""

    skip: int
    height: int
    names: list[str]
    labels: dict[int, str] = field(default_factory=dict)
    groups: dict[int, str] = field(default_factory=dict)

    @property
    def data_from(self) -> int:
        return self.skip + self.height


def find_header(rows: Sequence[Row], skip: int | None = None, height: int | None = None) -> Header:
    """Read the first `rows` of a file; what the caller decided (`skip`, `height`) is taken as it is."""
    rows = rows[: max(FEW_ROWS, MANY_CELLS // max(1, len(rows[0]) if rows else 1))]
    above = min(title_rows(rows) if skip is None else skip, len(rows))
    body = [list(row) for row in rows[above:]]
    width = max((len(row) for row in body), default=0) if height == 0 else usual_width(body)
    if height is None:
        height = header_height(body, width)
    height = min(height, len(body))
    if height == 1 and _lacks_first(body, width):
        return Header(above, 1, ["", *body[0]])
    return _assemble(body[:height], above, height, width)


def _lacks_first(body: Sequence[Row], width: int) -> bool:
    """Row numbers without a name above them, as R writes them: the header is one cell shorter than every row."""
    below = [row for row in body[1:] if filled(row)]
    if (
        len(body[0]) != width - 1
        or not below
        or any(len(row) != width or not row[-1].strip() for row in below)
    ):
        return False
    return [row[0].strip() for row in below] == [str(number) for number in range(1, len(below) + 1)]


def _assemble(top: list[list[str]], above: int, height: int, width: int) -> Header:
    padded = [_pad(row, max(width, *(len(row) for row in top))) for row in top] if top else []
    if not padded:
        return Header(above, 0, [""] * width)
    if height == 1:
        return Header(above, 1, padded[0])
    if _has_gaps(padded[0]):
        return _grouped(padded, above, height)
    labels = {i: text.strip() for i, text in enumerate(padded[1]) if text.strip() and text != padded[0][i]}
    return Header(above, height, padded[0], labels=labels)


def _grouped(top: list[list[str]], above: int, height: int) -> Header:
    """An upper row whose texts span the columns to their right (merged cells), a lower row that names each."""
    spans = _spread(top[0])
    names = [_joined(group, name) for group, name in zip(spans, top[1], strict=True)]
    groups = {
        i: group for i, (group, name) in enumerate(zip(spans, top[1], strict=True)) if group and name.strip()
    }
    return Header(above, height, names, groups=groups)


def _joined(group: str, name: str) -> str:
    group, name = group.strip(), name.strip()
    return f"{group}_{name}" if group and name and group != name else name or group


def _spread(row: Row) -> list[str]:
    spread, last = [], ""
    for text in row:
        last = text.strip() or last
        spread.append(last)
    return spread


def _pad(row: Row, width: int) -> list[str]:
    return [*row, *[""] * (width - len(row))]


def filled(row: Row) -> int:
    return sum(1 for text in row if text.strip())


def usual_width(rows: Sequence[Row]) -> int:
    """Columns of the header row; of the widest row when the first is shorter than most."""
    widths = [len(row) for row in rows if filled(row)]
    if not widths:
        return 0
    common = max(set(widths), key=lambda width: (widths.count(width), width))
    return max(widths[0], common) if widths.count(common) * 2 > len(widths) else widths[0]


def title_rows(rows: Sequence[Row]) -> int:
    """How many rows at the top are a title, a note or blank: one or two texts where the table has many columns."""
    for index in range(min(len(rows), LIMITS.title_rows + 1)):
        below = [row for row in rows[index + 1 : index + 21] if filled(row)]
        if not below or not _is_title(rows[index], below):
            return index if filled(rows[index]) or below else 0
    return 0


def _is_title(row: Row, below: Sequence[Row]) -> bool:
    texts = filled(row)
    if texts == 0:
        return True
    width = max(len(row), sorted(len(other) for other in below)[len(below) // 2])
    fuller = sorted(filled(other) for other in below)[len(below) // 2]
    if fuller <= texts:
        return False
    if texts == 1:
        return bool(row[0].strip()) and (width > 2 or len(row) == 1)
    together = all(text.strip() for text in row[:2])
    return texts == 2 and width >= 5 and together and fuller >= 4


def header_height(rows: Sequence[Row], width: int) -> int:
    """0, 1, 2 or 3 (names, labels and the import row of Qualtrics)."""
    if not rows or not filled(rows[0]):
        return 0
    if not is_header(rows[0], rows[1:], width):
        return 0
    if len(rows) >= 3 and rows[2] and any(text.startswith(IMPORT_ROW) for text in rows[2]):
        return 3
    if len(rows) >= 3 and (_spans(rows, width) or _explains(rows, width)):
        return 2
    return 1


def _has_gaps(row: Row) -> bool:
    return any(not text.strip() for text in row)


def _spans(rows: Sequence[Row], width: int) -> bool:
    """The first row has gaps, and the second fills all of them with words that stand above data."""
    upper, lower = _pad(rows[0], width), _pad(rows[1], width)
    gaps = [i for i in range(1, width) if not upper[i].strip()]
    if not gaps or not upper[0].strip() or filled(upper) < 1 or any(not lower[i].strip() for i in gaps):
        return False
    words = [text for text in lower if text.strip()]
    return all(not looks_like_data(text) for text in words) and _votes(lower, rows[2:], width)[1] == 0


def _explains(rows: Sequence[Row], width: int) -> bool:
    """The first row is full of names, the second of questions above answers that are mostly numbers."""
    lower = _pad(rows[1], width)
    if _has_gaps(rows[0]) or filled(lower) < 0.8 * width or width < 2:
        return False
    if any(looks_like_data(text) for text in lower if text.strip()):
        return False
    header, data = _votes(lower, rows[2:], width)
    return data == 0 and (header >= max(2, width // 2) or _outgrows(lower, rows[2:], width))


def _outgrows(row: Row, below: Sequence[Row], width: int) -> bool:
    """Nearly every text of the row is longer than all texts below it: questions above answers in words."""
    answers = [other for other in below if filled(other)]
    if len(answers) < 3:
        return False
    longer = sum(
        1
        for index in range(width)
        if len(row[index].strip())
        > max((len(o[index].strip()) for o in answers if index < len(o)), default=0)
    )
    return longer >= 0.8 * width


def is_header(row: Row, below: Sequence[Row], width: int) -> bool:
    cells = [text for text in row if text.strip()]
    if not [other for other in below if filled(other)]:
        return any(not looks_like_data(text) for text in cells)
    if all(NUMBER.match(text.strip()) for text in cells):
        return _is_sequence(cells) and not any(_is_sequence(other) for other in below[:5])
    header, data = _votes(row, below, width)
    return header >= data


def _votes(row: Row, below: Sequence[Row], width: int) -> tuple[int, int]:
    """(columns that speak for a header, columns that speak for data)."""
    header = data = 0
    for index in range(min(width, len(row))):
        text = row[index].strip()
        column = [other[index].strip() for other in below if index < len(other) and other[index].strip()]
        column = [cell for cell in column if fold(cell) not in MISSING_TOKENS]
        if not text or not column:
            continue
        verdict = _column_vote(text, column)
        header += verdict > 0
        data += verdict < 0
    return header, data


def _column_vote(text: str, column: list[str]) -> int:
    regular = sum(1 for cell in column if looks_like_data(cell)) >= 0.9 * len(column)
    if regular:
        if not looks_like_data(text):
            return 0 if fold(text) in MISSING_TOKENS else 1
        return 0 if _may_name(text) else -1
    if text in column:
        return -1
    shapes = {_shape(cell) for cell in column}
    return (
        -1
        if len(shapes) == 1 and len(column) > 1 and any(c.isdigit() for c in text) and _shape(text) in shapes
        else 0
    )


def _may_name(text: str) -> bool:
    """A small whole number or a year may name a column: 1, 2, 3; 2019, 2020."""
    return text.isdecimal() and (len(text) <= 2 or (len(text) == 4 and text[:2] in ("19", "20")))


def _is_sequence(cells: Sequence[str]) -> bool:
    texts = [text.strip() for text in cells]
    if len(texts) < 2 or not all(text.isdecimal() and len(text) < 10 for text in texts):
        return False
    numbers = [int(text) for text in texts]
    return all(after - before == 1 for before, after in itertools.pairwise(numbers))


def _shape(text: str) -> str:
    return re.sub(r"[^\W\d_]+", "A", re.sub(r"\d+", "9", text))


def looks_like_data(text: str) -> bool:
    """A number or a date, which hardly ever is a name."""
    stripped = text.strip()
    return bool(stripped) and bool(
        (NUMBER.match(stripped) and any(c.isdigit() for c in stripped)) or DATE.match(stripped)
    )


def is_total(row: Row) -> bool:
    """A row that sums up the ones above: its first text says so."""
    first = next((text for text in row if text.strip()), "")
    return fold(first).rstrip(":") in TOTALS
