"""The walls around a worker: described as a value, then put up by the process on itself, all or none.

Order matters: descriptors, limits, another user, no new privileges, then Landlock, then the filter that would
refuse the calls before it. Whatever cannot be put up raises IsolationMissing; nothing runs without it.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import sysconfig
import time
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import Final

from retort_core import landlock, seccomp
from retort_core.errors import IsolationMissing

FILTER, LANDLOCK, USER, LIMITS, PRIVILEGES, DESCRIPTORS = (
    "filter", "landlock", "user", "limits", "privileges", "descriptors",
)  # fmt: skip
ALL: Final = frozenset({FILTER, LANDLOCK, USER, LIMITS, PRIVILEGES, DESCRIPTORS})
LIBRARIES: Final = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo")
# Users nobody has: between those that distributions give to people and services and `nobody` (65534).
FIRST_USER, USERS = 62000, 3000
SPARE_DATA: Final = 256 << 20  # thread stacks and allocator arenas above the watched limit
STACK: Final = 16 << 20  # address space that a thread takes for its stack, at most
MAX_FILES: Final = 64
STATM: Final = "/proc/self/statm"


@dataclass(frozen=True)
class Profile:
    """What one kind of worker may do. `barriers` is less than ALL only in tests and in the control of the probe."""

    readable: tuple[str, ...] = ()
    memory_bytes: int | None = (
        2 << 30
    )  # None: known only with the job; then `complete` ends what `confine` began
    cpu_seconds: int = 240
    threads: int = 64
    executable_mappings: bool = False
    barriers: frozenset[str] = ALL


@dataclass(frozen=True)
class Enforced:
    """What stands, as told by the kernel's answers, and how long it took."""

    barriers: tuple[str, ...]
    landlock_abi: int = 0
    uid: int = -1
    milliseconds: float = 0.0


def readable_paths() -> tuple[str, ...]:
    """The interpreter's modules and the system's libraries: what a late import may need, and no more."""
    modules = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    found = dict.fromkeys([*LIBRARIES, *modules, *sys.path])
    return tuple(path for path in found if path and path != "/" and os.path.exists(path))  # noqa: PTH110


def confine(profile: Profile, keep: Collection[int]) -> Enforced:
    """Confine this single-threaded process for good. `keep` are the descriptors it goes on with."""
    start = time.perf_counter()
    steps = _Steps(profile)
    steps.take(DESCRIPTORS, lambda: close_others(keep))
    steps.take(LIMITS, lambda: set_limits(profile))
    user = steps.take(USER, lambda: drop_user(profile.threads))
    steps.take(PRIVILEGES, give_up_privileges)
    abi = steps.take(LANDLOCK, lambda: landlock.restrict(profile.readable))
    steps.take(FILTER, lambda: install_filter(profile))
    stands = (*steps.done, *(f"landlock-{name}" for name in landlock.barriers(abi) if abi))
    return Enforced(stands, abi, user or os.getuid(), (time.perf_counter() - start) * 1000)


class _Steps:
    def __init__(self, profile: Profile) -> None:
        self._wanted = profile.barriers
        self.done: list[str] = []

    def take(self, name: str, act: Callable[[], int | None]) -> int:
        if name not in self._wanted:
            return 0
        try:
            result = act()
        except (OSError, ValueError) as problem:
            raise IsolationMissing(
                f"the barrier {name!r} could not be put up: {problem}; nothing runs without it", barrier=name
            ) from None
        self.done.append(name)
        return result or 0


def close_others(keep: Collection[int]) -> None:
    previous = -1
    for descriptor in [*sorted(keep), 1 << 20]:
        if (
            previous + 1 < descriptor
        ):  # an empty range would reach the C call as "up to the last one there is"
            os.closerange(previous + 1, descriptor)
        previous = descriptor


def set_limits(profile: Profile) -> None:
    """Hard limits of the kernel; the watch of the supervisor ends a run earlier and with a better sentence."""
    for kind in (
        resource.RLIMIT_FSIZE,
        resource.RLIMIT_CORE,
        resource.RLIMIT_MEMLOCK,
        resource.RLIMIT_MSGQUEUE,
    ):
        resource.setrlimit(kind, (0, 0))
    if profile.memory_bytes is not None:
        with open(STATM, "rb") as file:  # noqa: PTH123
            arm(profile.memory_bytes, profile.cpu_seconds, profile.threads, file.fileno())


def arm(memory_bytes: int, cpu_seconds: int, threads: int, statm: int) -> None:
    """The limits that depend on a job. `statm`: descriptor of /proc/self/statm, which no path leads to any more."""
    used = int(os.pread(statm, 200, 0).split()[5]) * resource.getpagesize()
    data = used + memory_bytes + SPARE_DATA + threads * STACK
    limits = {
        resource.RLIMIT_DATA: (data, data),
        resource.RLIMIT_CPU: (cpu_seconds, cpu_seconds + 1),
        resource.RLIMIT_NOFILE: (MAX_FILES, MAX_FILES),
    }
    for kind, (soft, hard) in limits.items():
        _, ceiling = resource.getrlimit(kind)
        cap = hard if ceiling == resource.RLIM_INFINITY else min(hard, ceiling)
        resource.setrlimit(kind, (min(soft, cap), cap))


def complete(profile: Profile, statm: int) -> None:
    """What `confine` left open for a worker whose job was not known: its limits, then no other limits and no other filter,
    ever. The worker does this itself, because nobody outside may: a supervisor without CAP_SYS_RESOURCE cannot limit a
    process of another user."""
    assert profile.memory_bytes is not None
    try:
        arm(profile.memory_bytes, profile.cpu_seconds, profile.threads, statm)
        machine = seccomp.this_machine()
        assert machine is not None
        seccomp.load(seccomp.assemble_closing(machine))
    except (OSError, ValueError) as problem:
        raise IsolationMissing(
            f"the barrier {LIMITS!r} could not be put up: {problem}; nothing runs without it", barrier=LIMITS
        ) from None


def drop_user(threads: int) -> int:
    """Root becomes a user nobody has, another one for each worker; others stay who they are."""
    if os.getuid() != 0 and os.geteuid() != 0:
        return os.getuid()
    user = unused_user(os.getpid())
    os.setgroups([])
    os.setresgid(user, user, user)
    os.setresuid(user, user, user)
    if os.getresuid() != (user, user, user) or os.getresgid() != (user, user, user):
        raise OSError("the process is still root")
    resource.setrlimit(resource.RLIMIT_NPROC, (threads, threads))  # counts per user, and this one is new
    return user


def unused_user(seed: int, taken: Collection[int] | None = None) -> int:
    known = known_users() if taken is None else taken
    for step in range(USERS):
        user = FIRST_USER + (seed + step) % USERS
        if user not in known:
            return user
    raise OSError(f"every user id from {FIRST_USER} to {FIRST_USER + USERS - 1} is taken")


def known_users() -> set[int]:
    return {number for path in ("/etc/passwd", "/etc/group") for number in _ids(path)}


def _ids(path: str) -> Iterable[int]:
    try:
        with open(path, "rb") as file:  # noqa: PTH123
            return [
                int(parts[2]) for line in file if len(parts := line.split(b":")) > 2 and parts[2].isdigit()
            ]
    except OSError:
        return []


_SET_PDEATHSIG, _SET_DUMPABLE, _SET_NO_NEW_PRIVS, _AMBIENT, _AMBIENT_CLEAR = 1, 4, 38, 47, 4
_CAPABILITY_VERSION: Final = 0x20080522


def give_up_privileges() -> None:
    """No capability, none to be gained, not to be looked into by others, dead when the parent dies."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    nothing = (ctypes.c_uint32 * 6)()
    for what, result in (
        ("ambient capabilities", libc.prctl(_AMBIENT, _AMBIENT_CLEAR, 0, 0, 0)),
        ("capabilities", libc.capset(header, nothing)),
        ("no_new_privs", libc.prctl(_SET_NO_NEW_PRIVS, 1, 0, 0, 0)),
        ("non-dumpable", libc.prctl(_SET_DUMPABLE, 0, 0, 0, 0)),
        ("death with the parent", libc.prctl(_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)),
    ):
        if result != 0:
            raise OSError(ctypes.get_errno(), f"{what} was refused")


def install_filter(profile: Profile) -> None:
    machine = seccomp.this_machine()
    if machine is None:
        raise OSError("there is no system-call filter for this processor; x86-64 and aarch64 are known")
    allowed = seccomp.rules(
        os.getpid(),
        executable_mappings=profile.executable_mappings,
        unfinished=profile.memory_bytes is None,
    )
    seccomp.load(seccomp.assemble(machine, allowed))
