"""Verbs that look at versions: datasets, use, log, show, diff, profile, script, branch, export, report."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Group
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

from retort_client import rendering
from retort_client.cli.desk import Desk, Json, Ref, desk
from retort_client.cli.files import new_file, usable_name, wanted
from retort_client.words import WORDS, say

FORMATS = ("csv", "xlsx", "parquet")


def _ref(at: Desk, ref: str) -> str:
    return ref or at.branch(at.dataset())


def datasets(context: typer.Context, as_json: Json = False) -> None:
    """List the datasets of the project."""
    at = desk(context)
    found, table = at.client.datasets(), Table(box=None)
    for title in ("name", "rows", "columns", "head"):
        table.add_column(title, justify="right" if title in ("rows", "columns") else "left")
    for dataset in found:
        star = "* " if dataset.name == at.current.dataset else "  "
        table.add_row(
            rendering.plain(star + dataset.name), f"{dataset.rows:,}", str(dataset.columns), dataset.head[:12]
        )
    at.show(table, found, as_json=as_json)


def use(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Make a dataset the one that commands mean."""
    at = desk(context)
    info = at.client.dataset(name).info()
    at.remember(dataset=info.name)
    at.show(rendering.plain(f"{info.name}: {info.rows:,} × {info.columns}"), info, as_json=as_json)


def log(
    context: typer.Context,
    branch: Annotated[str, typer.Option(help="Only this branch's line.")] = "",
    graph: Annotated[bool, typer.Option("--graph", help="All branches and tags, as a graph.")] = False,
    as_json: Json = False,
) -> None:
    """The history: who said what, and what it changed."""
    at = desk(context)
    dataset = at.dataset()
    if graph:
        found = dataset.graph()
        at.show(rendering.history(found, at.lang), found, as_json=as_json, whole=True)
        return
    commits = list(dataset.commits(branch or at.branch(dataset)))
    lines = []
    for commit in commits:
        lines.append(rendering.commit_line(commit, at.lang, commit.branches))
        when = commit.created_at.strftime("%Y-%m-%d %H:%M")
        lines.append(rendering.plain(f"             {when}  {commit.author}  {commit.instruction}", "dim"))
    at.show(Group(*lines), commits, as_json=as_json)


def show(
    context: typer.Context,
    ref: Ref = "",
    limit: Annotated[int, typer.Option(min=1, max=1000)] = 20,
    offset: Annotated[int, typer.Option(min=0)] = 0,
    columns: Annotated[list[str] | None, typer.Option("--column", "-c", help="Only these columns.")] = None,
    as_json: Json = False,
) -> None:
    """Rows of a version, with the raw text of invalid cells."""
    at = desk(context)
    page = at.dataset().table(_ref(at, ref), offset, limit, tuple(columns or ()))
    at.show(rendering.table_page(page, at.lang), page, as_json=as_json)


def diff(
    context: typer.Context,
    older: Ref,
    newer: Ref,
    limit: Annotated[int, typer.Option(min=0, max=500)] = 20,
    as_json: Json = False,
) -> None:
    """What changed between any two versions, down to the cell."""
    at = desk(context)
    found = at.dataset().diff(older, newer, limit)
    at.show(rendering.diff(found, at.lang), found, as_json=as_json)


def quality(context: typer.Context, ref: Ref = "", as_json: Json = False) -> None:
    """The quality report: what is missing, invalid, odd or repeated, with counts."""
    at = desk(context)
    found = at.dataset().quality(_ref(at, ref), at.lang)
    head = Text(
        f"{say('rows', at.lang, n=found.rows)} × {say('columns', at.lang, n=found.columns)}", style="bold"
    )
    lines = [rendering.plain("  " + line) for line in (*found.file, *found.sentences)]
    at.show(Group(head, *lines), found, as_json=as_json)


def profile(context: typer.Context, ref: Ref = "", as_json: Json = False) -> None:
    """Every column: type, valid, missing, invalid, distinct, range."""
    at = desk(context)
    dataset, ref = at.dataset(), _ref(at, ref)
    found, schema = dataset.profile(ref), dataset.commit(ref).schema_
    at.show(rendering.profile(found, schema, at.lang), found, as_json=as_json)


def script(context: typer.Context, ref: Ref = "", as_json: Json = False) -> None:
    """The Python that made a version; it runs outside the product with polars alone."""
    at = desk(context)
    text = at.dataset().script(_ref(at, ref))
    if as_json or not at.console.is_terminal:
        sys.stdout.write(text)
    else:
        at.console.print(Syntax(text, "python", background_color="default", word_wrap=True))


def branch(
    context: typer.Context,
    name: Annotated[str, typer.Argument(help="New branch; without it, branches are listed.")] = "",
    source: Annotated[str, typer.Option("--from", help="Version to start from.")] = "",
    as_json: Json = False,
) -> None:
    """List branches, or make one; it costs no data. Move to it with `retort say 切换到NAME`."""
    at = desk(context)
    dataset = at.dataset()
    if name:
        made = dataset.branch(usable_name(name, at.lang), source or at.branch(dataset))
        at.show(rendering.plain(f"{made.name} → {made.head[:12]}"), made, as_json=as_json)
        return
    here, found = at.branch(dataset), [b for b in dataset.branches() if b.kind != "staging"]
    lines = [
        rendering.plain(f"{'*' if b.name == here else ' '} {b.name}  {b.kind}  {b.head[:12]}") for b in found
    ]
    at.show(Group(*lines), found, as_json=as_json)


Output = Annotated[Path, typer.Option("--output", "-o", help="File to write.")]
Force = Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")]


def export(
    context: typer.Context,
    output: Output,
    ref: Ref = "",
    encoding: Annotated[
        str, typer.Option(help="csv only: utf-8, utf-8-sig (opens in Excel) or gb18030.")
    ] = "utf-8",
    raw: Annotated[
        bool,
        typer.Option(help="Write the raw text of cells without a value: invalid ones, N/A, declared codes."),
    ] = True,
    hidden: Annotated[
        bool, typer.Option("--for-script", help="parquet only: with what `retort script` reads.")
    ] = False,
    force: Force = False,
) -> None:
    """Write a version as CSV, XLSX or Parquet (by the file's extension)."""
    at = desk(context)
    kind = wanted(output, FORMATS, at.lang)
    query = {"format": kind, "encoding": encoding, "raw": str(raw).lower(), "hidden": str(hidden).lower()}
    with new_file(output, at.lang, force=force) as target:
        told = at.dataset().export(_ref(at, ref), target, **query)
    _written(at, output, told)


def report(context: typer.Context, output: Output, ref: Ref = "", force: Force = False) -> None:
    """The processing report for a client: sample waterfall, steps in words with counts, removed rows, changed cells."""
    at = desk(context)
    wanted(output, ("xlsx",), at.lang)
    with new_file(output, at.lang, force=force) as target:
        at.dataset().report(_ref(at, ref), target, at.lang)
    _written(at, output, {})


def _written(at: Desk, path: Path, told: dict[str, int]) -> None:
    at.console.print(Text(say("written", at.lang, path=path, size=path.stat().st_size)))
    for code, count in told.items():
        if f"export-{code}" in WORDS:
            at.console.print(Text("  · " + say(f"export-{code}", at.lang, n=count), style="yellow"))
