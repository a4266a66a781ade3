"""How a run ended, decided from facts: pure, so that every way to die has a test without a process."""

from __future__ import annotations

import json
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from retort_core.jobs import MIB, Failure, Limits
from retort_core.meters import escape

# What a worker may say of itself. It may not ask for a retry, nor claim that a barrier is missing.
TELLABLE: Final = frozenset(
    {"data-error", "limit-exceeded", "bad-input", "unreadable-file", "step-does-not-fit", "script-refused"}
)
MAX_MESSAGE, MAX_DETAILS = 2000, 16 * 1024


@dataclass(frozen=True)
class Facts:
    """`stopped`: why the supervisor killed it: deadline, memory, threads, output, protocol, cancel; empty if it did not."""

    stopped: str = ""
    confined: bool = False
    told: Mapping[str, Any] | None = None  # the worker's own END
    left: bool = False  # it had said its END and closed every pipe, and was killed instead of waited for
    status: int | None = None  # as waitpid gives it; None when the fork server was lost
    cpu_seconds: float = 0.0
    cpu_limit: float = 0.0
    out_of_memory: bool = False


def verdict(facts: Facts, limits: Limits) -> Failure | None:
    """None for success."""
    if facts.stopped:
        return _stopped(facts.stopped, limits)
    if facts.status is None and not facts.left:
        return Failure("infrastructure", "The sandbox was lost during the run; it is tried again.")
    if not facts.confined:
        return _unconfined(facts)
    if facts.told is not None and (facts.left or facts.status == 0):
        return None if facts.told.get("ok") is True else told(facts.told)
    status = facts.status or 0
    if status & 0x7F:
        return _signalled(facts, limits)
    return Failure(
        "data-error",
        f"The run ended by itself with exit code {status >> 8} before its result was complete.",
    )


def _stopped(why: str, limits: Limits) -> Failure:
    sentences = {
        "deadline": f"The run took longer than {limits.seconds:g} s and was stopped; "
        "use fewer rows or a simpler step, or ask for a profile with more time.",
        "memory": f"The run needed more than {limits.memory_bytes // MIB} MiB of memory and was stopped; "
        "use fewer rows or columns, or ask for a profile with more memory.",
        "threads": "The run started too many threads and was stopped; polars uses several by itself.",
        "output": f"The result is larger than {limits.output_bytes // MIB} MiB ({limits.output_bytes} bytes) "
        "and was stopped; keep fewer rows or columns.",
    }
    if why in sentences:
        return Failure("limit-exceeded", sentences[why], {"limit": why})
    if why == "cancel":
        return Failure("cancelled", "The run was cancelled.")
    return Failure(
        "data-error", "The run wrote something else than reports where reports go, and was stopped."
    )


def _unconfined(facts: Facts) -> Failure:
    error = (facts.told or {}).get("error")
    if isinstance(error, Mapping) and error.get("code") == "isolation-missing":
        return Failure(
            "isolation-missing", str(error.get("message"))[:MAX_MESSAGE], dict(error.get("details", {}))
        )
    why = str(error.get("message"))[:MAX_MESSAGE] if isinstance(error, Mapping) else f"status {facts.status}"
    return Failure(
        "infrastructure", f"The sandbox ended before its walls stood ({why}); nothing of the job was run."
    )


def _signalled(facts: Facts, limits: Limits) -> Failure:
    number = facts.status & 0x7F if facts.status is not None else 0
    name = signal.Signals(number).name if number in set(signal.Signals) else str(number)
    details = {"signal": name}
    if name == "SIGXCPU" or (facts.cpu_limit and facts.cpu_seconds >= facts.cpu_limit):
        return Failure(
            "limit-exceeded",
            f"The run used more than {facts.cpu_limit:g} s of processor time and was stopped.",
            {"limit": "cpu", **details},
        )
    if name == "SIGABRT" and facts.out_of_memory:
        return Failure("limit-exceeded", _stopped("memory", limits).message, {"limit": "memory", **details})
    if name == "SIGSYS":
        return Failure(
            "denied", "The run made a system call of another kind of processor and was stopped.", details
        )
    if name == "SIGKILL":  # the filter lets nothing inside send it
        return Failure(
            "infrastructure",
            "The system killed the sandbox (most often: the machine is out of memory).",
            details,
        )
    return Failure("data-error", f"The run crashed with {name}.", details)


def plain(value: Any, depth: int = 4) -> bool:
    """Whether JSON is flat enough for those who copy and print it by recursion."""
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return True
    return depth > 0 and all(plain(one, depth - 1) for one in value)


def told(end: Mapping[str, Any]) -> Failure:
    """The worker's own words, which unknown code may have written: trimmed, harmless, from a closed list."""
    error = end.get("error")
    if not isinstance(error, Mapping):
        return Failure("data-error", "The run failed without saying why.")
    code = error.get("code")
    details = error.get("details")
    return Failure(
        code if isinstance(code, str) and code in TELLABLE else "data-error",
        escape(str(error.get("message", "")))[:MAX_MESSAGE] or "The run failed without saying why.",
        details
        if isinstance(details, dict) and plain(details) and len(json.dumps(details)) <= MAX_DETAILS
        else {},
    )
