"""What the framework says is a line like our own, and never a whole object."""

from __future__ import annotations

import json
import logging

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
