"""Pages and problems: the two shapes every list and every error of the API has."""

from __future__ import annotations

from typing import Generic, TypeVar

from pydantic import JsonValue

from retort_core.models import Model

Item = TypeVar("Item")


class Page(Model, Generic[Item]):
    """`next_cursor` is opaque; "" on the last page. The order is stable; there is no total."""

    items: tuple[Item, ...]
    next_cursor: str = ""


class FieldProblem(Model):
    """One refused field: where it stands in the request, and why."""

    where: str
    message: str


class Problem(Model):
    """RFC 9457, `application/problem+json`. Programs read `code`; `detail` is a sentence for a person."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    instance: str = ""
    retryable: bool = False
    errors: tuple[FieldProblem, ...] = ()
    details: dict[str, JsonValue] = {}
