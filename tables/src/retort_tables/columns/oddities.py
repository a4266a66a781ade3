"""What is odd about texts without being wrong: spaces nobody sees, and text decoded with the wrong encoding.

Mojibake is text whose bytes were read in another encoding. A repair is believed only if it decodes strictly and
turns rare characters into common ones (level 1 of GB 2312, the 3,755 characters that make up ordinary text).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Final

import numpy as np
import polars as pl

from retort_tables.columns.tallies import Tally

SPACES: Final = r"^\s|\s$|\s\s|[\x{00a0}\x{00ad}\x{200b}-\x{200f}\x{2060}\x{3000}\x{feff}\x{0000}-\x{0008}\x{000b}\x{000c}\x{000e}-\x{001f}\x{007f}]"
_COMMON_SHARE: Final = 0.8
_GAIN: Final = 0.3


def spaces(tally: Tally, values: pl.Series) -> int:
    """Cells with surrounding, doubled or invisible spaces."""
    if tally.dtype != pl.String or tally.width:
        return 0
    if tally.complete and tally.texts is not None:
        odd = tally.texts.str.contains(SPACES)
        return int(tally.counts[odd.to_numpy()].sum()) if tally.rows else 0
    return int(values.str.contains(SPACES).sum())


def mojibake(tally: Tally, values: pl.Series) -> int:
    """Cells that decode into far more common text."""
    if tally.dtype != pl.String or tally.width or not tally.rows:
        return 0
    return sum(rows for text, rows in _suspects(tally, values).items() if repaired(text) is not None)


def repaired(text: str) -> str | None:
    """What was meant, or None when `text` is as good as any other decoding of its bytes."""
    return _from_gb18030(text) or _from_latin(text)


def _suspects(tally: Tally, values: pl.Series) -> Mapping[str, int]:
    """Texts with rare or accented characters, with rows."""
    if tally.complete and tally.texts is not None:
        frame = pl.DataFrame({"text": tally.texts, "rows": tally.counts})
        frame = frame.filter(pl.col("text").str.len_bytes() > pl.col("text").str.len_chars())
        return {str(text): int(rows) for text, rows in frame.rows()}
    if values.str.len_bytes().sum() == values.str.len_chars().sum():
        return {}
    rare = values.filter(values.str.contains(_rare()).fill_null(value=False))
    return {str(text): int(rows) for text, rows in rare.value_counts().rows()}


def _from_gb18030(text: str) -> str | None:
    """UTF-8 that was read as GB18030: 鏁翠綋 was 整体."""
    try:
        meant = text.encode("gb18030").decode("utf-8")
    except UnicodeError:
        return None
    return meant if _gains(text, meant) else None


def _from_latin(text: str) -> str | None:
    """UTF-8 or GB18030 that was read as Western European, where undefined bytes stay control characters."""
    if not any("\x80" <= char <= "\u2122" for char in text):
        return None
    try:
        data = b"".join(
            char.encode("cp1252") if _in_cp1252(char) else char.encode("latin-1") for char in text
        )
    except UnicodeError:
        return None
    for encoding in ("utf-8", "gb18030"):
        try:
            meant = data.decode(encoding)
        except UnicodeError:
            continue
        if meant != text and (_gains(text, meant) or (encoding == "utf-8" and _legible(meant))):
            return meant
    return None


def _in_cp1252(char: str) -> bool:
    try:
        char.encode("cp1252")
    except UnicodeError:
        return False
    return True


def _legible(text: str) -> bool:
    return all(char.isprintable() for char in text)


def _gains(text: str, meant: str) -> bool:
    after = _share(meant)
    return after >= _COMMON_SHARE and after - _share(text) >= _GAIN and len(re.findall("[一-鿿]", meant)) > 1


def _share(text: str) -> float:
    """Share of common characters among those that are not ASCII."""
    foreign = [char for char in text if char > "\x7f"]
    return sum(char in _common() for char in foreign) / len(foreign) if foreign else 0.0


@lru_cache(maxsize=1)
def _common() -> frozenset[str]:
    pairs = ((high, low) for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF))
    level1 = (bytes(pair).decode("gb2312", "ignore") for pair in pairs)
    return frozenset("".join(level1)) | frozenset("，。！？、；：“”‘’（）《》【】…—·")


@lru_cache(maxsize=1)
def _rare() -> str:
    """Pattern of any character beyond ASCII that is not common, as ranges of code points."""
    points = np.array(sorted({*range(0x80), *map(ord, _common())}))
    gaps = np.flatnonzero(np.diff(points) > 1)
    ranges = [(points[at] + 1, points[at + 1] - 1) for at in gaps if points[at + 1] <= 0xFFFF]
    allowed = [(low, high) for low, high in ranges if not 0xD800 <= low <= 0xDFFF]
    return (
        "["
        + "".join(
            f"\\x{{{low:x}}}-\\x{{{min(high, 0xD7FF) if low < 0xD800 else high:x}}}" for low, high in allowed
        )
        + "]"
    )
