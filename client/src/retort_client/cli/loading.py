"""Verbs that bring something in: load a file, run a person's own script."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from retort_client import rendering
from retort_client.cli.desk import Desk, Json, desk
from retort_client.cli.files import read_text, usable_name
from retort_client.session import DatasetClient
from retort_client.words import say
from retort_core.http.tasks import Task
from retort_core.lifecycle.sources import ScriptSource, Source, UploadMode

File = Annotated[Path, typer.Argument(exists=True, dir_okay=False, readable=True)]
PREVIEW_ROWS = 8


def dataset_name(path: Path) -> str:
    """A dataset's name from a file's: its stem without what a name may not hold."""
    return re.sub(r"[~/\\\x00-\x1f\x7f]", "_", path.stem).strip().lstrip("-.")[:100] or "data"


def load(
    context: typer.Context,
    file: File,
    name: Annotated[
        str, typer.Option("--name", help="Name of the dataset; the file's name by default.")
    ] = "",
    mode: Annotated[
        UploadMode,
        typer.Option(
            help="new; corrected: the same file again, all steps are replayed; append: more rows; codebook: labels."
        ),
    ] = "new",
    sheet: Annotated[str, typer.Option(help="Sheet of a workbook.")] = "",
    encoding: Annotated[str, typer.Option(help="Overrides detection: utf-8, gb18030, ...")] = "",
    delimiter: Annotated[str, typer.Option(help="Overrides detection.")] = "",
    as_json: Json = False,
) -> None:
    """Load a CSV, TSV, Excel or Parquet file as the first version of a dataset."""
    at = desk(context)
    called = usable_name(name, at.lang) if name else ""
    dataset = at.client.dataset(called or (dataset_name(file) if mode == "new" else at.dataset().name))
    options = {k: v for k, v in (("sheet", sheet), ("encoding", encoding), ("delimiter", delimiter)) if v}
    if at.lang == "zh":  # otherwise the file's name decides, as a sentence's own characters do
        options["lang"] = at.lang
    task = _send(at, dataset, file, mode, options, as_json=as_json)
    at.remember(dataset=dataset.name)
    at.settle(task, as_json=as_json)
    if not as_json:
        at.console.print(rendering.table_page(dataset.table(at.branch(dataset), limit=PREVIEW_ROWS), at.lang))
        found = dataset.suggestions(at.branch(dataset), at.lang)
        at.console.print(rendering.suggestions(found[:5], at.lang))


def _send(
    at: Desk, dataset: DatasetClient, file: Path, mode: UploadMode, options: dict[str, str], *, as_json: bool
) -> Task:
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn())
    with Progress(*columns, console=at.console, transient=True, disable=as_json) as progress:
        bar = progress.add_task(say("uploading", at.lang), total=file.stat().st_size)
        return dataset.upload(file, mode, options, on_bytes=lambda size: progress.advance(bar, size))


def run(
    context: typer.Context,
    script: File,
    title: Annotated[str, typer.Option(help="Title of the version.")] = "",
    as_json: Json = False,
) -> None:
    """Run your own Python on the data, confined as everything else: it defines run(table) with polars."""
    at = desk(context)
    dataset = at.dataset()
    source = Source(script=ScriptSource(source=read_text(script, at.lang), title=title or script.name))
    task = dataset.submit(
        source, conversation=at.conversation(dataset), branch=at.branch(dataset), lang=at.lang
    )
    at.settle(task, as_json=as_json)
