"""The blocking client of a sandbox: inputs in any form and format, parts where they are wanted, loss told."""

from __future__ import annotations

import io
import os
import signal

import polars as pl
import pytest

from retort_core.errors import Infrastructure, SessionLost
from retort_core.sessions import Chunk, Collector, Session

SUM = "import polars as pl\ndef run(table):\n    print('hello')\n    return table.select(pl.col('x').sum())\n"
BIG = pl.DataFrame({"x": range(100_000)})


def written(kind: str) -> bytes:
    out = io.BytesIO()
    if kind == "parquet":
        BIG.write_parquet(out)
    elif kind == "arrow file":
        BIG.write_ipc(out, compression="uncompressed")
    else:
        BIG.write_ipc_stream(out, compat_level=pl.CompatLevel.oldest())
    return out.getvalue()


@pytest.mark.parametrize("kind", ["parquet", "arrow file", "arrow stream"])
def test_a_script_takes_tables_in_every_form(bench, kind: str) -> None:
    result = bench.session.run(bench.job(SUM), {"table": written(kind)}, ("table",))
    assert pl.read_ipc_stream(result.parts["table"]).item() == 4_999_950_000
    assert result.log == "hello\n"
    assert [facts["stage"] for facts in result.progress] == ["running", "writing"]


def test_inputs_may_come_in_pieces(bench) -> None:
    data = written("parquet")
    pieces = (data[start : start + 10_000] for start in range(0, len(data), 10_000))
    assert bench.session.run(bench.job(SUM), {"table": pieces}).end.usage.input_bytes == len(data)


def test_parts_flow_where_they_are_wanted(bench) -> None:
    sink = io.BytesIO()
    collector = Collector(("table",), lambda _: sink)
    bench.session.send(bench.job("def run(table):\n    return table\n"), {"table": written("parquet")})
    chunks = 0
    for word in bench.session.frames():
        chunks += isinstance(word, Chunk)
        collector.take(word)
    assert not collector.result().parts
    assert chunks > 1
    assert pl.read_ipc_stream(sink.getvalue()).equals(BIG)


def test_a_lost_sandbox_is_told_to_reader_and_writer(fresh_bench) -> None:
    fresh_bench.start("import time\ndef run(table):\n    time.sleep(60)\n")
    os.kill(fresh_bench.session.process_id, signal.SIGKILL)
    with pytest.raises(SessionLost):
        fresh_bench.end()
    with pytest.raises(SessionLost):
        fresh_bench.session.run(fresh_bench.job(SUM), {"table": bytes(20 << 20)})


def test_a_worker_that_cannot_be_loaded_is_told_at_the_start() -> None:
    with pytest.raises(Infrastructure, match=r"could not be loaded: ModuleNotFoundError"):
        Session.start("retort_core.nothing:main")


# What people's scripts do with polars: each must find what it imports late, and nothing may hang.
ORDINARY = [
    "table.with_columns(d=pl.lit('2024-01-31').str.strptime(pl.Date, '%Y-%m-%d'))",
    "table.with_columns(d=pl.lit('2024-01-31').str.to_datetime('%Y-%m-%d', time_zone='Asia/Shanghai'))",
    "table.join(table, on='x')",
    "table.with_columns(g=pl.col('x') % 7).pivot('g', index='x', values='x', aggregate_function='sum')",
    "table.head(100).with_columns(pl.col('x').map_elements(lambda v: v + 1, return_dtype=pl.Int64))",
    "(print(table), table.glimpse(), table)[2]",
    "pl.SQLContext(t=table).execute('select count(*) n from t').collect()",
    "table.lazy().group_by(pl.col('x') % 10).agg(pl.col('x').sum().alias('s')).collect(engine='streaming')",
    "table.with_columns(pl.col('x').cast(pl.Decimal(18, 2)))",
    "pl.read_csv(table.write_csv().encode())",
    "pl.from_arrow(table.to_arrow())",
    "pl.DataFrame(table.head(10).to_dicts())",
    "pl.read_json(table.head(10).write_json().encode())",
    "table.with_columns(pl.col('x').cast(pl.String).cast(pl.Categorical))",
    "table.with_columns(t=pl.lit(datetime.datetime.now(zoneinfo.ZoneInfo('Asia/Shanghai'))))",
    "table.with_columns(n=pl.lit(decimal.Decimal('1.5')), s=pl.lit(statistics.mean([1, 2])))",
    "table.select(pl.col('x').qcut(4))",
    "table.describe()",
    "table.sort('x', descending=True).unique(maintain_order=True)",
    "pickle.loads(pickle.dumps(table))",
]


@pytest.mark.parametrize("expression", ORDINARY)
def test_ordinary_scripts_work_inside(bench, expression: str) -> None:
    source = f"import datetime, decimal, pickle, statistics, zoneinfo\nimport polars as pl\ndef run(table):\n    return {expression}\n"
    assert bench.session.run(bench.job(source), {"table": written("parquet")}).end.ok
