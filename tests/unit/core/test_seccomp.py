"""The filter as a program: interpreted here instruction by instruction, against the rules it was made from."""

from __future__ import annotations

import errno
import struct
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core import seccomp
from retort_core.seccomp import ALLOW, KILL, REFUSE, Machine, Rule, assemble, rules

OWN = 4711
X86, ARM = seccomp.MACHINES["x86_64"], seccomp.MACHINES["aarch64"]
EPERM, ENOSYS = REFUSE | errno.EPERM, REFUSE | errno.ENOSYS


def interpret(
    program: Sequence[seccomp.Instruction], audit: int, number: int, arguments: Sequence[int]
) -> int:
    """Classic BPF over struct seccomp_data, as the kernel does it."""
    data = struct.pack(
        "<IIQ6Q", number, audit, 0, *[value & (2**64 - 1) for value in (*arguments, *[0] * 6)[:6]]
    )
    accumulator = at = 0
    while True:
        code, if_true, if_false, constant = program[at]
        at += 1
        if code == 0x20:
            (accumulator,) = struct.unpack_from("<I", data, constant)
        elif code == 0x54:
            accumulator &= constant
        elif code == 0x15:
            at += if_true if accumulator == constant else if_false
        elif code == 0x35:
            at += if_true if accumulator >= constant else if_false
        else:
            assert code == 0x06
            return constant


def ask(name: str, *arguments: int, machine: Machine = X86, **options: bool) -> int:
    program = assemble(machine, rules(OWN, **options))
    return interpret(program, machine.audit, machine.numbers[name], arguments)


@pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
@pytest.mark.parametrize("name", seccomp.FREE)
def test_free_calls_are_allowed_where_they_exist(machine: Machine, name: str) -> None:
    if name in machine.numbers:
        assert ask(name, 1, 2, 3, machine=machine) == ALLOW


@pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
def test_every_other_number_is_refused(machine: Machine) -> None:
    program = assemble(machine, rules(OWN))
    known = set(machine.numbers.values())
    for number in range(600):
        if number not in known:
            assert interpret(program, machine.audit, number, ()) == EPERM, number


@pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
def test_another_architecture_is_killed(machine: Machine) -> None:
    program = assemble(machine, rules(OWN))
    for audit in (0x40000003, 0x40000028, 0, X86.audit ^ ARM.audit):
        assert interpret(program, audit, machine.numbers["read"], ()) == KILL


def test_x32_is_killed_even_for_allowed_calls() -> None:
    program = assemble(X86, rules(OWN))
    for number in (0, 39, 520, 0x3FFFFFFF):
        assert interpret(program, X86.audit, 0x40000000 | number, ()) == KILL


@pytest.mark.parametrize(
    ("name", "arguments", "answer"),
    [
        ("clone3", (), ENOSYS),
        ("clone", (0x10000 | 0x3D0F00,), ALLOW),
        ("clone", (17,), EPERM),
        ("clone", (0x4111,), EPERM),  # vfork's flags
        ("mmap", (0, 4096, 3, 0x22), ALLOW),
        ("mmap", (0, 4096, 1, 1), ALLOW),  # a shared view of a file
        ("mmap", (0, 4096, 5, 2), EPERM),
        ("mmap", (0, 4096, 7, 0x22), EPERM),
        ("mmap", (0, 4096, 3, 0x21), EPERM),
        ("mmap", (0, 4096, 3, 0x23), EPERM),  # MAP_SHARED_VALIDATE
        ("mprotect", (0, 4096, 3), ALLOW),
        ("mprotect", (0, 4096, 5), EPERM),
        ("mprotect", (0, 4096, 7), EPERM),
        ("tgkill", (OWN, 5, 6), ALLOW),
        ("tgkill", (OWN, 5, 9), EPERM),
        ("tgkill", (OWN + 1, 5, 6), EPERM),
        ("prlimit64", (0, 7, 0, 0x7FFF0000), ALLOW),
        ("prlimit64", (OWN, 7, 0, 0), EPERM),
        ("prlimit64", (0, 7, 0x7FFF00001000, 0), EPERM),
        ("prlimit64", (0, 7, 0x700000000000, 0), EPERM),  # an address whose low half is nothing
        ("prctl", (15,), ALLOW),
        ("prctl", (22,), EPERM),
        ("prctl", (4, 1), EPERM),
        ("fcntl", (1, 1030), ALLOW),
        ("fcntl", (1, 8), EPERM),
        ("fcntl", (1, 1033), EPERM),
        ("ioctl", (1, 0x5451), ALLOW),
        ("ioctl", (1, 0x5412), EPERM),
    ],
)
def test_arguments_decide(name: str, arguments: tuple[int, ...], answer: int) -> None:
    assert ask(name, *arguments) == answer
    assert ask(name, *arguments, machine=ARM) == answer


def test_executable_mappings_are_allowed_only_on_request() -> None:
    assert ask("mmap", 0, 4096, 7, 0x22, executable_mappings=True) == ALLOW
    assert ask("mprotect", 0, 4096, 5, executable_mappings=True) == ALLOW


def test_no_dangerous_name_is_in_a_table() -> None:
    dangerous = {
        "socket",
        "connect",
        "execve",
        "fork",
        "vfork",
        "ptrace",
        "kill",
        "io_uring_setup",
        "bpf",
        "mount",
    }
    for machine in (X86, ARM):
        assert not dangerous & set(machine.numbers)


def test_every_rule_is_in_a_table_and_every_number_in_a_rule() -> None:
    ruled = {rule.name for rule in rules(OWN)} | {"clone3"}
    assert ruled == set(X86.numbers)
    assert set(ARM.numbers) <= ruled
    assert len(set(X86.numbers.values())) == len(X86.numbers)
    assert len(set(ARM.numbers.values())) == len(ARM.numbers)


def expected(allowed: Sequence[Rule], number: int, arguments: Sequence[int]) -> int:
    """The rules themselves, without a program."""
    if number == X86.numbers["clone3"]:
        return ENOSYS
    for rule in allowed:
        if X86.numbers[rule.name] == number and all(
            ((arguments[need.index] >> (32 * need.high) & 0xFFFFFFFF & need.mask) == need.value) == need.equal
            for need in rule.needs
        ):
            return ALLOW
    return EPERM


values = st.sampled_from(
    [0, 1, 2, 3, 4, 5, 6, 7, 9, 15, 0x21, 0x22, 1030, 0x5451, 0x10000, OWN, 2**32, 2**63]
) | st.integers(0, 2**64 - 1)


@given(st.sampled_from(sorted(X86.numbers.values())) | st.integers(0, 500), st.tuples(*[values] * 6))
@settings(max_examples=300)
def test_the_program_means_what_the_rules_say(number: int, arguments: tuple[int, ...]) -> None:
    allowed = rules(OWN)
    answer = interpret(assemble(X86, allowed), X86.audit, number, arguments)
    assert answer == expected(allowed, number, arguments)


def test_a_program_fits_the_kernel() -> None:
    for machine in (X86, ARM):
        program = assemble(machine, rules(OWN))
        assert len(program) < 4096
        assert all(0 <= jump < 256 for _, a, b, _ in program for jump in (a, b))
        assert len(seccomp.encode(program)) == 8 * len(program)


# A filter in two parts -----------------------------------------------------------------------------------


def strictest(name: str, *arguments: int, machine: Machine = X86) -> tuple[int, int]:
    """What the unfinished filter answers alone, and together with the closing one."""
    first = ask(name, *arguments, machine=machine, unfinished=True)
    number = machine.numbers[name]
    second = interpret(seccomp.assemble_closing(machine), machine.audit, number, arguments)
    return first, first if first != ALLOW else second


@pytest.mark.parametrize("machine", [X86, ARM], ids=["x86_64", "aarch64"])
def test_an_unfinished_filter_leaves_two_calls_open_and_the_closing_one_takes_them_away(
    machine: Machine,
) -> None:
    assert strictest("prlimit64", 0, 9, 0xDEAD_BEEF, 0, machine=machine) == (ALLOW, EPERM)
    assert strictest("prlimit64", 0, 9, 1 << 32, 0, machine=machine) == (ALLOW, EPERM)
    assert strictest("prctl", seccomp.SET_SECCOMP, 2, 0xDEAD_BEEF, machine=machine) == (ALLOW, EPERM)
    assert strictest("prlimit64", 0, 9, 0, 0xDEAD_BEEF, machine=machine) == (ALLOW, ALLOW)
    assert strictest("prlimit64", OWN + 1, 9, 0, 0, machine=machine) == (EPERM, EPERM)


@given(
    name=st.sampled_from(sorted(X86.numbers)),
    arguments=st.lists(st.integers(0, 2**64 - 1) | st.integers(0, 50), min_size=6, max_size=6),
)
@settings(max_examples=500)
def test_both_parts_together_allow_what_the_whole_filter_allows(name: str, arguments: list[int]) -> None:
    assert strictest(name, *arguments)[1] == ask(name, *arguments)
