"""Tracebacks that may be logged: what did not fit a model is a cell of a table or a person's words."""

from __future__ import annotations

import re
from typing import Final

GONE: Final = "[redacted]"
_INPUT: Final = re.compile(r"(\binput_value=).*(, input_type=)")  # as pydantic writes it: a repr, on one line


def without_inputs(text: str) -> str:
    return _INPUT.sub(rf"\1{GONE}\2", text)
