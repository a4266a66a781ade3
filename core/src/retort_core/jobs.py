"""A job for a sandbox and how it ended: plain values that the supervisor, the worker and the client share.

Standard library only, because the supervisor and the fork server hold nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from retort_core.errors import Infrastructure, RetortError, all_errors

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one run may use. `memory_bytes` is anonymous memory, including what the worker starts with (~60 MiB)."""

    seconds: float = 120.0
    memory_bytes: int = 2048 * MIB
    output_bytes: int = 2048 * MIB
    log_bytes: int = 64 * 1024

    def __post_init__(self) -> None:
        numbers = (self.seconds, self.memory_bytes, self.output_bytes, self.log_bytes + 1)
        if not all(isinstance(value, int | float) and 0 < value < float("inf") for value in numbers):
            raise ValueError(f"limits are positive numbers, not {self}")


@dataclass(frozen=True)
class Job:
    """`kind` and `params` belong to the worker; `inputs` name the byte streams that follow. Those in `late` may end after
    the start: the worker begins with the others and waits for a late one when it asks for it."""

    attempt: str
    kind: str
    params: Mapping[str, Any] = field(default_factory=dict)
    limits: Limits = field(default_factory=Limits)
    inputs: tuple[str, ...] = ()
    late: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Job:
        try:
            limits = Limits(**value.get("limits", {}))
            inputs, late = (tuple(str(name) for name in value.get(part, ())) for part in ("inputs", "late"))
            params = dict(value.get("params", {}))
            return cls(str(value["attempt"]), str(value["kind"]), params, limits, inputs, late)
        except (KeyError, TypeError, ValueError) as problem:
            raise Infrastructure(f"a job without a needed field, or with one too many: {problem}") from None


@dataclass(frozen=True)
class Usage:
    """Measured by the supervisor and the kernel, never told by the worker."""

    seconds: float = 0.0
    cpu_seconds: float = 0.0
    peak_bytes: int = 0  # anonymous memory, sampled
    rss_bytes: int = 0  # resident set at its highest, by the kernel, code included
    input_bytes: int = 0
    output_bytes: int = 0
    log_bytes: int = 0
    confine_ms: float = 0.0


@dataclass(frozen=True)
class Failure:
    """An error as it travels: code of the error tree, a sentence, facts."""

    code: str
    message: str
    details: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, error: RetortError) -> Failure:
        return cls(error.code, error.message, error.details)

    def to_error(self) -> RetortError:
        kinds = {kind.code: kind for kind in reversed(all_errors())}
        facts = {str(name): value for name, value in self.details.items() if name not in ("self", "message")}
        return kinds.get(self.code, RetortError)(self.message, **facts)


@dataclass(frozen=True)
class End:
    """How a job ended. `error` is None exactly when it succeeded."""

    error: Failure | None
    usage: Usage

    @property
    def ok(self) -> bool:
        return self.error is None

    def to_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "error": asdict(self.error) if self.error else None,
            "usage": asdict(self.usage),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> End:
        try:
            error = Failure(**value["error"]) if value["error"] else None
            return cls(error, Usage(**value["usage"]))
        except (KeyError, TypeError) as problem:
            raise Infrastructure(f"an end without a needed field: {problem}") from None

    def raise_for_error(self) -> None:
        if self.error is not None:
            raise self.error.to_error()
