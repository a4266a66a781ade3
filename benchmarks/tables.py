"""Bars on tables, each a ratio measured in one run on one machine; exit 1 when one is missed.

    make bench-tables

1. Load + type + full exact profile of the 850,000 x 20 survey file against DuckDB's SUMMARIZE of the same file on two
   threads (its reading included): at least 2 times faster; peak memory at most 6 times the file.
2. Six steps of cleaning as an emitted script against the same steps written by hand in Polars: at most 1.3 times.

Every measurement is a fresh process; imports are not counted; contenders take turns and the median counts. SUMMARIZE
types by a sample and leaves a column with one N/A text, and its quantiles and distinct counts are approximate. So two
more ways are shown that no bar looks at: types sniffed from the whole file, and the exact figures on top.
"""

from __future__ import annotations

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROUNDS = 5
FASTER = 2.0
MEMORY = 6.0
SLOWER = 1.3
THREADS = 2
VALUES_SHOWN = 50
SCORES = ["推荐意愿", "质量打分", "价格打分", "服务打分"]
CITIES = {
    "北京": ["北京市", "beijing"],
    "上海": ["上海市", "Shanghai"],
    "广州": ["广州市"],
    "深圳": ["深圳市"],
}

Measured = dict[str, Any]


def retort_profile(path: str) -> Measured:
    """The file through the product's own reader, detection and profile."""
    from retort_executor.reading import read
    from retort_tables.detection import detect
    from retort_tables.profiling import profile

    descriptor = os.memfd_create("survey")
    with Path(path).open("rb") as file:
        os.sendfile(descriptor, file.fileno(), 0, Path(path).stat().st_size)
    began = time.perf_counter()
    table, _report = read(descriptor, "survey.csv", {})
    loaded = time.perf_counter()
    typed = detect(table, drain=True, coded=True)
    known = time.perf_counter()
    made = profile(typed.table, typed.marks, typed.schema, typed.readings)
    ended = time.perf_counter()
    return {
        "seconds": ended - began,
        "read": loaded - began,
        "type": known - loaded,
        "profile": ended - known,
        "findings": len(made.findings),
    }


def duckdb_summarize(path: str) -> Measured:
    return _duckdb([f"SUMMARIZE FROM '{path}'"])


def duckdb_whole_file_sniffed(path: str) -> Measured:
    return _duckdb([f"SUMMARIZE FROM read_csv('{path}', sample_size=-1)"])


def duckdb_exact(path: str) -> Measured:
    """SUMMARIZE, and what it lacks: exact distinct counts and quantiles, and the most frequent values."""
    with Path(path).open(encoding="utf-8") as file:
        names = file.readline().strip().split(",")
    distinct = ", ".join(f'count(DISTINCT "{name}")' for name in names)
    quantiles = ", ".join(f'quantile_cont(TRY_CAST("{name}" AS DOUBLE), [0.25, 0.5, 0.75])' for name in names)
    return _duckdb(
        [
            f"CREATE TABLE survey AS FROM '{path}'",
            "SUMMARIZE survey",
            f"SELECT {distinct} FROM survey",
            f"SELECT {quantiles} FROM survey",
            *[
                f'SELECT "{name}", count(*) AS n FROM survey GROUP BY 1 ORDER BY n DESC LIMIT {VALUES_SHOWN}'
                for name in names
            ],
        ]
    )


def _duckdb(statements: list[str]) -> Measured:
    import duckdb

    connection = duckdb.connect(config={"threads": THREADS})
    began = time.perf_counter()
    for statement in statements:
        rows = connection.execute(statement).fetchall()
    return {"seconds": time.perf_counter() - began, "columns": len(rows)}


def emitted_cleaning(path: str) -> Measured:
    """The six steps as the product runs them: with row ids and the raw texts of invalid cells."""
    import polars as pl

    source = Path(path).with_suffix(".py").read_text()
    names: dict[str, Any] = {"__name__": "script"}
    exec(compile(source, "script", "exec"), names)
    table = pl.read_parquet(path)
    began = time.perf_counter()
    result = names["run"](table)
    return {"seconds": time.perf_counter() - began, **_figures(result)}


def handwritten_cleaning(path: str) -> Measured:
    """The six steps as an analyst who knows the file writes them."""
    import polars as pl

    table = pl.read_parquet(path).drop("__row_id", "年龄__invalid")
    began = time.perf_counter()
    day = pl.col("提交日期")
    spellings = {other: city for city, others in CITIES.items() for other in others}
    result = (
        table.lazy()
        .unique("用户ID", keep="first", maintain_order=True)
        .with_columns(
            *[pl.when(~pl.col(name).is_in([98, 99, -999])).then(pl.col(name)).alias(name) for name in SCORES],
            pl.coalesce(
                day.str.to_date("%Y-%m-%d", strict=False),
                day.str.to_date("%Y%m%d", strict=False),
                day.str.to_date("%Y年%m月%d日", strict=False),
                day.str.to_date("%d/%m/%Y", strict=False),
            ),
            pl.col("城市").replace(spellings),
            pl.when(pl.col("年龄").is_between(0, 120)).then("年龄"),
        )
        .with_columns(pl.mean_horizontal(*SCORES[1:]).alias("平均分"))
        .collect()
    )
    return {"seconds": time.perf_counter() - began, **_figures(result)}


def _figures(result: Any) -> Measured:
    """What both ways must agree on."""
    return {
        "figures": [
            result.height,
            str(result["提交日期"].min()),
            str(result["提交日期"].max()),
            result["城市"].n_unique(),
            result["年龄"].sum(),
            round(result["平均分"].mean(), 9),
        ]
    }


def prepare_cleaning(path: str) -> Measured:
    """The typed table as scripts get it, and the emitted script beside it."""
    import polars as pl
    from survey_file import survey_file

    from retort_core.plans import Plan, Step
    from retort_plans.scripts import build_script
    from retort_tables.detection import detect

    typed = detect(pl.read_csv(survey_file(), infer_schema=False), drain=True)
    age = typed.schema["年龄"].id
    invalid = typed.marks.filter((pl.col("state") == "invalid") & (pl.col("column_id") == age))
    raw = invalid.select(pl.col("row_id").alias("__row_id"), pl.col("raw").alias("年龄__invalid"))
    table = typed.table.with_row_index("__row_id").with_columns(pl.col("__row_id").cast(pl.Int64))
    table.join(raw, on="__row_id", how="left", maintain_order="left").write_parquet(path)
    steps = [Step(id=f"s{at}", op=op, params=params) for at, (op, params) in enumerate(_steps(), 1)]
    script = build_script(Plan(title="清洗", steps=tuple(steps)), typed.schema, ["年龄"], "zh")
    Path(path).with_suffix(".py").write_text(script.source)
    return {"seconds": 0.0}


def _steps() -> list[tuple[str, dict[str, Any]]]:
    codes = [{"value": value, "label": ""} for value in ("98", "99", "-999")]
    merged = [{"from": others, "to": city} for city, others in CITIES.items()]
    mean = {"fn": "mean", "args": [{"column": name} for name in SCORES[1:]]}
    ages = {
        "column": "年龄",
        "method": "range",
        "low": 0,
        "high": 120,
        "k": None,
        "action": "missing",
        "new_name": "",
    }
    return [
        ("drop_duplicates", {"columns": ["用户ID"], "keep": "first", "ignore": []}),
        ("normalize_missing", {"columns": SCORES, "values": codes}),
        ("standardize_date", {"columns": ["提交日期"], "order": "day_first"}),
        ("merge_values", {"column": "城市", "groups": merged}),
        ("handle_outliers", ages),
        ("derive_column", {"new_name": "平均分", "expression": mean, "kind": ""}),
    ]


CASES: dict[str, Callable[[str], Measured]] = {
    case.__name__: case
    for case in (
        retort_profile,
        duckdb_summarize,
        duckdb_whole_file_sniffed,
        duckdb_exact,
        prepare_cleaning,
        emitted_cleaning,
        handwritten_cleaning,
    )
}


def measure(case: str, path: Path) -> Measured:
    """Run one case in a process of its own."""
    command = [sys.executable, __file__, "--case", case, str(path)]
    done = subprocess.run(
        command, check=True, capture_output=True, text=True, env={**os.environ, **_allocator()}
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def _allocator() -> dict[str, str]:
    """The allocator as the product's workers are started with; it must be told before the first import."""
    from retort_core.forks import ENVIRONMENT

    return {name: value for name, value in ENVIRONMENT.items() if name.endswith("MALLOC_CONF")}


def in_turns(cases: list[str], path: Path) -> dict[str, list[Measured]]:
    runs: dict[str, list[Measured]] = {case: [] for case in cases}
    for _ in range(ROUNDS):
        for case in cases:
            runs[case].append(measure(case, path))
    return runs


def median(runs: list[Measured], key: str = "seconds") -> float:
    return statistics.median(run[key] for run in runs)


def profiling() -> bool:
    from survey_file import survey_file

    path = survey_file()
    size = path.stat().st_size / 1e6
    others = {
        "duckdb_whole_file_sniffed": "duckdb SUMMARIZE, whole file sniffed",
        "duckdb_exact": "duckdb SUMMARIZE and the exact figures",
    }
    runs = in_turns(["retort_profile", "duckdb_summarize", *others], path)
    ours, theirs = median(runs["retort_profile"]), median(runs["duckdb_summarize"])
    peak = max(run["peak_mb"] for run in runs["retort_profile"])
    print(f"\nload + type + full exact profile, {size:.0f} MB, 850,000 x 20")
    parts = ", ".join(
        f"{part} {median(runs['retort_profile'], part):.2f}" for part in ("read", "type", "profile")
    )
    print(f"  {'retort':38} {ours:6.2f} s  ({parts}; peak {peak:.0f} MB)")
    print(f"  {'duckdb SUMMARIZE of the file':38} {theirs:6.2f} s  (approximate quantiles and distinct)")
    for case, what in others.items():
        print(f"  {what:38} {median(runs[case]):6.2f} s  (ratio {median(runs[case]) / ours:.2f})")
    return all(
        [
            bar(
                "times faster than SUMMARIZE",
                theirs / ours,
                met=theirs / ours >= FASTER,
                wanted=f">= {FASTER}",
            ),
            bar("times the file in memory", peak / size, met=peak <= MEMORY * size, wanted=f"<= {MEMORY}"),
        ]
    )


def cleaning() -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "typed.parquet"
        measure("prepare_cleaning", path)
        runs = in_turns(["emitted_cleaning", "handwritten_cleaning"], path)
    emitted, written = median(runs["emitted_cleaning"]), median(runs["handwritten_cleaning"])
    results = {json.dumps(run["figures"]) for case in runs.values() for run in case}
    print("\nsix steps of cleaning, 850,000 x 20")
    print(f"  emitted script        {emitted:6.2f} s")
    print(f"  written by hand       {written:6.2f} s")
    return all(
        [
            bar(
                "times as long as by hand",
                emitted / written,
                met=emitted <= SLOWER * written,
                wanted=f"<= {SLOWER}",
            ),
            bar("different results", len(results) - 1, met=len(results) == 1, wanted="0"),
        ]
    )


def bar(what: str, value: float, *, met: bool, wanted: str) -> bool:
    print(f"  {'met   ' if met else 'MISSED'} {value:.2f} {what} (wanted {wanted})")
    return met


def machine() -> str:
    cpu = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if "model name" in line
        ),
        platform.machine(),
    )
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} x {cpu}, {memory:.0f} GiB, Linux {platform.release()}"


def main(arguments: list[str]) -> int:
    if arguments[:1] == ["--case"]:
        measured = CASES[arguments[1]](arguments[2])
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000
        print(json.dumps({**measured, "peak_mb": peak}))
        return 0
    versions = ", ".join(f"{name} {version(name)}" for name in ("polars", "numpy", "duckdb"))
    load = os.getloadavg()[0]
    print(
        f"{machine()}\nPython {platform.python_version()}, {versions}; load at start {load:.1f}; median of {ROUNDS}"
    )
    sections = {"profile": profiling, "cleaning": cleaning}
    chosen = [sections[name] for name in arguments] or list(sections.values())
    missed = [section for section in chosen if not section()]  # every section runs, missed bars or not
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
