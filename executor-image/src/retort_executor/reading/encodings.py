"""Encodings: from bytes to UTF-8, in the order that is right for Chinese files, each guess said in the report.

Order: byte order mark, strict UTF-8, strict GB18030 (superset of GBK and GB2312), then detection by
charset-normalizer on a sample cut at a newline (cut inside a character it finds nothing). UTF-8 must come first:
most UTF-8 text is also valid GB18030, as nonsense. A file that is UTF-8 or GB18030 but for a few broken bytes is
read with those replaced by U+FFFD, and their lines are reported.
"""

from __future__ import annotations

import codecs
import io
import itertools
import mmap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO, Final

import charset_normalizer
import polars as pl

from retort_core.errors import BadInput, UnreadableFile
from retort_executor.reading.report import FileReport
from retort_executor.reading.sources import Source

BOMS: Final = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16: begins with the same bytes
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
CHUNK: Final = 1 << 22
PRESUMED: Final = 1 << 20  # bytes that must be UTF-8 before the rest is presumed to be
SAMPLE: Final = 1 << 18  # bytes that encodings are judged by
# What is tried last: encodings that spreadsheets still write. DOS and Macintosh pages would fit anything, as nonsense.
CANDIDATES: Final = [
    "gb18030", "cp1252", "big5", "cp950", "shift_jis", "cp932", "euc_jp", "cp949", "euc_kr", "cp1251", "koi8_r",
    "cp1250", "cp1253", "cp1254", "cp1255", "cp1256", "cp874",
]  # fmt: skip
# Codecs are modules: loaded now, because inside the sandbox no path can be opened. cp437 is for names in a zip.
for _name in (
    *CANDIDATES,
    "gb18030",
    "gb2312",
    "utf-8-sig",
    "utf-16-le",
    "utf-16-be",
    "utf-32-le",
    "utf-32-be",
    "utf-16",
    "utf-32",
    "cp437",
    "latin-1",
):
    codecs.lookup(_name)
# Detection tells these apart by chance; Windows writes the first by far the most often.
WESTERN: Final = ("cp1252", "cp1250", "cp1254")
HOPELESS: Final = 100  # more than one broken sequence per so many characters: nothing worth reading is left


@dataclass(slots=True)
class Text:
    """Text as UTF-8. `data` is None when the file itself is already clean UTF-8 and can be read in place.

    Not `proven`: the file begins as UTF-8, and whoever reads it must check the rest.
    """

    source: Source
    data: bytes | None = None
    proven: bool = True

    @property
    def size(self) -> int:
        return len(self.view)

    @property
    def view(self) -> mmap.mmap | bytes:
        return self.source.view if self.data is None else self.data

    def stream(self) -> BinaryIO:
        return self.source.stream() if self.data is None else io.BytesIO(self.data)

    def lines(self) -> io.TextIOWrapper:
        """Decoded text with line ends untouched, a BOM left out."""
        return io.TextIOWrapper(self.stream(), encoding="utf-8-sig", errors="replace", newline="")

    def chunks(self) -> Iterator[bytes]:
        """By place, so that another thread may read a stream meanwhile."""
        if self.data is None:
            yield from self.source.chunks(CHUNK)
        else:
            yield from (self.data[start : start + CHUNK] for start in range(0, len(self.data), CHUNK))

    def contains(self, needle: bytes) -> bool:
        return self.view.find(needle) >= 0

    def copy(self) -> bytes:
        return self.source.copy() if self.data is None else self.data

    def tail(self, count: int) -> bytes:
        return bytes(self.view[max(0, self.size - count) :])

    def sample(self, size: int) -> tuple[str, bool]:
        """The first `size` characters, and whether that is all."""
        with self.lines() as text:
            start = text.read(size)
            return start, not text.read(1)


def presumably_utf8(source: Source) -> bool:
    """Whether a large file begins as UTF-8, so that reading it at once is worth a try."""
    if source.size < PRESUMED:
        return False
    head = source.head(source.view.rfind(b"\n", 0, PRESUMED) + 1)
    return bool(head) and not _other_mark(head) and _wide_without_bom(head[:4096]) is None and is_utf8(head)


def _other_mark(head: bytes) -> bool:
    return any(head.startswith(bom) for bom, name in BOMS if name != "utf-8")


def presumed(source: Source, report: FileReport) -> Text:
    """As UTF-8, unproven."""
    _refuse_binary(source)
    marked = source.head(3) == codecs.BOM_UTF8
    report.encoding, report.encoding_found_by = "utf-8", "bom" if marked else "utf-8"
    return Text(source, proven=False)


def to_text(source: Source, report: FileReport, encoding: str | None = None) -> Text:
    """Find the encoding, note it in `report`, and give the text as UTF-8."""
    if encoding:
        return _chosen(source, report, encoding)
    head = source.head(4)
    for bom, name in BOMS:
        if head.startswith(bom):
            return _strict_or_patched(source, report, name, "bom", skip=len(bom))
    wide = _wide_without_bom(source.head(4096))
    if wide:
        return _strict_or_patched(source, report, wide, "detection")
    _refuse_binary(source)
    return _unmarked(source, report)


def _unmarked(source: Source, report: FileReport) -> Text:
    if is_utf8(source.view):
        return _clean(source, report, "utf-8", "utf-8", None)
    data = transcode(source, "gb18030")
    if data is not None and plausible_chinese(data[:SAMPLE].decode("utf-8", "ignore")):
        return _clean(source, report, "gb18030", "gb18030", data)
    del data
    evidence = _evidence(source)
    for name, per_broken in (("utf-8", 5), ("gb18030", 50)):
        if _mostly(evidence, name, per_broken):
            return _patched(source, report, name, name)
    return _detected(source, report, evidence)


def _clean(source: Source, report: FileReport, name: str, found_by: str, data: bytes | None) -> Text:
    report.encoding, report.encoding_found_by = name, found_by
    return Text(source, data)


def is_utf8(view: mmap.mmap | bytes) -> bool:
    """Strict UTF-8, at several gigabytes a second: Polars validates piece after piece, cut between characters."""
    start = 0
    while start < len(view):
        end = min(start + CHUNK, len(view))
        while end < len(view) and end > start + CHUNK - 4 and view[end] & 0xC0 == 0x80:  # inside a character
            end -= 1
        try:
            pl.Series([view[start:end]], dtype=pl.Binary).cast(pl.String)
        except pl.exceptions.ComputeError:
            return False
        start = end
    return True


def transcode(source: Source, name: str, errors: str = "strict", skip: int = 0) -> bytes | None:
    """The file as UTF-8 bytes, decoded in pieces; None when it is not strictly `name`."""
    decoder = codecs.getincrementaldecoder(name)(errors)
    out = io.BytesIO()
    try:
        for start in range(skip, source.size, CHUNK):
            out.write(decoder.decode(bytes(source.view[start : start + CHUNK])).encode("utf-8", "replace"))
        out.write(decoder.decode(b"", final=True).encode("utf-8", "replace"))
    except UnicodeDecodeError:
        return None
    return out.getvalue()


def plausible_chinese(sample: str) -> bool:
    """Whether text that decodes as GB18030 looks like it: `Müller` and Big5 decode too, to rare characters.

    Of real simplified text nine characters in ten are among the 3,755 common ones of GB2312, of traditional text in
    GBK six, of Big5 read as GBK two, of Latin letters in pairs none.
    """
    letters = [char for char in sample if char.isalpha() and ord(char) > 0x7F]
    common = sum(1 for char in letters if _is_common(char))
    return common >= 0.4 * len(letters)


def _is_common(char: str) -> bool:
    try:
        return 0xB0 <= char.encode("gb2312")[0] <= 0xD7
    except UnicodeEncodeError:
        return False


def _evidence(source: Source) -> bytes:
    """Bytes to judge by: the start of the file and the surroundings of the first byte that is not UTF-8."""
    offset, _ = next(broken_places(source, "utf-8"))
    head = source.head(_cut(source, 0, SAMPLE))
    if offset < len(head):
        return head
    start = source.view.rfind(b"\n", 0, offset) + 1
    return head + bytes(source.view[start : _cut(source, start, SAMPLE)])


def _mostly(evidence: bytes, name: str, per_broken: int) -> bool:
    """Whether there are at least `per_broken` good characters beyond ASCII for each broken sequence.

    Valid multi-byte UTF-8 is hardly ever an accident, valid GB18030 often is: hence five and fifty.
    """
    text = evidence.decode(name, "replace")
    broken = text.count("\ufffd")
    good = sum(1 for char in text if ord(char) > 0x7F) - broken
    return good >= per_broken * broken and (name == "utf-8" or plausible_chinese(text.replace("\ufffd", "")))


def _patched(source: Source, report: FileReport, name: str, found_by: str, skip: int = 0) -> Text:
    """Read with broken bytes replaced, and say where they were."""
    broken = list(itertools.islice(broken_places(source, name, skip), 100_000))
    data = transcode(source, name, "replace", skip) or b""
    report.encoding, report.encoding_found_by = name, found_by
    report.find(
        "broken-bytes",
        "error",
        count=len(broken),
        encoding=name,
        offsets=[offset for offset, _ in broken],
        lines=[line for _, line in broken],
        replaced_with="\ufffd",
    )
    return Text(source, data)


def broken_places(source: Source, name: str, skip: int = 0) -> Iterator[tuple[int, int]]:
    """(offset, line) of every broken sequence, both as a person counts them: offset from 0, line from 1."""
    line, start = 1, skip
    while start < source.size:
        end = _cut(source, start)
        piece = bytes(source.view[start:end])
        at = 0
        while at < len(piece):
            try:
                piece[at:].decode(name)
                break
            except UnicodeDecodeError as error:
                where = at + error.start
                yield start + where, line + piece.count(b"\n", 0, where)
                at += max(error.end, error.start + 1)
        line += piece.count(b"\n")
        start = end


def _cut(source: Source, start: int, size: int = 1 << 14) -> int:
    """End of a piece of about `size` bytes, behind a newline where there is one, so that no character is cut."""
    end = min(source.size, start + size)
    if end == source.size:
        return end
    newline = source.view.find(b"\n", end)
    return source.size if newline < 0 else newline + 1


def _strict_or_patched(source: Source, report: FileReport, name: str, found_by: str, skip: int = 0) -> Text:
    if name == "utf-8":
        if is_utf8(source.view):
            return _clean(source, report, name, found_by, None)
        return _patched(source, report, name, found_by, skip)
    data = transcode(source, name, skip=skip)
    if data is not None:
        return _clean(source, report, name, found_by, data)
    text = Text(source, transcode(source, name, "replace", skip))
    report.encoding, report.encoding_found_by = name, found_by
    report.find("broken-bytes", "error", encoding=name, replaced_with="\ufffd")
    return text


def _chosen(source: Source, report: FileReport, encoding: str) -> Text:
    try:
        name = codecs.lookup(encoding).name
        codecs.getincrementaldecoder(name)
    except LookupError:
        raise BadInput(
            f"There is no encoding named {encoding!r}. Use utf-8, gb18030, utf-16, big5 or leave it out.",
            option="encoding",
        ) from None
    wanted = {"gbk": "gb18030", "gb2312": "gb18030", "utf-8-sig": "utf-8"}.get(name, name)
    if wanted == "utf-8" and is_utf8(source.view):
        return _clean(source, report, wanted, "option", None)
    data = transcode(source, wanted)
    if data is not None:
        return _clean(source, report, wanted, "option", data.removeprefix(codecs.BOM_UTF8))
    return _patched(source, report, wanted, "option")


def _detected(source: Source, report: FileReport, evidence: bytes) -> Text:
    guess = charset_normalizer.from_bytes(evidence, cp_isolation=CANDIDATES).best()
    name = "" if guess is None else guess.encoding
    if name in WESTERN and transcode(source, WESTERN[0]) is not None:
        name = WESTERN[0]
    data = transcode(source, name) if name else None
    if data is not None:
        report.find("encoding-guessed", "warning", encoding=name)
        return _clean(source, report, name, "detection", data)
    text = evidence.decode("utf-8", "replace")
    if text.count("\ufffd") * HOPELESS <= len(text):
        return _patched(source, report, "utf-8", "utf-8")
    raise _unknown(source)


def _unknown(source: Source) -> UnreadableFile:
    offset, line = next(broken_places(source, "utf-8"))
    return UnreadableFile(
        f"The text of {source.name!r} is neither UTF-8 nor GB18030 nor any other encoding that could be recognised; "
        f"the first byte that does not fit is on line {line} (offset {offset}). Save the file as UTF-8, "
        "or name its encoding when uploading.",
        what="encoding",
        file=source.name,
        line=line,
        offset=offset,
    )


def _wide_without_bom(head: bytes) -> str | None:
    """UTF-16 without a mark: of mostly ASCII text every other byte is NUL."""
    if len(head) < 8:
        return None
    half = len(head) // 2
    if head[1::2].count(0) > 0.4 * half and head[0::2].count(0) < 0.05 * half:
        return "utf-16-le"
    if head[0::2].count(0) > 0.4 * half and head[1::2].count(0) < 0.05 * half:
        return "utf-16-be"
    return None


def _refuse_binary(source: Source) -> None:
    """Text has next to no control bytes; a program, a picture or a database is full of them."""
    head = source.head(1 << 16)
    control = sum(head.count(bytes([code])) for code in range(32) if code not in (9, 10, 11, 12, 13, 26, 27))
    if control > max(8, len(head) // 50):
        raise UnreadableFile(
            f"{source.name!r} is not text: it is full of control bytes ({control:,} in the first {len(head):,}). "
            "Upload a CSV, Excel or Parquet file.",
            what="binary",
            file=source.name,
            control_bytes=control,
        )
