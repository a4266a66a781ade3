"""Conditional reads: what a caller has already is not sent again (304), and not read, made or written to the audit either.

Tags are weak. They name what is shown (the version, the form, whatever may change beside it), not the bytes: another release
or another library may write the same table in other bytes. A tag belongs to one URL, so what stands in its query is not in it.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import metadata
from typing import Any, Final

from fastapi import FastAPI, Request, Response

from retort_core.identity import digest

_TAG: Final = re.compile(r'(?:W/)?"([^"]*)"')


class NotModified(Exception):
    """Ends a request whose answer the caller has."""

    def __init__(self, headers: dict[str, str]) -> None:
        super().__init__("not modified")
        self.headers = headers


@cache
def _release() -> str:
    """Read from the disk once: at every conditional read it would be 0.2 ms of it."""
    return metadata.version("retort-api")


def unless_known(request: Request, *facts: object) -> dict[str, str]:
    """Headers of the answer. `facts`: all that it depends on beside its URL and this release."""
    tag = digest("etag:v1", _release(), *map(str, facts))[:32]
    # Shown to who may see it now: kept by nobody else, and asked for again each time.
    headers = {"ETag": f'W/"{tag}"', "Cache-Control": "private, no-cache", "Vary": "Accept, Authorization"}
    asked = ",".join(request.headers.getlist("if-none-match"))
    if asked.strip() == "*" or tag in _TAG.findall(asked):
        raise NotModified(headers)
    return headers


SHOWN: Final[dict[int | str, dict[str, Any]]] = {
    304: {"description": "What the caller has already (If-None-Match)"}
}


def install(app: FastAPI) -> None:
    async def answer(request: Request, error: Exception) -> Response:
        del request
        assert isinstance(error, NotModified)
        return Response(status_code=304, headers=error.headers)

    app.add_exception_handler(NotModified, answer)
