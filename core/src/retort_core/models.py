"""The base of everything that crosses a process border: frozen, closed, JSON in and out."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Model(BaseModel):
    """Immutable value; unknown fields are refused so that a misspelt name is an error, not a default."""

    model_config = ConfigDict(frozen=True, extra="forbid")
