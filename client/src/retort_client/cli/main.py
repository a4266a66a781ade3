"""The `retort` program: global options, commands of this and of other installed members, errors as sentences."""

from __future__ import annotations

import sys
from importlib.metadata import entry_points
from typing import Annotated, Any

import typer
from rich.console import Console, Group

from retort_client.cli import loading, people, remembering, talking, templating, versions
from retort_client.cli.desk import Json, build, desk
from retort_client.rendering import plain
from retort_core.errors import RetortError

COMMANDS = (
    loading.load, talking.say_, talking.answer, talking.approve, talking.undo, talking.redo, talking.suggest,
    versions.show, versions.log, versions.diff, versions.profile, versions.quality, versions.script, loading.run,
    versions.branch, versions.export, versions.report, versions.datasets, versions.use,
    people.login, people.logout, people.whoami, people.register, people.projects, people.protect,
)  # fmt: skip
# Commands of other members (`retort up` comes with retort-api): each takes the remaining arguments.
GROUP = "retort.commands"
FOREIGN = {
    "up": "Start the whole product as one process on this machine.",
    "serve": "Start the service on PostgreSQL and S3.",
    "migrate": "Bring the database to this release, or a home onto real servers.",
    "fsck": "Check every version that is recorded.",
}


def about(context: typer.Context, as_json: Json = False) -> None:
    """What the service is, and which walls truly stand around its runs."""
    at = desk(context)
    found = at.client.about()
    lines = [f"retort {found.version}  planner: {found.planner}"]
    lines += [f"  {'✓' if wall.enforced else '✗'} {wall.name}  {wall.detail}" for wall in found.barriers]
    lines += [f"  {limit.name}: {limit.value:,} {limit.unit}" for limit in found.limits]
    at.show(Group(*map(plain, lines)), found, as_json=as_json)


def application() -> typer.Typer:
    app = typer.Typer(
        help="Say what should happen to a table; every instruction becomes a version.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def options(
        context: typer.Context,
        url: Annotated[str, typer.Option(envvar="RETORT_URL", help="Address of the service.")] = "",
        project: Annotated[str, typer.Option(envvar="RETORT_PROJECT", help="Project to work in.")] = "",
        dataset: Annotated[
            str, typer.Option("--dataset", "-d", envvar="RETORT_DATASET", help="Dataset to work on.")
        ] = "",
        lang: Annotated[
            str, typer.Option(envvar="RETORT_LANG", help="zh or en; the locale's by default.")
        ] = "",
    ) -> None:
        context.obj = build(url, project, dataset, lang)
        context.call_on_close(context.obj.client.close)

    for command in COMMANDS:
        app.command(command.__name__.rstrip("_"))(command)
    app.command()(about)
    app.add_typer(templating.app, name="template")
    app.add_typer(remembering.app, name="conventions")
    app.add_typer(people.members, name="members")
    app.add_typer(people.keys, name="keys")
    app.add_typer(people.audit, name="audit")
    for found in entry_points(group=GROUP):
        app.command(found.name, context_settings={"allow_extra_args": True, "ignore_unknown_options": True})(
            _foreign(found)
        )
    return app


def _foreign(found: Any) -> Any:
    def command(context: typer.Context) -> None:
        found.load()(context.args)

    command.__doc__ = FOREIGN.get(found.name)
    return command


def main() -> None:
    """Entry of the program; a RetortError becomes one sentence and exit status 1."""
    try:
        application()()
    except RetortError as error:
        Console(stderr=True).print(plain("✗ " + error.message, "bold red"))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
