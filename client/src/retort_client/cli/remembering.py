"""Verbs of what a project remembers, under `retort conventions`: list, forget."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.table import Table

from retort_client.cli.desk import Json, desk
from retort_client.conventions import Conventions
from retort_client.rendering import plain
from retort_core.errors import BadInput

app = typer.Typer(help="Answers that hold from now on in this project.", no_args_is_help=True)


@app.command("list")
def listed(context: typer.Context, as_json: Json = False) -> None:
    """What is remembered, with the number that `forget` takes."""
    at = desk(context)
    found, table = Conventions(at.client).all(), Table(box=None)
    for title in ("", "question", "answer"):
        table.add_column(title)
    for number, one in enumerate(found, 1):
        table.add_row(str(number), plain(one.question), plain(one.label))
    at.show(table, found, as_json=as_json)


@app.command()
def forget(
    context: typer.Context,
    number: Annotated[int, typer.Argument(min=1, help="As `list` counts them.")],
    as_json: Json = False,
) -> None:
    """Ask this question again from now on; what was done stays."""
    at = desk(context)
    found = Conventions(at.client).all()
    if number > len(found):
        raise BadInput(f"{number} is not in the list: {len(found)} are remembered.")
    gone = found[number - 1]
    Conventions(at.client).forget(gone.id)
    at.show(plain(f"− {gone.question} → {gone.label}"), gone, as_json=as_json)
