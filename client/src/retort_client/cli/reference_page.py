"""The reference page of the command line, from the commands themselves."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from retort_client.cli.main import application
from retort_client.kubectl import main as plugin


def _row(parameter: Any) -> str:
    option = isinstance(parameter, TyperOption)
    names = ", ".join(f"`{name}`" for name in parameter.opts) if option else f"`{parameter.name.upper()}`"
    return f"| {names} | {getattr(parameter, 'help', None) or ''} |"


def _section(name: str, command: Any) -> str:
    rows = "\n".join(_row(parameter) for parameter in command.params)
    table = f"\n| argument or option | meaning |\n|---|---|\n{rows}\n" if rows else ""
    return f"## `{name}`\n\n{(command.help or '').strip()}\n{table}"


def _page(title: str, program: Any, call: str) -> str:
    if not isinstance(program, TyperGroup):
        raise TypeError("the program has commands")
    sections = [
        _section(f"{call} {name} {inner}".rstrip(), one)
        for name, command in program.commands.items()
        for inner, one in (command.commands.items() if isinstance(command, TyperGroup) else [("", command)])
    ]
    head = f"# {title}\n\nExit status: 0 done, 1 refused or failed, 2 wrong usage, 3 waits for an answer.\n\n"
    return head + "\n".join(sections)


def render() -> str:
    """Markdown, in the order of `retort --help`."""
    return _page("Command line", typer.main.get_command(application()), "retort")


def render_plugin() -> str:
    """The same of the kubectl plugin."""
    return _page("kubectl retort", typer.main.get_command(plugin.application()), "kubectl retort")
