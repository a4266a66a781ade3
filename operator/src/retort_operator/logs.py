"""One JSON line an event, of the framework's too."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Final

import structlog

from retort_core.tracebacks import without_inputs

LONGEST_MESSAGE: Final = 300


class FrameworkLine(logging.Formatter):
    """As our own lines. Cut off, because the framework prints whole objects where it does not know what to do with them."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "event": record.getMessage()[:LONGEST_MESSAGE],
            "level": record.levelname.lower(),
            "logger": record.name,
            "timestamp": datetime.fromtimestamp(record.created, UTC).isoformat().replace("+00:00", "Z"),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        return json.dumps(line, ensure_ascii=False)


def _without_inputs(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if "exception" in event:
        event["exception"] = without_inputs(event["exception"])
    return event


def logs() -> None:
    """One JSON line an event; the framework's own only from warnings on."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso"),
            structlog.processors.format_exc_info,
            _without_inputs,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
    )
    lines = logging.StreamHandler()
    lines.setFormatter(FrameworkLine())
    logging.basicConfig(level=logging.WARNING, handlers=[lines])
