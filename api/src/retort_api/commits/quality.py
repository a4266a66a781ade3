"""The findings of a profile as sentences, in the reader's language."""

from __future__ import annotations

from retort_core.plans import Lang
from retort_core.profiles import Finding, Profile
from retort_core.schema import Schema


def sentences(schema: Schema, profile: Profile, lang: Lang) -> tuple[str, ...]:
    names = {column.id: column.name for column in schema.columns}
    return tuple(_sentence(finding, names.get(finding.column, ""), lang) for finding in profile.findings)


def _sentence(finding: Finding, column: str, lang: Lang) -> str:
    where = (f"「{column}」：" if lang == "zh" else f"“{column}”: ") if column else ""
    return f"{where}{finding.code} ({finding.count})"
