"""FileReport: what a reader found in a file and what it did about it, ready for JSON.

Nothing that a reader changes, drops or guesses goes unsaid: it is a field here or a finding. A finding has a
stable code (the API words it in the reader's language), a count and facts.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

from retort_executor.reading.limits import LIMITS

Severity = Literal["info", "warning", "error"]


@dataclass(slots=True)
class Finding:
    """One thing worth saying. `error`: content could not be read as it stands and was replaced or set apart."""

    code: str
    severity: Severity
    count: int = 1
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Renamed:
    """A column whose name is not what the file says; `original` is the file's own text."""

    index: int
    original: str
    name: str
    why: str


@dataclass(slots=True)
class Ragged:
    """Rows with fewer or more cells than the header; line numbers count from 1 and name the row's last line."""

    short: int = 0
    long: int = 0
    short_lines: list[int] = field(default_factory=list)
    long_lines: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Sheet:
    name: str
    visibility: str
    rows: int
    columns: int
    chosen: bool = False


@dataclass(slots=True)
class FileReport:
    """Everything about one file. `header_rows` and `title_rows` count lines (or sheet rows) from 1."""

    format: str
    size: int = 0
    rows: int = 0
    columns: int = 0
    encoding: str = ""
    encoding_found_by: str = ""  # bom, utf-8, gb18030, detection, option
    delimiter: str = ""
    quote: str = ""
    title_rows: list[list[str]] = field(default_factory=list)
    header_rows: list[int] = field(default_factory=list)
    renamed: list[Renamed] = field(default_factory=list)
    labels: dict[str, str] = field(default_factory=dict)  # second header row that explains the first
    groups: dict[str, str] = field(default_factory=dict)  # upper header row that spans columns
    ragged: Ragged = field(default_factory=Ragged)
    sheets: list[Sheet] = field(default_factory=list)
    native_types: dict[str, str] = field(default_factory=dict)  # columns that are not text
    changes: list[dict[str, Any]] = field(default_factory=list)  # of a codebook: for annotate_columns
    findings: list[Finding] = field(default_factory=list)

    def find(self, code: str, severity: Severity = "info", count: int = 1, **details: Any) -> None:
        """Add a finding; lists in `details` are cut to what a person reads."""
        shown = {k: v[: LIMITS.listed] if isinstance(v, list) else v for k, v in details.items()}
        self.findings.append(Finding(code, severity, count, shown))

    def take(self, other: FileReport) -> None:
        """Say what `other` says."""
        for one in fields(self):
            setattr(self, one.name, getattr(other, one.name))

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)
