"""What a file is by its content, whatever its name says: text, a workbook, Parquet, or something no reader takes."""

from __future__ import annotations

import zipfile
from typing import Final, Literal

from retort_core.errors import LimitExceeded, UnreadableFile
from retort_executor.reading.limits import LIMITS, Limits
from retort_executor.reading.sources import Source

Container = Literal["text", "xlsx", "xls", "parquet"]

# First bytes of what people upload by mistake -> what to call it and what to do.
FOREIGN: Final = (
    (b"%PDF", "a PDF document", "Export the table as CSV or XLSX from where the PDF was made."),
    (b"\x89PNG", "a PNG picture", "Upload the table itself, not a picture of it."),
    (b"\xff\xd8\xff", "a JPEG picture", "Upload the table itself, not a picture of it."),
    (b"GIF8", "a GIF picture", "Upload the table itself, not a picture of it."),
    (b"\x1f\x8b", "a gzip archive", "Unpack it first and upload the file inside."),
    (b"BZh", "a bzip2 archive", "Unpack it first and upload the file inside."),
    (b"\xfd7zXZ", "an xz archive", "Unpack it first and upload the file inside."),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "Unpack it first and upload the file inside."),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "Unpack it first and upload the file inside."),
    (b"Rar!", "a RAR archive", "Unpack it first and upload the file inside."),
    (b"\x7fELF", "a program", "Upload a CSV, Excel or Parquet file."),
    (b"MZ\x90", "a Windows program", "Upload a CSV, Excel or Parquet file."),
    (b"SQLite format 3", "an SQLite database", "Export the table as CSV."),
    (b"$FL2", "an SPSS file", "Save it as CSV or XLSX from SPSS."),
    (b"$FL3", "an SPSS file", "Save it as CSV or XLSX from SPSS."),
    (b"ARROW1", "an Arrow file", "Save it as Parquet."),
)
# Text that is no table; many systems export HTML under the name .xls.
MARKUP: Final = (
    (b"<!doctype html", "a web page (HTML)", "Open it in Excel, save it as .xlsx and upload that file."),
    (b"<html", "a web page (HTML)", "Open it in Excel, save it as .xlsx and upload that file."),
    (b"<table", "a web page (HTML)", "Open it in Excel, save it as .xlsx and upload that file."),
    (b"<?xml", "an XML file", "Open it in Excel, save it as .xlsx and upload that file."),
    (b'{"', "a JSON file", "Convert it to CSV or Parquet first."),
    (b"[{", "a JSON file", "Convert it to CSV or Parquet first."),
    (b"{\\rtf", "an RTF document", "Copy the table into Excel or save it as CSV."),
)
ZIP: Final = b"PK\x03\x04"
EMPTY_ZIP: Final = b"PK\x05\x06"
OLE: Final = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
PARQUET: Final = b"PAR1"
ENCRYPTED_PARQUET: Final = b"PARE"


def container_of(source: Source, limits: Limits = LIMITS) -> Container:
    """Look at the content; refuse what no reader takes. Archives are checked for bombs before anything unpacks."""
    head = source.head(16)
    for magic, what, todo in FOREIGN:
        if head.startswith(magic):
            raise foreign(source, what, todo)
    if head.startswith((ZIP, EMPTY_ZIP)):
        check_zip(source, limits)
        return "xlsx"
    if head.startswith(OLE):
        check_ole(source)
        return "xls"
    if head.startswith(ENCRYPTED_PARQUET):
        raise foreign(source, "an encrypted Parquet file", "Save it without encryption.")
    if head.startswith(PARQUET):
        return "parquet"
    start = source.head(256).removeprefix(b"\xef\xbb\xbf").lstrip().lower()
    for magic, what, todo in MARKUP:
        if start.startswith(magic):
            raise foreign(source, what, todo)
    return "text"


def foreign(source: Source, what: str, todo: str) -> UnreadableFile:
    return UnreadableFile(
        f"{source.name!r} is {what}, not a table that can be read. {todo}",
        what="foreign-content",
        file=source.name,
        found=what,
    )


def check_zip(source: Source, limits: Limits = LIMITS) -> None:
    """A workbook and not a bomb, judged by the central directory alone; nothing is unpacked."""
    entries = _directory(source)
    unpacked = sum(entry.file_size for entry in entries)
    packed = max(1, sum(entry.compress_size for entry in entries))
    if len(entries) > limits.entries:
        raise _bomb(source, f"holds {len(entries):,} files inside; at most {limits.entries:,} are accepted")
    if unpacked > limits.unpacked:
        raise _bomb(
            source, f"unpacks to {unpacked >> 20:,} MiB; at most {limits.unpacked >> 20:,} MiB are accepted"
        )
    if unpacked > limits.small and unpacked > limits.ratio * packed:
        raise _bomb(
            source,
            f"unpacks to {unpacked // packed:,} times its size; at most {limits.ratio} times is accepted",
        )
    names = {entry.filename for entry in entries}
    if any(entry.flag_bits & 0x1 for entry in entries):
        raise foreign(source, "a password-protected archive", "Remove the password and upload it again.")
    if "xl/workbook.bin" in names:
        raise foreign(source, "a binary workbook (.xlsb)", "Save it as .xlsx and upload it again.")
    if "content.xml" in names and "mimetype" in names:
        raise foreign(source, "an OpenDocument file", "Save it as .xlsx and upload it again.")
    if not any(name.lower() == "xl/workbook.xml" for name in names):
        raise foreign(source, "a zip archive without a workbook", "Unpack it and upload the file inside.")


def _directory(source: Source) -> list[zipfile.ZipInfo]:
    try:
        with source.stream() as stream, zipfile.ZipFile(stream) as archive:
            return archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError) as error:
        raise UnreadableFile(
            f"{source.name!r} begins like an Excel workbook but its end is missing or damaged ({error}). "
            "It was probably not copied whole: open it in Excel, save it again and upload that file.",
            what="corrupt",
            file=source.name,
        ) from None


def _bomb(source: Source, why: str) -> LimitExceeded:
    return LimitExceeded(
        f"{source.name!r} {why}. Nothing was unpacked. Delete unused sheets, pictures and formatting, or save the "
        "table as CSV.",
        what="unpacked",
        file=source.name,
    )


def check_ole(source: Source) -> None:
    """An old workbook; an encrypted .xlsx and Word files have the same outer format and are told apart here."""
    names = _ole_names(source)
    if "EncryptedPackage" in names or "EncryptionInfo" in names:
        raise UnreadableFile(
            f"{source.name!r} is protected with a password. Open it in Excel, remove the password "
            "(File > Info > Protect Workbook) and upload it again.",
            what="encrypted",
            file=source.name,
        )
    if names & {"WordDocument", "PowerPoint Document"}:
        raise foreign(source, "a Word or PowerPoint document", "Copy the table into Excel or save it as CSV.")
    if names and not names & {"Workbook", "Book"}:
        raise foreign(source, "an Office file without a workbook", "Upload an .xlsx, .xls or CSV file.")


def _ole_names(source: Source) -> set[str]:
    """Names of the streams in a compound file: walks the directory chain through the FAT of the header."""
    head = source.head(512)
    if len(head) < 512:
        return set()
    sector = 1 << min(int.from_bytes(head[30:32], "little"), 12)
    chain = [int.from_bytes(head[at : at + 4], "little") for at in range(76, 512, 4)]
    names: set[str] = set()
    current = int.from_bytes(head[48:52], "little")
    for _ in range(64):  # 64 directory sectors name 256 streams or more; a workbook has five
        start = (current + 1) * sector
        block = bytes(source.view[start : start + sector])
        for at in range(0, len(block), 128):
            length = int.from_bytes(block[at + 64 : at + 66], "little")
            if 2 <= length <= 64:
                names.add(block[at : at + length - 2].decode("utf-16-le", "replace"))
        following = _next_sector(source, chain, current, sector)
        if following is None:
            break
        current = following
    return names


def _next_sector(source: Source, chain: list[int], current: int, sector: int) -> int | None:
    per = sector // 4
    table = current // per
    if table >= len(chain) or chain[table] >= 0xFFFFFFFA:
        return None
    at = (chain[table] + 1) * sector + (current % per) * 4
    entry = bytes(source.view[at : at + 4])
    value = int.from_bytes(entry, "little")
    return None if len(entry) < 4 or value >= 0xFFFFFFFA else value
