"""Verbs of templates, under `retort template`: list, show, save, fit, run, remove."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated

import typer
from pydantic import JsonValue
from rich.console import Group, RenderableType
from rich.table import Table

from retort_client.cli.desk import Desk, Json, desk
from retort_client.rendering import plain
from retort_client.templates import Templates, use
from retort_client.words import say
from retort_core.errors import BadInput
from retort_core.http.templates import TemplateFit, TemplateInfo

app = typer.Typer(help="Steps kept for other tables.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A template's name.")]
Columns = Annotated[
    list[str] | None,
    typer.Option("--column", "-c", help="TEMPLATE_COLUMN=COLUMN, where the dataset calls it otherwise."),
]
Values = Annotated[
    list[str] | None, typer.Option("--set", "-s", help="PARAMETER=VALUE, where it is not the default.")
]


@app.command("list")
def listed(context: typer.Context, as_json: Json = False) -> None:
    """The templates of the project, and those that come with the product."""
    at = desk(context)
    found, table = Templates(at.client).all(at.lang), Table(box=None)
    for title in ("name", "title", "steps"):
        table.add_column(title)
    for one in found:
        table.add_row(plain(one.name), plain(one.title), str(len(one.steps)))
    at.show(table, found, as_json=as_json)


@app.command()
def show(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """What a template does, which columns it needs and what can be set."""
    at = desk(context)
    found = Templates(at.client).get(name, at.lang)
    at.show(_described(found), found, as_json=as_json)


def _described(found: TemplateInfo) -> RenderableType:
    lines = [found.title, found.description] if found.description else [found.title]
    lines += [f"  {at}. {sentence}" for at, sentence in enumerate(found.explanation, 1)]
    lines += [f"  · {column.name}  {column.kind}" for column in found.columns]
    lines += [
        f"  {one.name} = {json.dumps(one.default, ensure_ascii=False)}  {one.label}"
        for one in found.parameters
    ]
    return Group(*map(plain, lines))


@app.command()
def save(
    context: typer.Context,
    name: Name,
    since: Annotated[
        str, typer.Option("--from", help="Version before the first edit; the import by default.")
    ] = "",
    to: Annotated[str, typer.Option(help="Last version; the branch's head by default.")] = "",
    title: Annotated[str, typer.Option(help="What people read.")] = "",
    as_json: Json = False,
) -> None:
    """Keep a stretch of this dataset's history for other tables."""
    at = desk(context)
    dataset = at.dataset()
    found = Templates(at.client).save(name, dataset.name, since, to or at.branch(dataset), title=title)
    at.show(_described(found), found, as_json=as_json)


@app.command()
def fit(
    context: typer.Context, name: Name, column: Columns = None, value: Values = None, as_json: Json = False
) -> None:
    """Say what would run on this dataset and all that stands in the way; nothing runs."""
    at = desk(context)
    dataset = at.dataset()
    wanted = use(dict(_pairs(column)), _parsed(value), at.branch(dataset))
    found = Templates(at.client).fit(name, dataset.name, wanted, at.lang)
    at.show(_met(found, at), found, as_json=as_json)
    if found.misfits:
        raise typer.Exit(1)


def _met(found: TemplateFit, at: Desk) -> RenderableType:
    lines = [f"✗ {one.column}: {one.message}" if one.column else f"✗ {one.message}" for one in found.misfits]
    for at_, one in enumerate(found.misfits):
        if one.nearest:
            lines[at_] += say("nearest", at.lang, names=", ".join(one.nearest))
    lines += [f"  {number}. {sentence}" for number, sentence in enumerate(found.explanation, 1)]
    return Group(*map(plain, lines))


@app.command()
def run(
    context: typer.Context, name: Name, column: Columns = None, value: Values = None, as_json: Json = False
) -> None:
    """Run a template on this dataset: one new version, or none."""
    at = desk(context)
    dataset = at.dataset()
    wanted = use(dict(_pairs(column)), _parsed(value), at.branch(dataset))
    at.settle(Templates(at.client).run(name, dataset.name, wanted, at.lang), as_json=as_json)


@app.command()
def remove(context: typer.Context, name: Name) -> None:
    """Remove a template; versions made with it stay."""
    Templates(desk(context).client).remove(name)


def _pairs(given: Iterable[str] | None) -> list[tuple[str, str]]:
    found = []
    for text in given or ():
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise BadInput(f"{text!r} is not NAME=VALUE.")
        found.append((name, value))
    return found


def _parsed(given: Iterable[str] | None) -> dict[str, JsonValue]:
    """Numbers as numbers, everything else as the text it is."""
    found: dict[str, JsonValue] = {}
    for name, text in _pairs(given):
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        found[name] = value if isinstance(value, int | float) and not isinstance(value, bool) else text
    return found
