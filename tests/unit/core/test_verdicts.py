"""Every way a run can end, from facts alone."""

from __future__ import annotations

import signal

import pytest

from retort_core.jobs import Limits
from retort_core.verdicts import TELLABLE, Facts, told, verdict

LIMITS = Limits(seconds=5.0, memory_bytes=256 << 20, output_bytes=8 << 20)
DONE = {"ok": True, "error": None}


def facts(**changes: object) -> Facts:
    return Facts(**{"confined": True, "told": DONE, "status": 0, **changes})


def test_success_needs_walls_word_and_a_clean_exit() -> None:
    assert verdict(facts(), LIMITS) is None
    assert verdict(facts(confined=False), LIMITS).code == "infrastructure"
    assert verdict(facts(told=None), LIMITS).code == "data-error"
    assert verdict(facts(status=signal.SIGSEGV), LIMITS).code == "data-error"
    assert verdict(facts(status=3 << 8), LIMITS).message.startswith(
        "The run ended by itself with exit code 3"
    )
    assert verdict(facts(status=None), LIMITS).code == "infrastructure"


def test_who_has_said_all_and_closed_every_pipe_is_not_waited_for() -> None:
    gone = {"left": True, "status": None}
    assert verdict(facts(**gone), LIMITS) is None
    assert verdict(facts(**gone, confined=False), LIMITS).code == "infrastructure"
    assert verdict(facts(**gone, stopped="deadline"), LIMITS).code == "limit-exceeded"
    failed = {"ok": False, "error": {"code": "data-error", "message": "no", "details": {}}}
    assert verdict(facts(**gone, told=failed), LIMITS).message == "no"


@pytest.mark.parametrize(
    ("stopped", "code", "words"),
    [
        ("deadline", "limit-exceeded", "longer than 5 s"),
        ("memory", "limit-exceeded", "more than 256 MiB"),
        ("output", "limit-exceeded", "larger than 8 MiB"),
        ("threads", "limit-exceeded", "too many threads"),
        ("cancel", "cancelled", "cancelled"),
        ("protocol", "data-error", "something else than reports"),
    ],
)
def test_what_was_stopped_says_why(stopped: str, code: str, words: str) -> None:
    found = verdict(facts(stopped=stopped, status=signal.SIGKILL), LIMITS)
    assert found.code == code
    assert words in found.message


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGSEGV, "data-error"),
        (signal.SIGABRT, "data-error"),
        (signal.SIGSYS, "denied"),
        (signal.SIGXCPU, "limit-exceeded"),
        (signal.SIGKILL, "infrastructure"),
        (40, "data-error"),
    ],
)
def test_signals(number: int, code: str) -> None:
    found = verdict(facts(status=int(number), told=None), LIMITS)
    assert found.code == code
    assert found.details["signal"]


def test_an_abort_for_want_of_memory_is_a_limit() -> None:
    found = verdict(facts(status=int(signal.SIGABRT), out_of_memory=True), LIMITS)
    assert (found.code, found.details["limit"]) == ("limit-exceeded", "memory")


def test_a_kill_at_the_limit_of_processor_time_is_that_limit() -> None:
    found = verdict(facts(status=int(signal.SIGKILL), cpu_seconds=11.5, cpu_limit=11.0), LIMITS)
    assert (found.code, found.details["limit"]) == ("limit-exceeded", "cpu")


def test_only_before_the_walls_stand_may_a_worker_say_that_one_is_missing() -> None:
    word = {
        "ok": False,
        "error": {"code": "isolation-missing", "message": "no landlock", "details": {"barrier": "landlock"}},
    }
    assert verdict(facts(confined=False, told=word), LIMITS).code == "isolation-missing"
    assert verdict(facts(told=word), LIMITS).code == "data-error"


@pytest.mark.parametrize("code", sorted(TELLABLE))
def test_a_workers_own_error_passes(code: str) -> None:
    found = told({"ok": False, "error": {"code": code, "message": "m", "details": {"line": 3}}})
    assert (found.code, found.message, found.details) == (code, "m", {"line": 3})


@pytest.mark.parametrize(
    "end",
    [
        {},
        {"error": None},
        {"error": []},
        {"error": {}},
        {"error": {"code": ["x"], "message": None, "details": 5}},
        {"error": {"code": "infrastructure", "message": "retry me"}},
        {"error": {"code": "data-error", "message": "x" * 10**6, "details": {"x": "y" * 10**6}}},
        {"ok": "yes"},
    ],
)
def test_forged_words_are_trimmed_to_a_data_error(end: dict) -> None:
    found = told(end)
    assert found.code == "data-error"
    assert 0 < len(found.message) <= 2000
    assert len(str(found.details)) < 20_000
    assert verdict(facts(told=end), LIMITS) is not None


def test_control_characters_are_shown() -> None:
    assert (
        told({"error": {"code": "data-error", "message": "a\x1b[2Jb\u202e"}}).message == "a\\x1b[2Jb\\u202e"
    )
