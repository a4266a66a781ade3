"""Memory read from the kernel, and logs made harmless."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from retort_core.meters import WRAP, Log, Memory, escape, memory_of


def test_memory_of_this_process_grows_with_what_it_holds() -> None:
    before = memory_of(os.getpid())
    held = bytearray(64 << 20)
    after = memory_of(os.getpid())
    assert before is not None
    assert after is not None
    assert after.anonymous - before.anonymous > 60 << 20
    assert after.threads >= 1
    del held


def test_no_process_no_memory() -> None:
    assert memory_of(2**22 + 1) is None


def test_inputs_are_not_charged() -> None:
    assert Memory(10, 7).charged(5) == 12
    assert Memory(10, 3).charged(5) == 10


def test_a_log_within_its_limit_passes_unchanged() -> None:
    log = Log(100)
    assert log.feed("第一行\nzwei".encode()) == "第一行\n"
    assert log.feed(b"\tdrei\n") == "zwei\tdrei\n"
    assert log.flush() == ""


def test_a_character_cut_in_two_waits_for_its_end() -> None:
    log = Log(100)
    data = "北京\n".encode()
    assert log.feed(data[:4]) + log.feed(data[4:]) == "北京\n"


def test_the_cut_is_said_once() -> None:
    log = Log(10)
    text = log.feed(b"0123456789") + log.feed(b"abc") + log.feed(b"def") + log.flush()
    assert text == "0123456789\n[the log was cut here, after 10 bytes]\n"
    assert log.size == 16


def test_a_limit_of_nothing() -> None:
    assert Log(0).feed(b"x") == "\n[the log was cut here, after 0 bytes]\n"


def test_long_lines_are_wrapped() -> None:
    lines = Log(10**6).feed(b"x" * (2 * WRAP + 1) + b"\n").split("\n")
    assert [len(line) for line in lines] == [WRAP, WRAP, 1, 0]


def test_allocators_last_words_are_heard_even_behind_the_cut() -> None:
    log = Log(1)
    log.feed(b"xxxx")
    log.feed(b"memory allocation of 8589934592 bytes failed\n")
    assert log.out_of_memory


@given(st.text(), st.binary(max_size=50))
def test_nothing_that_moves_a_cursor_gets_through(text: str, raw: bytes) -> None:
    assert all(c.isprintable() or c in "\n\t" for c in escape(text))
    log = Log(1000)
    assert all(
        c.isprintable() or c in "\n\t" for c in log.feed(text.encode("utf-8", "replace") + raw) + log.flush()
    )
