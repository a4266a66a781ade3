"""Every error of the HTTP API as `application/problem+json`, in one place: the error tree, validation, the rest."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from retort_core.errors import RetortError
from retort_core.http.pages import FieldProblem, Problem
from retort_core.http.routes import PROBLEM

log = structlog.get_logger(__name__)
TYPE = "https://retort.dev/problems/"
_CODES = {
    400: "bad-request",
    401: "unauthenticated",
    403: "denied",
    404: "not-found",
    405: "method-not-allowed",
    406: "not-acceptable",
    408: "timed-out",
    410: "gone",
    412: "precondition-failed",
    413: "limit-exceeded",
    415: "unsupported-media-type",
    421: "misdirected",
    428: "precondition-required",
    429: "too-many",
}


class HttpProblem(RetortError):
    """A problem that only HTTP knows: preconditions, negotiation, keys."""

    def __init__(self, status: int, message: str, **details: Any) -> None:
        super().__init__(message, **details)
        self.http_status = status
        self.http_code = _CODES.get(status, "bad-request")


def response(problem: Problem, headers: dict[str, str] | None = None) -> Response:
    return Response(
        problem.model_dump_json(exclude_defaults=True),
        status_code=problem.status,
        media_type=PROBLEM,
        headers=headers,
    )


def problem(status: int, code: str, detail: str, instance: str, **rest: Any) -> Problem:
    return Problem(
        type=TYPE + code,
        title=HTTPStatus(status).phrase,
        status=status,
        code=code,
        detail=detail,
        instance=instance,
        **rest,
    )


Refused = Callable[[Request, int, str], Awaitable[None]]


async def _known(request: Request, error: Exception, refused: Refused) -> Response:
    assert isinstance(error, RetortError)
    status, code = error.status, error.code
    if isinstance(error, HttpProblem):
        status, code = error.http_status, error.http_code
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.error("request_failed", path=request.url.path, code=code, message=error.message)
    details = jsonable_encoder(error.details)
    found = problem(status, code, error.message, request.url.path, retryable=error.retryable, details=details)
    await refused(request, status, code)
    return response(found, _headers(error, status))


def _headers(error: RetortError, status: int) -> dict[str, str]:
    again = error.details.get("retry_after", 1 if error.retryable else None)
    headers = {"Retry-After": str(again)} if again is not None else {}
    if status == HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = 'Bearer realm="retort"'
    return headers


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    errors = tuple(
        FieldProblem(where=".".join(str(part) for part in one["loc"]), message=one["msg"])
        for one in error.errors()
    )
    detail = "The request does not have the expected form; see `errors`."
    return response(problem(422, "bad-input", detail, request.url.path, errors=errors))


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    code = _CODES.get(error.status_code, "bad-request")
    found = problem(error.status_code, code, str(error.detail), request.url.path)
    return response(found, dict(error.headers) if error.headers else None)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("request_crashed", path=request.url.path, exc_info=error)
    detail = "An unexpected error; it is in the service's log. Nothing was changed by this request."
    return response(problem(500, "internal", detail, request.url.path))


async def _untold(request: Request, status: int, code: str) -> None:
    del request, status, code


def install(app: FastAPI, refused: Refused = _untold) -> None:
    """`refused` is told of every answer that says no, before it is sent."""

    async def known(request: Request, error: Exception) -> Response:
        return await _known(request, error, refused)

    app.add_exception_handler(RetortError, known)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _unexpected)
