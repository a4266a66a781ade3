"""What a run uses, measured from outside, and its log made harmless."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass

KIB = 1024
WRAP = 2000  # characters of a line of the log


@dataclass(frozen=True)
class Memory:
    """Anonymous memory is what a run can fill; `shared` holds mapped inputs and anything else without a file. `highest`: of
    everything resident, code included, so far."""

    anonymous: int
    shared: int
    threads: int = 1
    highest: int = 0

    def charged(self, inputs: int) -> int:
        """Inputs were paid for by whoever sent them."""
        return self.anonymous + max(0, self.shared - inputs)


_FIELD = re.compile(rb"^(RssAnon|RssShmem|VmSwap|VmHWM|Threads):\s+(\d+)", re.MULTILINE)
_TICKS = os.sysconf("SC_CLK_TCK")


def memory_of(pid: int) -> Memory | None:
    """From /proc/PID/status, which stays readable for a process that others must not look into."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123 - pathlib would be loaded for this alone
            found = {name: int(value) for name, value in _FIELD.findall(file.read())}
    except OSError:
        return None
    if b"RssAnon" not in found:  # a zombie has no memory left
        return None
    anonymous = found[b"RssAnon"] + found.get(b"VmSwap", 0)
    return Memory(
        anonymous * KIB,
        found.get(b"RssShmem", 0) * KIB,
        found.get(b"Threads", 1),
        found.get(b"VmHWM", 0) * KIB,
    )


def processor_seconds(pid: int) -> float:
    """Of all its threads so far, in hundredths; 0 when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:  # noqa: PTH123
            fields = file.read().rpartition(b")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / _TICKS


class Log:
    """Stdout and stderr of a worker: capped, control characters shown instead of obeyed, long lines wrapped."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._held = b""
        self._full = False
        self.size = 0
        self.out_of_memory = False  # the Rust allocator says so on stderr before it aborts

    def feed(self, data: bytes) -> str:
        """Text that may be shown, in whole lines where possible."""
        self.out_of_memory = self.out_of_memory or b"memory allocation of" in data
        left = max(0, self._limit - self.size)
        self.size += len(data)
        block = self._held + data[:left]
        cut, self._held = (len(block), b"") if len(block) > WRAP else _split(block)
        text = self._clean(block[:cut])
        if self.size > self._limit and not self._full:
            self._full = True
            text += self.flush() + f"\n[the log was cut here, after {self._limit} bytes]\n"
        return text

    def flush(self) -> str:
        block, self._held = self._held, b""
        return self._clean(block)

    def _clean(self, block: bytes) -> str:
        text = escape(block.decode("utf-8", "backslashreplace"))
        return "\n".join(_wrap(line) for line in text.split("\n"))


def _split(block: bytes) -> tuple[int, bytes]:
    cut = block.rfind(b"\n") + 1
    return cut, block[cut:]


def _wrap(line: str) -> str:
    return "\n".join(line[start : start + WRAP] for start in range(0, max(1, len(line)), WRAP))


def escape(text: str) -> str:
    """Nothing that moves a cursor, hides or reorders text; line ends and tabs stay."""
    return "".join(c if c.isprintable() or c in "\n\t" else c.encode("unicode_escape").decode() for c in text)
