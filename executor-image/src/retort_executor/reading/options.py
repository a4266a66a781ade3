"""Options of reading: what a person may decide instead of the guesses, checked before the file is opened."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import ConfigDict, Field, ValidationError

from retort_core.errors import BadInput
from retort_core.models import Model


class ReadOptions(Model):
    """Unset (None) means: find it out and report what was found."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    target: Literal["table", "codebook"] = Field(default="table", alias="as")
    encoding: str | None = Field(default=None, max_length=40)
    delimiter: str | None = Field(default=None, min_length=1, max_length=1)
    quote: str | None = Field(default=None, max_length=1)  # "" = quotation marks are ordinary text
    sheet: str | int | None = None  # name, or position from 1
    skip_rows: int | None = Field(default=None, ge=0, le=1000)  # lines above the header
    header_rows: int | None = Field(default=None, ge=0, le=3)  # 0 = the file has no header


def parse_options(options: dict[str, Any]) -> ReadOptions:
    """The options, or BadInput that names the first wrong one."""
    try:
        return ReadOptions.model_validate(options)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        raise BadInput(
            f"The reading option {name!r} is not usable: {first['msg']}. "
            "Known options: as, encoding, delimiter, quote, sheet, skip_rows, header_rows.",
            option=name,
        ) from None
