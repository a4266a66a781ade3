"""What is asked of a model and what comes of it, whoever carries it: the words of `client`, without its library.

How a server is made to follow the schema differs, and some servers accept the request and ignore it (vLLM drops
`guided_json` silently). The ways are rungs of a ladder; which one a server truly honours is found by `probe`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, TypeAlias

from retort_core.errors import Infrastructure

Messages = list[dict[str, str]]


class ModelUnavailable(Infrastructure):
    """The endpoint cannot be reached, refuses, or answers nothing usable."""

    code: ClassVar[str] = "model-unavailable"
    reason: ClassVar[str] = "ModelUnavailable"


class Rung(StrEnum):
    """Ways to ask for JSON by schema, strictest first."""

    json_schema = "json_schema"  # OpenAI's form; vLLM >= 0.12, llama.cpp's server
    structured_outputs = "structured_outputs"  # vLLM's own field
    json_object = "json_object"  # llama-cpp-python: the schema inside response_format
    text = "text"  # nothing enforced: the answer is searched for JSON and validated


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where the model is. `key` is a secret: never logged, absent from repr."""

    url: str
    model: str
    key: str = field(default="", repr=False)
    seconds: float = 30.0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What came back; `tokens_in` and `tokens_out` are the server's own counts (0 when it gives none)."""

    text: str
    tokens_in: int
    tokens_out: int


@dataclass(frozen=True, kw_only=True)
class Call:
    """One request as it went; `outcome`: answered, refused (by the server), unreachable, empty (no choice)."""

    outcome: str
    seconds: float
    tokens_in: int = 0
    tokens_out: int = 0


Told: TypeAlias = Callable[[Call], None]


def unheard(call: Call) -> None:
    """Of calls that nobody counts."""
    del call
