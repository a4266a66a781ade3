"""Text of strangers and values of cells, as the terminal shows them."""

from __future__ import annotations

import unicodedata

from pydantic import JsonValue
from rich.text import Text


def plain(text: str, style: str = "") -> Text:
    """Text of a stranger: control and format characters made visible, never interpreted."""
    return Text("".join(c if unicodedata.category(c)[0] != "C" else "·" for c in text), style=style)


def cell(value: JsonValue, *, share: bool = False) -> Text:
    """A value: numbers with two decimals, shares as percent, nothing as a dim dot."""
    if value is None:
        return Text("·", style="dim")
    if isinstance(value, bool):
        return Text("true" if value else "false")
    if share and isinstance(value, int | float):
        return Text(_number(value * 100.0) + "%")
    return Text(_number(value)) if isinstance(value, float) else plain(str(value))


def _number(value: float) -> str:
    return f"{value:.2f}" if value != int(value) else f"{int(value)}"
