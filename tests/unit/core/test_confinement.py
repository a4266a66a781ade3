"""The parts of the wall that can be looked at without standing behind it."""

from __future__ import annotations

import os
import struct
import sys
import sysconfig
from pathlib import Path

import pytest

from retort_core import landlock
from retort_core.confinement import (
    ALL,
    FIRST_USER,
    USERS,
    Profile,
    close_others,
    known_users,
    readable_paths,
    unused_user,
)
from retort_core.probing import TITLES, Barrier, ProbeReport


def test_every_barrier_is_on_unless_taken_away() -> None:
    assert Profile().barriers == ALL
    assert not Profile().executable_mappings


def test_only_modules_and_libraries_are_readable() -> None:
    paths = readable_paths()
    assert sysconfig.get_path("stdlib") in paths
    for path in paths:
        assert Path(path).exists()
        assert not any(
            Path(private).is_relative_to(path)
            for private in ("/etc/passwd", "/proc", "/dev/shm", "/root/.ssh")
        )


def test_the_root_and_empty_entries_are_never_readable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "path", ["", "/", "/nonexistent", *sys.path])
    assert not {"", "/", "/nonexistent"} & set(readable_paths())


def test_users_are_ones_nobody_has() -> None:
    assert unused_user(0, set()) == FIRST_USER
    assert unused_user(7, {FIRST_USER + 7, FIRST_USER + 8}) == FIRST_USER + 9
    assert unused_user(USERS - 1, {FIRST_USER + USERS - 1}) == FIRST_USER
    with pytest.raises(OSError, match="is taken"):
        unused_user(0, set(range(FIRST_USER, FIRST_USER + USERS)))
    assert 0 in known_users()


def test_all_descriptors_but_the_kept_ones_are_closed() -> None:
    child = os.fork()
    if child == 0:
        status = 1
        try:
            keep = os.dup(0)
            lose = os.dup(0)
            close_others({1, 2, keep})
            os.fstat(keep)
            lost = [fd for fd in (0, lose) if not _open(fd)]
            status = 0 if lost == [0, lose] else 2
        finally:
            os._exit(status)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def _open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("abi", "files", "network", "scopes"),
    [
        (1, 0x1FFF, None, None),
        (2, 0x3FFF, None, None),
        (3, 0x7FFF, None, None),
        (4, 0x7FFF, 3, None),
        (5, 0xFFFF, 3, None),
        (6, 0xFFFF, 3, 3),
        (7, 0xFFFF, 3, 3),
        (99, 0xFFFF, 3, 3),
    ],
)
def test_a_ruleset_handles_all_that_its_kernel_knows(
    abi: int, files: int, network: int | None, scopes: int | None
) -> None:
    expected = [value for value in (files, network, scopes) if value is not None]
    assert landlock.handled(abi) == struct.pack(f"<{len(expected)}Q", *expected)


def test_barriers_of_an_abi() -> None:
    assert landlock.barriers(1) == ("files",)
    assert landlock.barriers(4) == ("files", "tcp")
    assert landlock.barriers(7) == ("files", "tcp", "scopes")


def test_a_barrier_stands_only_if_the_control_got_through() -> None:
    assert Barrier("tcp", "EPERM", "passed").state == "stands"
    assert Barrier("tcp", "EPERM", "ECONNREFUSED").state == "unknown"
    assert Barrier("tcp", "passed", "passed").state == "open"
    assert Barrier("tcp", "passed", "EPERM").state == "open"


def test_a_report_is_proven_only_without_a_gap() -> None:
    stands = tuple(Barrier(name, "EPERM", "passed") for name in TITLES)
    assert ProbeReport(stands, {}).proven
    assert ProbeReport((*stands, Barrier("udp", "passed", "passed")), {}).missing == ("udp",)
    assert ProbeReport((*stands, Barrier("udp", "EPERM", "EPERM")), {}).missing == ("udp",)
    assert ProbeReport((*stands, Barrier("write-shm", "EACCES", "ENOENT")), {}).proven
    assert not ProbeReport((), {}, "no Landlock").proven
    assert ProbeReport((), {}, "no Landlock").lines() == ("no Landlock",)


def test_lines_in_both_languages() -> None:
    barrier = Barrier("tcp", "EPERM", "passed")
    assert barrier.line("en") == "network connections (TCP): blocked (EPERM)"
    assert barrier.line("zh") == "网络连接（TCP）: 已阻断 (EPERM)"
