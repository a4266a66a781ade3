"""Results that are not what was asked for, and words of a worker that are not true."""

from __future__ import annotations

import time

import pytest

from retort_core.errors import DataError
from retort_core.jobs import Job, Limits
from retort_core.wire import FrameType, encode, encode_json

PIPES = """
import json, os, stat, struct
def is_pipe(fd):
    try: return stat.S_ISFIFO(os.fstat(fd).st_mode)
    except OSError: return False
PIPES = [fd for fd in range(3, 64) if is_pipe(fd)]
REPORT, RESULT = PIPES[:2]
"""


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        ("5", "returned int; return a polars DataFrame"),
        ("None", "returned nothing"),
        ("[table]", "returned list"),
        ("{'table': table}", "returned dict"),
        ("table['x']", "returned Series"),
    ],
)
def test_a_version_must_be_a_table(bench, returned: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        bench.run(f"def run(table):\n    return {returned}\n")


@pytest.mark.parametrize(
    "returned",
    ["{}", "{1: table}", "{'a': 1}", "{str(i): table for i in range(99)}", "{'': table, 'x' * 500: table}"],
)
def test_an_answer_must_be_named_tables(bench, returned: str) -> None:
    with pytest.raises(DataError):
        bench.run(f"def run(table):\n    return {returned}\n", yields="answer")


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("x = 1", "defines no function run"),
        ("def run(table)\n    return table", "Line 1: expected ':'"),
        ("def run(table):\n    y = 1\n    return table.nothing\n", "Line 3: AttributeError"),
        ("import nothing_of_that_name", "Line 1: ModuleNotFoundError"),
        ("def run(table):\n    raise SystemExit(3)\n", "ended itself"),
        ("def run(table):\n    raise KeyboardInterrupt\n", "KeyboardInterrupt"),
        ("def run(table):\n    return run(table)\n", "RecursionError"),
        ("def run(table):\n    return table.select('nope')\n", "Line 2: ColumnNotFoundError"),
        ("def run():\n    return 1\n", "takes 0 positional arguments"),
        ("\0", "null bytes"),
        ("def run(table):\n    raise type('E' * 9999, (Exception,), {})('m' * 99999)\n", "EEEE"),
    ],
)
def test_a_failing_script_is_told_where(bench, source: str, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence) as caught:
        bench.run(source)
    assert len(caught.value.message) <= 2000


def test_an_extra_part_is_refused(bench) -> None:
    source = (
        PIPES
        + "def run(table):\n    os.write(RESULT, b'RPT1' + struct.pack('>H', 4) + b'evil' + bytes(4))\n    return table\n"
    )
    with pytest.raises(DataError, match="nobody asked for: 'evil'"):
        bench.session.run(bench.job(source), {"table": stream_of(bench)}, names=("table",))


def test_garbage_instead_of_a_result(bench) -> None:
    source = PIPES + "def run(table):\n    os.write(RESULT, b'\\xff' * 100)\n    os._exit(0)\n"
    with pytest.raises(DataError, match="exit code 0 before its result was complete"):
        bench.run(source)


def test_a_forged_success_without_a_result(bench) -> None:
    end = encode_json(FrameType.END, {"ok": True, "error": None})
    source = PIPES + f"def run(table):\n    os.write(REPORT, {end!r})\n    os._exit(0)\n"
    with pytest.raises(DataError, match="cut short"):
        bench.run(source)


def test_a_worker_that_claims_to_be_done_and_goes_on_is_ended(bench) -> None:
    end = encode_json(FrameType.END, {"ok": True, "error": None})
    source = (
        PIPES
        + f"import time\ndef run(table):\n    os.write(REPORT, {end!r})\n"
        + "    for fd in (1, 2, *PIPES): os.close(fd)\n    while True: time.sleep(60)\n"
    )
    started = time.monotonic()
    with pytest.raises(DataError, match="cut short"):
        bench.run(source)
    assert time.monotonic() - started < 10  # of the 20 s that it may take


def test_a_worker_cannot_ask_for_another_attempt_or_blame_the_walls(bench) -> None:
    for code in ("infrastructure", "session-lost", "isolation-missing", "internal", "cancelled", "denied"):
        end = encode_json(
            FrameType.END, {"ok": False, "error": {"code": code, "message": "\x1b[2Jhaha", "details": {}}}
        )
        with pytest.raises(DataError, match=r"\\x1b\[2Jhaha") as caught:
            bench.run(PIPES + f"def run(table):\n    os.write(REPORT, {end!r})\n    os._exit(0)\n")
        assert caught.value.code == "data-error"


@pytest.mark.parametrize(
    "words",
    [
        encode_json(FrameType.HELLO, {"barriers": ["all of them"]}),
        encode(FrameType.CHUNK, b"x"),
        encode(FrameType.PROGRESS, b"not json"),
        encode(FrameType.JOB, b"{}"),
        b"\xff" * 64,
        b"\x14\xff\xff\xff\xff",
    ],
    ids=["second-hello", "chunk", "no-json", "job", "no-frame", "4-GiB"],
)
def test_other_words_on_the_report_end_the_run(bench, words: bytes) -> None:
    source = PIPES + f"import time\ndef run(table):\n    os.write(REPORT, {words!r})\n    time.sleep(10)\n"
    with pytest.raises(DataError, match="something else than reports"):
        bench.run(source)


@pytest.mark.parametrize(
    "nested", ['"\\ud800"', "[" * 900 + "]" * 900, '{"a":' * 400 + "1" + "}" * 400, "NaN", "1" * 4000]
)
@pytest.mark.parametrize("kind", [FrameType.PROGRESS, FrameType.END])
def test_poisoned_json_harms_neither_supervisor_nor_client(bench, kind: FrameType, nested: str) -> None:
    text = '{"stage":%s,"ok":false,"error":{"code":"data-error","message":%s,"details":{"x":%s}}}' % (
        (nested,) * 3
    )
    source = (
        PIPES + f"def run(table):\n    os.write(REPORT, {encode(kind, text.encode())!r})\n    return table\n"
    )
    if kind is FrameType.END:
        with pytest.raises(DataError):
            bench.run(source)
    else:
        assert bench.run(source).end.ok


def test_a_log_of_nothing_but_escapes_fits_its_frames(bench, small) -> None:
    source = "import os\ndef run(table):\n    for _ in range(16): os.write(2, b'\\x1b' * 65536)\n    return table\n"
    assert len(bench.run(source, small(log_bytes=1 << 20)).log) > 1 << 22


def test_a_flood_of_reports_is_cut(bench) -> None:
    word = encode_json(FrameType.PROGRESS, {"n": 1})
    source = (
        PIPES + f"def run(table):\n    for _ in range(5000): os.write(REPORT, {word!r})\n    return table\n"
    )
    assert len(bench.run(source).progress) <= 1000


def test_usage_is_not_what_the_worker_says(bench) -> None:
    end = encode_json(FrameType.END, {"ok": True, "error": None, "usage": {"seconds": 0, "peak_bytes": 1}})
    source = (
        PIPES
        + f"import time\ndef run(table):\n    time.sleep(0.1)\n    os.write(REPORT, {end!r})\n    return table\n"
    )
    result = bench.run(source)
    assert result.end.usage.seconds > 0.1
    assert result.end.usage.peak_bytes > 1 << 20


def test_changing_the_worker_in_memory_gains_nothing(bench) -> None:
    # The script owns its process: it may replace the very functions that report for it. What it says is still held
    # to what a worker may say.
    source = (
        "import sys\n"
        "import retort_core.forks as forks\n"
        "forks.failure = lambda problem: forks.Failure('infrastructure', 'again, please')\n"
        "def run(table):\n    raise ValueError\n"
    )
    with pytest.raises(DataError):
        bench.run(source)


def test_an_unknown_kind_and_unreadable_input(bench) -> None:
    from retort_core.errors import BadInput

    with pytest.raises(BadInput, match="not 'dance'"):
        bench.session.run(Job("a", "dance", {}, Limits(seconds=5), ()), {})
    with pytest.raises(BadInput, match="neither Parquet nor Arrow"):
        bench.session.run(bench.job("def run(table): return table"), {"table": b"garbage"})


def test_aligned_scripts_do_not_see_hidden_columns(bench) -> None:
    import io

    import polars as pl

    hidden = pl.DataFrame({"__row_id": [1], "x": [None], "x__invalid": ["abc"], "own__invalid": ["kept"]})
    data = io.BytesIO()
    hidden.write_ipc_stream(data, compat_level=pl.CompatLevel.oldest())
    source = "import polars as pl\ndef run(table):\n    return pl.DataFrame({'c': table.columns})\n"
    seen = {}
    for rows in ("aligned", "carried"):
        result = bench.session.run(bench.job(source, rows=rows), {"table": data.getvalue()})
        seen[rows] = pl.read_ipc_stream(result.parts["table"])["c"].to_list()
    assert seen == {"aligned": ["x", "own__invalid"], "carried": hidden.columns}


def stream_of(bench) -> bytes:
    import io

    import polars as pl

    out = io.BytesIO()
    pl.DataFrame({"x": [1]}).write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


def test_parts_of_the_worker_are_readable_by_any_arrow_reader(bench) -> None:
    import pyarrow as pa

    table = pa.ipc.open_stream(bench.run("def run(table):\n    return table\n").parts["table"]).read_all()
    assert table.schema.field("y").type in (pa.large_string(), pa.string())
    assert table.column("y").to_pylist() == ["北京", "上海", None]
