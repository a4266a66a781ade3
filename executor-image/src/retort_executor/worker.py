"""What runs inside the walls of an executor: file readers and scripts. One job, then the process is gone.

`read`    input "file"; params filename, options; parts "table" (Arrow IPC stream) and "report" (JSON)
`script`  inputs as params["inputs"] tells, each a table in Arrow IPC or Parquet; params source, yields, rows, same;
          part "table" for a version, "answer:NAME" for each table of an answer. `same`: result column -> input column
          that it may be equal to; those that are stay out of "table" and are named in the part "same" (JSON).
          `companions`: column -> id, of columns whose raw texts are put beside them from the input "marks"

A script is trusted in nothing here: the walls are the kernel's. What this module adds is a helpful sentence when
a script fails or returns something else than a table.
"""

from __future__ import annotations

import io
import json
import linecache
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from types import CodeType
from typing import TYPE_CHECKING, Any, BinaryIO, Final, TypeAlias, cast

import polars as pl

from retort_core.errors import BadInput, DataError, LimitExceeded, RetortError
from retort_core.inputs import view
from retort_core.wire import PartWriter
from retort_executor.companions import with_companions
from retort_executor.previews import preview
from retort_executor.sameness import INVALID, ROW_ID, unchanged
from retort_executor.streams import write_table

if TYPE_CHECKING:
    from retort_core.jobs import Job

Report: TypeAlias = Callable[[dict[str, Any]], None]

# Loaded before the fork: inside the walls a late import may not be readable, and no library can be mapped.
PRELOAD: Final = (
    # What a person's script may well import; without privileges the interpreter's folders can be out of reach.
    "array", "base64", "bisect", "calendar", "collections.abc", "colorsys", "copy", "csv", "dataclasses", "difflib",
    "email.utils", "enum", "functools", "graphlib", "hashlib", "heapq", "hmac", "html.parser", "itertools",
    "ipaddress", "json", "locale", "logging", "numbers", "operator", "pathlib", "pickle", "pprint", "secrets",
    "shlex", "struct", "time", "timeit", "types", "typing", "urllib.parse", "warnings", "weakref", "zlib",
    # What polars, Arrow and the readers import late.
    "polars.io.*", "polars.datatypes.*", "polars._utils.*", "polars.interchange.*", "polars.functions.*",
    "polars.selectors", "polars.sql.*", "pyarrow", "pyarrow.compute", "pyarrow.csv", "pyarrow.ipc",
    "pyarrow.parquet", "fastexcel", "charset_normalizer", "retort_executor.reading.*",
)  # fmt: skip
NAME: Final = "retort_script"
FILE: Final = "<script>"
MARKS: Final = "marks"
MAX_ANSWERS: Final = 32


def main(job: Job, inputs: Mapping[str, int], output: BinaryIO, report: Report) -> None:
    kinds: Mapping[str, Callable[..., None]] = {"read": read, "script": script}
    if job.kind not in kinds:
        raise BadInput(f"this sandbox does {sorted(kinds)}, not {job.kind!r}", kind=job.kind)
    parts = PartWriter(output)
    kinds[job.kind](job, inputs, parts, report)
    parts.close()


def warm() -> None:
    """Before there is a job, on a table of its own: the first read, step and write of a forked process cost 20 ms more than
    the next, for pages and threads that nobody need wait for."""
    table = pl.DataFrame(
        {ROW_ID: [0, 1, 2], "text": ["a", None, "c"], "number": [1, 2, 3], "share": [0.5, None, 1.5]}
    )
    stored = io.BytesIO()
    table.write_parquet(stored)
    read = pl.read_parquet(stored.getvalue())
    parts = PartWriter(io.BytesIO())
    _write_changes(parts, _collect(_define(REHEARSAL)(read)), read, {name: name for name in read.columns})
    parts.close()


REHEARSAL: Final = """
import polars as pl
def run(table):
    table = table.remove(pl.col("number") == 2)
    return table.with_columns(
        pl.when(pl.col("share") > 1).then(None).otherwise(pl.col("share")).alias("share"),
        (pl.col("number") < 3).cast(pl.Int64).alias("flag"),
        pl.col("text").str.strip_chars().fill_null("-"),
    )
"""


# Files -------------------------------------------------------------------------------------------------


def read(job: Job, inputs: Mapping[str, int], parts: PartWriter, report: Report) -> None:
    """A file's bytes to a table of strings or native types; the readers know the formats."""
    from retort_executor.reading import read as read_file

    report({"stage": "reading"})
    table, facts = read_file(inputs["file"], str(job.params["filename"]), dict(job.params.get("options", {})))
    frame = table if isinstance(table, pl.DataFrame) else _frame(table)
    report(preview(frame))
    write_table(parts, "table", frame)
    parts.add("report", json.dumps(facts, ensure_ascii=False).encode())


def _frame(table: Any) -> pl.DataFrame:
    return cast("pl.DataFrame", pl.from_arrow(table))


# Scripts -----------------------------------------------------------------------------------------------


def script(job: Job, inputs: Mapping[str, int], parts: PartWriter, report: Report) -> None:
    """Define `run` by executing the source, call it with the tables, write what it returns."""
    source, yields = str(job.params["source"]), str(job.params.get("yields", "version"))
    companions = dict(job.params.get("companions", {}))
    tables = [load_table(name, inputs[name]) for name in job.inputs if not (companions and name == MARKS)]
    if companions:
        tables[0] = with_companions(tables[0], load_table(MARKS, inputs[MARKS]), companions)
    if job.params.get("rows", "carried") == "aligned":
        tables = [_without_hidden(table) for table in tables]
    run = _define(source)
    report({"stage": "running"})
    # Clones cost nothing, and what a script does to its table in place is then not done to the one compared with.
    result = _guarded(lambda: _collect(run(*(table.clone() for table in tables))))
    report({"stage": "writing"})
    same = job.params.get("same")
    if yields == "version" and same is not None:
        _write_changes(parts, _table("run(table)", result), tables[0], dict(same))
        return
    for name, table in _results(result, yields):
        write_table(parts, name, table)


def _write_changes(
    parts: PartWriter, result: pl.DataFrame, table: pl.DataFrame, same: dict[str, str]
) -> None:
    """Only what a step changed travels: on 100,000 rows the other columns are 25 MB that everybody has already."""
    kept = unchanged(result, table, same)
    write_table(parts, "table", result.drop(kept, *(name + INVALID for name in kept), strict=False))
    parts.add("same", json.dumps(kept, ensure_ascii=False).encode())


def _without_hidden(table: pl.DataFrame) -> pl.DataFrame:
    """A person's code sees only a person's columns: an injected one would change what `unique()` means."""
    names = set(table.columns)
    hidden = [
        n for n in table.columns if n == ROW_ID or (n.endswith(INVALID) and n[: -len(INVALID)] in names)
    ]
    return table.drop(hidden) if ROW_ID in names else table


def load_table(name: str, descriptor: int) -> pl.DataFrame:
    data = view(descriptor)
    if bytes(data[:4]) == b"PAR1":
        return pl.read_parquet(bytes(data))
    if bytes(data[:6]) == b"ARROW1":
        return pl.read_ipc(bytes(data))
    try:
        import pyarrow as pa

        return _frame(pa.ipc.open_stream(pa.py_buffer(data)).read_all())
    except (pa.ArrowInvalid, OSError) as problem:
        raise BadInput(f"input {name!r} is neither Parquet nor Arrow IPC: {problem}", input=name) from None


def _define(source: str) -> Callable[..., Any]:
    linecache.cache[FILE] = (len(source), None, source.splitlines(keepends=True), FILE)
    code = _guarded(lambda: compile(source, FILE, "exec", dont_inherit=True))
    space: dict[str, Any] = {"__name__": NAME, "__file__": FILE, "__builtins__": __builtins__}
    _guarded(lambda: exec(cast("CodeType", code), space))  # noqa: S102 - this is the job; the wall is around it
    run = space.get("run")
    if not callable(run):
        raise DataError(
            "The script defines no function run(table); write `def run(table): ... return table`."
        )
    return cast("Callable[..., Any]", run)


def _collect(result: Any) -> Any:
    if isinstance(result, pl.LazyFrame):
        return result.collect()
    if isinstance(result, Mapping):
        return {name: _collect(value) for name, value in result.items()}
    return result


def _results(result: Any, yields: str) -> Iterator[tuple[str, pl.DataFrame]]:
    if yields == "version":
        yield "table", _table("run(table)", result)
        return
    answers = result if isinstance(result, Mapping) else {"table": result}
    if not 0 < len(answers) <= MAX_ANSWERS or not all(isinstance(name, str) for name in answers):
        raise DataError(f"An answer has 1 to {MAX_ANSWERS} tables, each under a text as its name.")
    for name, table in answers.items():
        yield f"answer:{name}", _table(f"the answer {name!r}", table)


def _table(what: str, value: Any) -> pl.DataFrame:
    if isinstance(value, pl.DataFrame):
        return value
    if value is None:
        raise DataError(f"{what} returned nothing; end the function with `return table`.")
    raise DataError(
        f"{what} returned {type(value).__name__}; return a polars DataFrame or LazyFrame",
        got=type(value).__name__,
    )


def _guarded(act: Callable[[], Any]) -> Any:
    """Any exception of the script becomes a sentence with the line of the script that raised it."""
    try:
        return act()
    except RetortError:
        raise
    except MemoryError:
        raise LimitExceeded("The script needed more memory than it may have.", limit="memory") from None
    except SystemExit as problem:
        raise DataError(
            f"The script ended itself with {problem.code!r} before it returned a table."
        ) from None
    except SyntaxError as problem:
        raise DataError(f"Line {problem.lineno}: {problem.msg}.", line=problem.lineno or 0) from None
    except BaseException as problem:  # noqa: BLE001 - a script may raise anything
        traceback.print_exc(file=sys.stderr)
        raise _error(problem) from None


def _error(problem: BaseException) -> DataError:
    lines = [frame.lineno for frame in traceback.extract_tb(problem.__traceback__) if frame.filename == FILE]
    line = lines[-1] if lines else 0
    where = f"Line {line}: " if line else ""
    kind = type(problem).__name__
    return DataError(f"{where}{kind}: {str(problem)[:1500]}", line=line or 0, type=kind)
