"""Sealed inputs: complete, unchangeable, and held to what was announced."""

from __future__ import annotations

import fcntl
import os

import pytest

from retort_core.errors import Infrastructure
from retort_core.inputs import MAX_INPUTS, Inputs, view


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
