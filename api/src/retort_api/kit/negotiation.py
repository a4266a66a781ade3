"""What a caller takes: the media types of `Accept`, weighed as RFC 9110 says, against what a route has."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from fastapi import Request
from fastapi.routing import APIRoute

from retort_api.kit.problems import HttpProblem
from retort_core.http.routes import PROBLEM

JSON = "application/json"


@dataclass(frozen=True)
class _Range:
    """One element of `Accept`: `*/*`, `text/*` or a type; the more it says, the more it counts."""

    kind: str
    part: str
    weight: float

    @property
    def precision(self) -> int:
        return (self.kind != "*") + (self.part != "*")

    def takes(self, media: str) -> bool:
        kind, _, part = media.partition("/")
        return self.kind in ("*", kind) and self.part in ("*", part)


def given(*media: str) -> dict[int | str, dict[str, Any]]:
    """For the description of a route: files of these types."""
    binary = {"schema": {"type": "string", "format": "binary"}}
    return {200: {"content": dict.fromkeys(media, binary)}}


def chosen(request: Request, offers: Sequence[str]) -> str:
    """The best of `offers`, whose first is what is given where all are equally welcome; else 406 with the list."""
    accept = ",".join(request.headers.getlist("accept"))
    ranges = [one for part in accept.split(",") if (one := _range(part)) is not None]
    if not ranges:
        return offers[0]
    weights = [_weight(ranges, media) for media in offers]
    best = max(weights)
    if best <= 0:
        listed = ", ".join(offers)
        raise HttpProblem(
            406, f"This is to be had as {listed}; {accept[:200]!r} takes none of it.", available=list(offers)
        )
    return offers[weights.index(best)]


def offered(request: Request) -> tuple[str, ...]:
    """What the route of a request is declared to give; nothing where it gives no body."""
    route = request.scope["route"]
    if not isinstance(route, APIRoute) or route.status_code == 204:
        return ()
    given = route.responses.get(200, {}).get("content", {})
    return (JSON, *given) if route.response_model is not None else tuple(given)


def check(request: Request) -> None:
    """Refuses a look at something in a form that there is not, before anything is read for it."""
    offers = offered(request)
    if request.method in ("GET", "HEAD") and offers:
        chosen(request, offers)


def _range(text: str) -> _Range | None:
    media, *parameters = (part.strip() for part in text.lower().split(";"))
    kind, slash, part = media.partition("/")
    if not slash or media == PROBLEM:  # errors are problems whatever was asked for
        return None
    weights = [one.partition("=")[2] for one in parameters if one.replace(" ", "").startswith("q=")]
    return _Range(kind, part, _quality(weights[0]) if weights else 1.0)


def _quality(text: str) -> float:
    try:
        return min(1.0, max(0.0, float(text)))
    except ValueError:
        return 1.0


def _weight(ranges: Sequence[_Range], media: str) -> float:
    fitting = [one for one in ranges if one.takes(media)]
    return max(fitting, key=lambda one: one.precision).weight if fitting else 0.0
