"""The reference page of the command line, from the commands themselves."""

from __future__ import annotations

from typing import Any

import typer
from typer.core import TyperGroup, TyperOption

from retort_client.cli.main import application


def _row(parameter: Any) -> str:
    option = isinstance(parameter, TyperOption)
    names = ", ".join(f"`{name}`" for name in parameter.opts) if option else f"`{parameter.name.upper()}`"
    return f"| {names} | {getattr(parameter, 'help', None) or ''} |"


def _section(name: str, command: Any) -> str:
    rows = "\n".join(_row(parameter) for parameter in command.params)
    table = f"\n| argument or option | meaning |\n|---|---|\n{rows}\n" if rows else ""
    return f"## `retort {name}`\n\n{(command.help or '').strip()}\n{table}"


def render() -> str:
    """Markdown, in the order of `retort --help`."""
    program = typer.main.get_command(application())
    if not isinstance(program, TyperGroup):
        raise TypeError("the program has commands")
    sections = [
        _section(f"{name} {inner}", one) if inner else _section(name, one)
        for name, command in program.commands.items()
        for inner, one in (command.commands.items() if isinstance(command, TyperGroup) else [("", command)])
    ]
    head = "# Command line\n\nExit status: 0 done, 1 refused or failed, 2 wrong usage, 3 waits for an answer.\n\n"
    return head + "\n".join(sections)
