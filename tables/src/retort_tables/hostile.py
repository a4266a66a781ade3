"""A hostile Arrow stream in, a plain table out: the only place where bytes of a sandbox are decoded.

What may come is a closed list of types. Every batch is validated in full (offsets, lengths, UTF-8, indexes) before
anything else touches it; text hidden behind few bytes (dictionaries and views that repeat one long value) is summed
before it is spelled out; names are unique, of sane length and without control characters. Metadata is dropped.
A crash of the decoder itself ends one confined process; nothing here is trusted with a file, a socket or a secret.
"""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute as pc

from retort_core.errors import DataError, LimitExceeded

NAME_LENGTH: Final = 500
MOST_TEXTS: Final = 1 << 16  # of a dictionary that stays one


@dataclass(frozen=True, kw_only=True)
class Caps:
    """What a table may have at most. `bytes` counts values as they lie in memory, spelled out."""

    columns: int = 10_000
    rows: int = 20_000_000
    bytes: int = 4 << 30


def decode(
    stream: memoryview | bytes, caps: Caps, what: str = "the result", *, coded: bool = False
) -> pl.DataFrame:
    """The table of an Arrow IPC stream, or a `DataError` or `LimitExceeded` that says what is wrong with `what`.

    `coded` leaves a column that comes as one dictionary in it, as an Enum; any other dictionary is spelled out.
    """
    try:
        with pa.ipc.open_stream(pa.py_buffer(stream)) as reader:
            names = _names(reader.schema, caps, what)
            return _table(reader.schema, names, list(_batches(reader, caps, what, coded=coded)))
    except (DataError, LimitExceeded):
        raise
    except (
        pa.ArrowException,
        pl.exceptions.PolarsError,
        OSError,
        ValueError,
        TypeError,
        MemoryError,
    ) as problem:
        raise DataError(
            f"{_capital(what)} is not a readable Arrow stream ({type(problem).__name__}). "
            "Nothing was taken over; run it again, and if it happens again, change the script.",
        ) from None


def _batches(reader: Any, caps: Caps, what: str, *, coded: bool) -> Iterator[Any]:
    rows = size = 0
    for batch in reader:
        rows += batch.num_rows
        if rows > caps.rows:
            raise LimitExceeded(
                f"{_capital(what)} has more than {caps.rows:,} rows.", limit="rows", value=caps.rows
            )
        batch.validate(full=True)
        columns = []
        for column in batch.columns:
            kept = coded and isinstance(column.type, pa.DictionaryType)
            plain = (_measured if kept else _plain)(column, caps.bytes - size, what)
            size += _spelled_size(plain) if kept else plain.nbytes
            columns.append(plain)
        if size > caps.bytes:
            raise _too_large(what)
        yield columns


def _names(schema: Any, caps: Caps, what: str) -> list[str]:
    if len(schema) > caps.columns:
        raise LimitExceeded(
            f"{_capital(what)} has {len(schema):,} columns, allowed are {caps.columns:,}.",
            limit="columns",
            value=caps.columns,
        )
    names = [field.name for field in schema]
    for name, count in Counter(names).items():
        if count > 1:
            raise DataError(
                f"{_capital(what)} has {count} columns named {name[:50]!r}; names must differ.", column=name
            )
        if not sane_name(name):
            raise DataError(
                f"{_capital(what)} has a column whose name cannot be used: {name[:50]!r}. "
                f"A name has 1 to {NAME_LENGTH} characters and no control characters.",
                column=name[:50],
            )
    for field in schema:
        _converter(field.type, field.name, what)
    return names


def sane_name(name: str) -> bool:
    return 0 < len(name) <= NAME_LENGTH and not any(unicodedata.category(c) in ("Cc", "Cs") for c in name)


_EXACT: Final[dict[Any, Any]] = {
    pa.int8(): pa.int64(),
    pa.int16(): pa.int64(),
    pa.int32(): pa.int64(),
    pa.int64(): pa.int64(),
    pa.uint8(): pa.int64(),
    pa.uint16(): pa.int64(),
    pa.uint32(): pa.int64(),
    pa.uint64(): pa.int64(),
    pa.float32(): pa.float64(),
    pa.float64(): pa.float64(),
    pa.bool_(): pa.bool_(),
    pa.date32(): pa.date32(),
    pa.date64(): pa.date32(),
    pa.null(): pa.null(),
    **{pa.timestamp(unit): pa.timestamp("us") for unit in ("s", "ms", "us", "ns")},
    **{pa.duration(unit): pa.duration("us") for unit in ("s", "ms", "us", "ns")},
}
_TEXT: Final = (pa.string(), pa.large_string(), pa.string_view())


def _converter(kind: Any, name: str, what: str) -> Callable[[Any, int, str], Any]:
    """How an array of this type becomes plain; refuses every type that is not on the list."""
    if not isinstance(kind, pa.BaseExtensionType):
        if kind in _TEXT:
            return _text
        if kind in _EXACT:
            return lambda array, _left, _what: array.cast(_EXACT[kind], safe=not pa.types.is_temporal(kind))
        if isinstance(kind, pa.Decimal128Type) and 0 <= kind.scale <= 38:
            return lambda array, _left, _what: array.cast(pa.decimal128(38, kind.scale))
        if isinstance(kind, pa.DictionaryType) and kind.value_type in _TEXT:
            return _dictionary
    raise DataError(
        f"Column {name[:50]!r} of {what} has the type {str(kind)[:80]}, which a table here cannot hold. "
        "Turn it into text, a number, a boolean, a date or a time without zone.",
        column=name[:200],
    )


def _plain(array: Any, left: int, what: str) -> Any:
    return _converter(array.type, "", what)(array, left, what)


def _text(array: Any, left: int, what: str) -> Any:
    if array.type != pa.string_view():
        return array.cast(pa.large_string())
    array, size = _blanked(array)
    if size > left:
        raise _too_large(what)
    array = array.cast(pa.large_string())
    array.validate(full=True)
    return array


def _blanked(array: Any) -> tuple[Any, int]:
    """A string-view array with empty views under its nulls, and the bytes that its views announce. Validation does
    not look under nulls, the cast does: a forged view there would read anywhere."""
    buffers = array.buffers()
    if buffers[1] is None or not len(array):
        return array, 0
    views = (
        np.frombuffer(buffers[1], dtype="<i4").reshape(-1, 4)[array.offset : array.offset + len(array)].copy()
    )
    valid = pc.is_valid(array).to_numpy(zero_copy_only=False)
    views[~valid] = 0
    bitmap = pa.py_buffer(np.packbits(valid, bitorder="little"))
    plain = pa.Array.from_buffers(array.type, len(array), [bitmap, pa.py_buffer(views), *buffers[2:]])
    return plain, int(views[:, 0].astype(np.int64).sum())


def _dictionary(array: Any, left: int, what: str) -> Any:
    return _spelled_out(_measured(array, left, what))


def _measured(array: Any, left: int, what: str) -> Any:
    """The dictionary array of plain texts that it is, not too large when spelled out."""
    values = _text(array.dictionary, left, what)
    found = pa.DictionaryArray.from_arrays(array.indices, values)
    if _spelled_size(found) > left:
        raise _too_large(what)
    return found


def _spelled_size(array: Any) -> int:
    """Bytes of the texts of all rows."""
    return int(pc.sum(pc.take(pc.binary_length(array.dictionary), array.indices)).as_py() or 0)


def _spelled_out(array: Any) -> Any:
    return pc.take(array.dictionary, array.indices)


def _coded(pieces: list[Any]) -> pl.Series | None:
    """An Enum, when the pieces have one dictionary in common and each text stands in it once."""
    dictionary = pieces[0].dictionary
    if any(not piece.dictionary.equals(dictionary) for piece in pieces[1:]):
        return None
    texts = pl.Series(pl.from_arrow(dictionary))
    if texts.null_count() or not texts.is_unique().all() or texts.len() > MOST_TEXTS:
        return None
    kind = pl.Enum(texts)
    codes = pl.Series(
        "code", pl.from_arrow(pa.chunked_array([piece.indices for piece in pieces])), strict=False
    )
    physical = pl.Series([], dtype=kind).to_physical().dtype
    return codes.cast(physical).to_frame().select(pl.col("code").cat.to(kind)).to_series()


def _too_large(what: str) -> LimitExceeded:
    return LimitExceeded(f"{_capital(what)} takes more memory than allowed.", limit="bytes")


def _table(schema: Any, names: list[str], batches: list[list[Any]]) -> pl.DataFrame:
    series = []
    for number, name in enumerate(names):
        pieces = [batch[number] for batch in batches]
        if pieces and isinstance(pieces[0].type, pa.DictionaryType):
            coded = _coded(pieces)
            if coded is not None:
                series.append(coded.alias(name))
                continue
            pieces = [_spelled_out(piece) for piece in pieces]
        kind = pieces[0].type if pieces else _plain(pa.nulls(0, schema.field(number).type), 1, "").type
        values = pl.from_arrow(pa.chunked_array(pieces, type=kind))
        assert isinstance(values, pl.Series)
        series.append(values.alias(name))
    return pl.DataFrame(series)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
