"""What the framework says is a line like our own, and never a whole object."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

from retort_operator.logs import LONGEST_MESSAGE, FrameworkLine


def test_a_line_of_the_framework_says_what_it_is_about() -> None:
    """Regression: it was the logger's name alone."""
    record = logging.LogRecord(
        "kopf.watching", logging.ERROR, "", 1, 'Request attempt %s failed: "GET"', ("#1/9",), None
    )
    line = json.loads(FrameworkLine().format(record))
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": 'Request attempt #1/9 failed: "GET"',
        "level": "error",
        "logger": "kopf.watching",
    }


def test_what_it_prints_of_objects_is_cut_off_and_errors_are_named() -> None:
    problem = ValueError("a cell of a table")
    told = (type(problem), problem, None)
    record = logging.LogRecord("kopf", logging.WARNING, "", 1, "Ignoring " + "x" * 5000, None, told)
    text = FrameworkLine().format(record)
    line = json.loads(text)
    assert (len(line["event"]), line["error"]) == (LONGEST_MESSAGE, "ValueError")
    assert "a cell" not in text


PROGRAM = """
import structlog
from retort_operator.logs import logs
from retort_core.models import Model

class Counted(Model):
    count: int

logs()
try:
    Counted.model_validate({"count": "a cell"})
except ValueError:
    structlog.get_logger().exception("look_failed")
"""


def test_what_does_not_fit_a_model_stands_in_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True)
    assert "Input should be a valid integer" in done.stdout
    assert "a cell" not in done.stdout
