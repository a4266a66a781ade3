"""The system-call filter: an allow-list as data, assembled into classic BPF and loaded by prctl.

What is not listed is answered EPERM, so that Python raises a clean PermissionError; another architecture
(int 0x80) or the x32 bit kills the process, because those numbers would mean other calls. `clone3` is answered
ENOSYS, whereupon glibc falls back to `clone`, whose flags a filter can see. Measured on x86-64 with
polars 2.1; the aarch64 table is the same list under that architecture's numbers and has not run anywhere yet.
"""

from __future__ import annotations

import ctypes
import errno
import platform
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

PROT_EXEC: Final = 4
SHARED_ANONYMOUS: Final = 0x21  # MAP_SHARED | MAP_ANONYMOUS: memory that limits on private data do not count
CLONE_THREAD: Final = 0x10000
FIOCLEX: Final = 0x5451  # how Python marks a descriptor as closed on exec
SIGABRT: Final = 6
SET_SECCOMP: Final = 22  # of prctl
# prctl: PDEATHSIG, names, seccomp state (read), VMA names; F_DUPFD, GETFD..SETFL, DUPFD_CLOEXEC, pipe size, seals (read)
PRCTL_OPTIONS: Final = (2, 3, 15, 16, 21, 39, 0x53564D41)
FCNTL_COMMANDS: Final = (0, 1, 2, 3, 4, 1030, 1032, 1034)


@dataclass(frozen=True)
class Argument:
    """A condition on one half (32 bits) of an argument: `(half & mask) == value`, or its opposite."""

    index: int
    value: int
    mask: int = 0xFFFFFFFF
    equal: bool = True
    high: bool = False


@dataclass(frozen=True)
class Rule:
    """A call that is allowed if all of `needs` hold; several rules for a call are alternatives."""

    name: str
    needs: tuple[Argument, ...] = ()


# Most frequent first: the filter is walked from the top.
FREE: Final = (
    "futex", "read", "write", "madvise", "sched_yield", "munmap", "mremap", "close", "fstat", "lseek",
    "brk", "pread64", "pwrite64", "readv", "writev", "poll", "ppoll", "epoll_wait", "epoll_pwait",
    "clock_gettime", "clock_nanosleep", "nanosleep", "gettimeofday", "clock_getres", "rt_sigaction",
    "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "getpid", "getppid", "gettid", "getuid", "geteuid",
    "getgid", "getegid", "set_robust_list", "rseq", "set_tid_address", "sched_getaffinity", "getrandom",
    "openat", "newfstatat", "statx", "readlink", "readlinkat", "getdents64", "getcwd", "uname", "sysinfo",
    "getrlimit", "eventfd2", "epoll_create1", "epoll_ctl", "dup", "dup3", "getrusage", "times",
    "restart_syscall", "exit", "exit_group",
)  # fmt: skip
X86_64: Final[Mapping[str, int]] = dict(  # noqa: C408 - names without quotes read better
    read=0, write=1, close=3, fstat=5, poll=7, lseek=8, mmap=9, mprotect=10, munmap=11, brk=12, rt_sigaction=13,
    rt_sigprocmask=14, rt_sigreturn=15, ioctl=16, pread64=17, pwrite64=18, readv=19, writev=20, sched_yield=24,
    mremap=25, madvise=28, dup=32, nanosleep=35, getpid=39, clone=56, exit=60, uname=63, fcntl=72, getcwd=79,
    readlink=89, gettimeofday=96, getrlimit=97, getrusage=98, sysinfo=99, times=100, getuid=102, getgid=104,
    geteuid=107, getegid=108, getppid=110, sigaltstack=131, prctl=157, gettid=186, futex=202, sched_getaffinity=204,
    getdents64=217, set_tid_address=218, restart_syscall=219, clock_gettime=228, clock_getres=229,
    clock_nanosleep=230, exit_group=231, epoll_wait=232, epoll_ctl=233, tgkill=234, openat=257, newfstatat=262,
    readlinkat=267, ppoll=271, set_robust_list=273, epoll_pwait=281, eventfd2=290, epoll_create1=291, dup3=292,
    prlimit64=302, getrandom=318, statx=332, rseq=334, clone3=435,
)  # fmt: skip
AARCH64: Final[Mapping[str, int]] = dict(  # noqa: C408 - names without quotes read better
    getcwd=17, eventfd2=19, epoll_create1=20, epoll_ctl=21, epoll_pwait=22, dup=23, dup3=24, fcntl=25, ioctl=29,
    openat=56, close=57, getdents64=61, lseek=62, read=63, write=64, readv=65, writev=66, pread64=67, pwrite64=68,
    ppoll=73, readlinkat=78, newfstatat=79, fstat=80, exit=93, exit_group=94, set_tid_address=96, futex=98,
    set_robust_list=99, nanosleep=101, clock_gettime=113, clock_getres=114, clock_nanosleep=115,
    sched_getaffinity=123, sched_yield=124, restart_syscall=128, tgkill=131, sigaltstack=132, rt_sigaction=134,
    rt_sigprocmask=135, rt_sigreturn=139, times=153, uname=160, getrlimit=163, getrusage=165, prctl=167,
    gettimeofday=169, getpid=172, getppid=173, getuid=174, geteuid=175, getgid=176, getegid=177, gettid=178, sysinfo=179,
    brk=214, munmap=215, mremap=216, clone=220, mmap=222, mprotect=226, madvise=233, prlimit64=261, getrandom=278,
    statx=291, rseq=293, clone3=435,
)  # fmt: skip


@dataclass(frozen=True)
class Machine:
    audit: int  # AUDIT_ARCH_*
    numbers: Mapping[str, int]
    foreign_bit: int  # numbers from here on belong to another ABI (x32); 0 for none


MACHINES: Final[Mapping[str, Machine]] = {
    "x86_64": Machine(0xC000003E, X86_64, 0x40000000),
    "aarch64": Machine(0xC00000B7, AARCH64, 0),
}


def rules(own_group: int, *, executable_mappings: bool = False, unfinished: bool = False) -> tuple[Rule, ...]:
    """The allow-list of the process `own_group`, which may signal only itself, and only to abort. `unfinished`: it may
    still set limits of its own and load one more filter, the closing one, which takes both away."""
    no_exec = () if executable_mappings else (Argument(2, 0, PROT_EXEC),)
    private = Argument(3, SHARED_ANONYMOUS, SHARED_ANONYMOUS, equal=False)
    return (
        Rule("mmap", (*no_exec, private)),
        Rule("mprotect", no_exec),
        Rule("clone", (Argument(0, CLONE_THREAD, CLONE_THREAD),)),
        *(Rule(name) for name in FREE),
        *(Rule("fcntl", (Argument(1, command),)) for command in FCNTL_COMMANDS),
        *(Rule("prctl", (Argument(0, option),)) for option in PRCTL_OPTIONS),
        # Reading one's own: a new limit would sit at an address, of which both halves are nothing here.
        Rule("prlimit64", (Argument(0, 0), Argument(2, 0), Argument(2, 0, high=True))),
        Rule("tgkill", (Argument(0, own_group), Argument(2, SIGABRT))),
        Rule("ioctl", (Argument(1, FIOCLEX),)),
        *((Rule("prlimit64", (Argument(0, 0),)), Rule("prctl", (Argument(0, SET_SECCOMP),))) * unfinished),
    )


# Assembly ----------------------------------------------------------------------------------------------

_LOAD, _EQUAL, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x35, 0x54, 0x06
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data, little endian
ALLOW: Final = 0x7FFF0000
KILL: Final = 0x80000000
REFUSE: Final = 0x00050000  # SECCOMP_RET_ERRNO

Instruction = tuple[int, int, int, int]  # code, jump if true, jump if false, constant


def assemble(machine: Machine, allowed: Sequence[Rule]) -> list[Instruction]:
    """A straight program: each rule is skipped as a whole when one of its conditions fails."""
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, machine.audit),
        (_RETURN, 0, 0, KILL),
        (_LOAD, 0, 0, _NUMBER),
    ]
    if machine.foreign_bit:
        program += [(_AT_LEAST, 0, 1, machine.foreign_bit), (_RETURN, 0, 0, KILL)]
    program += [(_EQUAL, 0, 1, machine.numbers["clone3"]), (_RETURN, 0, 0, REFUSE | errno.ENOSYS)]
    for rule in allowed:
        if rule.name in machine.numbers:  # poll, epoll_wait, readlink do not exist everywhere
            program += _rule(machine.numbers[rule.name], rule.needs)
    return [*program, (_RETURN, 0, 0, REFUSE | errno.EPERM)]


def assemble_closing(machine: Machine) -> list[Instruction]:
    """On top of an unfinished filter, of which it refuses what was left open. It looks at nothing else: of several
    filters the strictest answer counts, and the first one has looked at the architecture."""
    reading = _rule(machine.numbers["prlimit64"], (Argument(2, 0), Argument(2, 0, high=True)))
    refuse: Instruction = (_RETURN, 0, 0, REFUSE | errno.EPERM)
    return [
        (_LOAD, 0, 0, _NUMBER),
        *reading,
        (_EQUAL, 0, 1, machine.numbers["prlimit64"]),
        refuse,
        (_EQUAL, 0, 3, machine.numbers["prctl"]),
        (_LOAD, 0, 0, _ARGUMENTS),
        (_EQUAL, 0, 1, SET_SECCOMP),
        refuse,
        (_RETURN, 0, 0, ALLOW),
    ]


def _rule(number: int, needs: Sequence[Argument]) -> list[Instruction]:
    # After a failed condition the number must be loaded anew for the next rule.
    tail: list[Instruction] = [(_RETURN, 0, 0, ALLOW), *([(_LOAD, 0, 0, _NUMBER)] if needs else [])]
    body: list[Instruction] = []
    for need in reversed(needs):  # from the end, so that each jump's length is known
        over = len(body) + 1  # the rest of the conditions, and ALLOW
        body = [*_operand(need), (_EQUAL, *((0, over) if need.equal else (over, 0)), need.value), *body]
    return [(_EQUAL, 0, len(body) + len(tail), number), *body, *tail]


def _operand(need: Argument) -> list[Instruction]:
    load: Instruction = (_LOAD, 0, 0, _ARGUMENTS + 8 * need.index + 4 * need.high)
    return [load] if need.mask == 0xFFFFFFFF else [load, (_AND, 0, 0, need.mask)]


def this_machine() -> Machine | None:
    return MACHINES.get(platform.machine())


def encode(program: Sequence[Instruction]) -> bytes:
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in program)


# Loading -----------------------------------------------------------------------------------------------

_FILTER = 2


class _Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p)]


def load(program: Sequence[Instruction]) -> None:
    """For the calling thread and all it starts; `no_new_privs` must be set. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    header = _Program(len(program), encode(program))
    if libc.prctl(SET_SECCOMP, _FILTER, ctypes.byref(header), 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"the system-call filter was not accepted (errno {number})")
