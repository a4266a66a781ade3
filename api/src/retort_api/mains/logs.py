"""Logs of every main: one JSON line an event, on standard error, secrets taken out. What libraries log comes the same way."""

from __future__ import annotations

import logging
import sys
from typing import Any, Final

import structlog

from retort_api.kit.watching.redaction import redact
from retort_api.kit.watching.tracing import traceparent

LIBRARIES: Final = logging.WARNING  # their news about every connection is nobody's here


def configure_logs() -> None:
    structlog.configure(
        processors=[*_common(), structlog.processors.format_exc_info, redact, _written()],
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_common(), structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                redact,
                _written(),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=LIBRARIES, force=True)


def _common() -> list[Any]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        _traced,
    ]


def _written() -> structlog.processors.JSONRenderer:
    return structlog.processors.JSONRenderer(ensure_ascii=False)


def _traced(_logger: Any, _method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """The trace that a line belongs to, where there is one."""
    found = traceparent()
    if found:
        event["trace"] = found.split("-")[1]
    return event
