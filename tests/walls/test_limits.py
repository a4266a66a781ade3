"""Runs that use too much: each is stopped at the limit that it meets, with a sentence, and the next job succeeds."""

from __future__ import annotations

import time

import polars as pl
import pytest

from retort_core.errors import Cancelled, DataError, LimitExceeded
from retort_core.jobs import MIB


def test_memory_bomb_in_python(bench, small) -> None:
    with pytest.raises(LimitExceeded, match="256 MiB") as caught:
        bench.run(
            "def run(table):\n    held = []\n    while True: held.append(bytearray(1 << 20))\n", small()
        )
    assert caught.value.details["limit"] == "memory"


def test_memory_bomb_in_one_allocation(bench, small) -> None:
    with pytest.raises(LimitExceeded) as caught:
        bench.run("def run(table):\n    return bytearray(20 << 30)\n", small())
    assert caught.value.details["limit"] == "memory"


def test_memory_bomb_in_polars(bench, small) -> None:
    source = (
        "import polars as pl\ndef run(table):\n    return pl.select(pl.int_range(0, 4_000_000_000)).sum()\n"
    )
    with pytest.raises(LimitExceeded) as caught:
        bench.run(source, small())
    assert caught.value.details["limit"] == "memory"


def test_memory_on_a_growing_stack_is_watched(bench, small) -> None:
    # Growable mappings are not counted by the kernel's limit on data; the watch sees their pages.
    source = (
        "import mmap\n"
        "def run(table):\n"
        "    held = [mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x100) for _ in range(40)]\n"
        "    for block in held:\n"
        "        for at in range(0, len(block), 4096): block[at] = 1\n"
        "    return table\n"
    )
    with pytest.raises(LimitExceeded) as caught:
        bench.run(source, small())
    assert caught.value.details["limit"] == "memory"


def test_endless_loop(bench, small) -> None:
    started = time.monotonic()
    with pytest.raises(LimitExceeded, match=r"longer than 0\.5 s") as caught:
        bench.run("def run(table):\n    while True: pass\n", small(seconds=0.5))
    assert caught.value.details["limit"] == "deadline"
    assert time.monotonic() - started < 5.0


def test_endless_sleep_with_signals_blocked(bench, small) -> None:
    source = (
        "import signal, time\n"
        "for number in (1, 2, 10, 12, 13, 15, 24): signal.signal(number, signal.SIG_IGN)\n"
        "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n"
        "def run(table):\n    time.sleep(60)\n"
    )
    with pytest.raises(LimitExceeded) as caught:
        bench.run(source, small(seconds=0.5))
    assert caught.value.details["limit"] == "deadline"


def test_huge_stdout_is_cut_and_the_run_succeeds(bench, small) -> None:
    source = "def run(table):\n    for _ in range(3000): print('x' * 10_000)\n    return table\n"
    result = bench.run(source, small(log_bytes=4096))
    assert len(result.log) < 4096 + 200
    assert "the log was cut here, after 4096 bytes" in result.log
    assert result.end.usage.log_bytes > 30_000_000


def test_huge_stderr_from_c_is_cut_too(bench, small) -> None:
    result = bench.run(
        "import os\ndef run(table):\n    for _ in range(100): os.write(2, b'y' * 65536)\n    return table\n",
        small(log_bytes=1000),
    )
    assert len(result.log) < 1200


def test_control_characters_in_the_log_are_shown(bench) -> None:
    log = bench.run("def run(table):\n    print('\\x1b[2J\\rfake\\u202e')\n    return table\n").log
    assert log == "\\x1b[2J\\rfake\\u202e\n"


def test_huge_result(bench, small) -> None:
    source = "import polars as pl\ndef run(table):\n    return pl.DataFrame({'x': pl.repeat(1, 3_000_000, eager=True)})\n"
    with pytest.raises(LimitExceeded, match="8 MiB") as caught:
        bench.run(source, small())
    assert caught.value.details["limit"] == "output"


def test_endless_result(bench, small) -> None:
    source = (
        "import os, stat\n"
        "def run(table):\n"
        "    pipes = [fd for fd in range(3, 64) if is_pipe(fd)]\n"
        "    while True:\n"
        "        for fd in pipes[1:]: os.write(fd, b'z' * 65536)\n"
        "def is_pipe(fd):\n"
        "    try: return stat.S_ISFIFO(os.fstat(fd).st_mode)\n"
        "    except OSError: return False\n"
    )
    with pytest.raises(LimitExceeded) as caught:
        bench.run(source, small())
    assert caught.value.details["limit"] == "output"


def test_thread_bomb(bench, small) -> None:
    source = (
        "import threading, time\n"
        "def run(table):\n"
        "    while True: threading.Thread(target=time.sleep, args=(60,), daemon=True).start()\n"
    )
    with pytest.raises((DataError, LimitExceeded)) as caught:
        bench.run(source, small())
    assert "thread" in caught.value.message


def test_descriptors_run_out(bench) -> None:
    with pytest.raises(DataError, match="Too many open files"):
        bench.run("import os\ndef run(table):\n    while True: os.dup(0)\n")


def test_disk_cannot_be_filled(bench) -> None:
    with pytest.raises(DataError, match="No usable temporary directory"):
        bench.run("import tempfile\ndef run(table):\n    tempfile.TemporaryFile().write(b'x' * (1 << 30))\n")


def test_spilling_of_polars_finds_no_disk(bench) -> None:
    source = "def run(table):\n    table.lazy().sink_parquet('/tmp/retort-wall.parquet')\n    return table\n"
    with pytest.raises(DataError, match="denied"):
        bench.run(source)


def test_cancelled(bench) -> None:
    bench.start("import time\ndef run(table):\n    time.sleep(60)\n")
    bench.session.cancel()
    with pytest.raises(Cancelled):
        bench.end().raise_for_error()


def test_cancelling_after_the_end_hurts_nothing(bench) -> None:
    assert bench.honest() == 6
    bench.session.cancel()


def test_usage_is_measured(bench, small) -> None:
    source = "import polars as pl\ndef run(table):\n    held = bytearray(150 << 20)\n    import time; time.sleep(0.05)\n    return table\n"
    usage = bench.run(source, small(memory_bytes=512 * MIB)).end.usage
    assert 150 * MIB < usage.peak_bytes < 350 * MIB
    assert 0.05 < usage.seconds < 5
    assert 0 < usage.confine_ms < 40
    assert usage.output_bytes > 0
    assert usage.input_bytes > 0


def test_a_large_table_passes_both_ways(bench) -> None:
    source = "def run(table):\n    return table.sample(2_000_000, with_replacement=True, seed=1)\n"
    assert bench.table(source).height == 2_000_000
    assert isinstance(bench.table("def run(table):\n    return table.lazy()\n"), pl.DataFrame)
