"""Sealed inputs: complete, unchangeable, and held to what was announced."""

from __future__ import annotations

import fcntl
import os

import pytest

from retort_core.errors import Infrastructure, SessionLost
from retort_core.inputs import MAX_INPUTS, Arrivals, Inputs, anonymous_file, view


@pytest.fixture
def inputs():
    found = Inputs(("a", "b"))
    yield found
    found.close()


def test_what_is_written_is_read_and_cannot_be_changed(inputs: Inputs) -> None:
    inputs.write(0, memoryview(b"abc"))
    inputs.write(0, memoryview(b"def"))
    inputs.seal(0)
    inputs.seal(1)
    inputs.check_complete()
    first, second = inputs.descriptors
    assert bytes(view(first)) == b"abcdef"
    assert bytes(view(second)) == b""
    assert os.read(first, 3) == b"abc"
    assert inputs.size == 6
    seals = fcntl.fcntl(first, fcntl.F_GET_SEALS)
    assert seals == fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
    with pytest.raises(PermissionError):
        os.pwrite(first, b"x", 0)
    with pytest.raises(PermissionError):
        os.ftruncate(first, 100)


def test_more_after_the_end_is_refused(inputs: Inputs) -> None:
    inputs.seal(0)
    with pytest.raises(Infrastructure, match="ended already"):
        inputs.write(0, memoryview(b"x"))
    with pytest.raises(Infrastructure, match="not announced"):
        inputs.write(2, memoryview(b"x"))


def test_a_start_without_all_ends_is_refused(inputs: Inputs) -> None:
    inputs.seal(0)
    with pytest.raises(Infrastructure, match="input 1 was not ended"):
        inputs.check_complete()


def test_too_many_or_equal_names_are_refused() -> None:
    with pytest.raises(Infrastructure):
        Inputs([str(i) for i in range(MAX_INPUTS + 1)])
    with pytest.raises(Infrastructure):
        Inputs(("a", "a"))


def test_files_that_are_there_already_are_used_and_the_others_closed() -> None:
    files = [anonymous_file(str(number)) for number in range(4)]
    inputs = Inputs(("a", "b"), files)
    assert inputs.descriptors == files[:2]
    for closed in files[2:]:
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(closed)
    inputs.close()


def test_only_late_inputs_may_be_missing_at_the_start(inputs: Inputs) -> None:
    inputs.seal(0)
    inputs.check_complete(late=("b",))
    assert inputs.pending(("b",)) == [1]
    inputs.seal(1)
    assert inputs.pending(("b",)) == []


def test_a_late_input_is_waited_for_and_the_others_are_not() -> None:
    here, there = os.pipe()
    arrivals = Arrivals(("a", "b", "c"), (11, 12, 13), ("b", "c"), here)
    assert arrivals["a"] == 11
    assert set(arrivals) == {"a", "b", "c"}
    os.write(there, bytes([2, 1]))
    assert arrivals["b"] == 12
    assert arrivals["c"] == 13
    os.close(there)
    os.close(here)


def test_a_supervisor_that_leaves_before_the_last_input_is_told() -> None:
    here, there = os.pipe()
    os.close(there)
    with pytest.raises(SessionLost):
        Arrivals(("a",), (11,), ("a",), here)["a"]
    os.close(here)
