"""Verbs of people: login, logout, whoami, register, projects, protect; `members …`, `keys …`, `audit …` as groups."""

from __future__ import annotations

import getpass
import json
import os
import sys
from pathlib import Path
from typing import Annotated, cast, get_args

import typer
from pydantic import SecretStr, TypeAdapter, ValidationError
from rich.console import Group
from rich.table import Table

from retort_client.cli.desk import Json, desk
from retort_client.people import People
from retort_client.rendering import plain
from retort_client.words import say
from retort_core.auditing import Anchor, Verifier
from retort_core.errors import BadInput
from retort_core.http.access import Me, Role, Scope
from retort_core.plans import Lang

members = typer.Typer(help="Who may do what in the project.", no_args_is_help=True)
keys = typer.Typer(help="API keys for programs.", no_args_is_help=True)
audit = typer.Typer(help="The record of what was done and refused.", no_args_is_help=True)
Invitation = Annotated[
    Path | None,
    typer.Option("--invitation-file", help="File with the invitation; - reads it from the input."),
]
RoleOption = Annotated[str, typer.Option(help="member (asks and reads), analyst (changes data) or admin.")]
System = Annotated[bool, typer.Option("--system", help="Of the system instead of the project.")]
AnchorFile = Annotated[
    Path | None,
    typer.Option("--anchor", help="File that keeps where the audit ended: checked, then brought up to date."),
]


def _password(lang: Lang, *, twice: bool = False) -> SecretStr:
    """Never an argument: those are seen by everybody on the machine. RETORT_PASSWORD is for scripts and tests."""
    given = os.environ.get("RETORT_PASSWORD")
    if given:
        return SecretStr(given)
    if not sys.stdin.isatty():
        return SecretStr(sys.stdin.readline().rstrip("\n"))
    first = getpass.getpass(say("password", lang))
    if twice and getpass.getpass(say("password-again", lang)) != first:
        raise BadInput(say("passwords-differ", lang))
    return SecretStr(first)


def _who(found: Me, lang: Lang) -> Group:
    lines = [found.name + (f"  {say('system-admin', lang)}" if found.admin else "")]
    lines += [f"  {one.project}  {one.role}" for one in found.projects]
    return Group(*map(plain, lines))


def login(context: typer.Context, name: str, as_json: Json = False) -> None:
    """Log in; the password is asked for. Tokens are kept in a file of mode 0600."""
    at = desk(context)
    found = People(at.client).login(name, _password(at.lang))
    at.show(_who(found, at.lang), found, as_json=as_json)


def logout(
    context: typer.Context,
    everywhere: Annotated[bool, typer.Option("--everywhere", help="Every session of the account.")] = False,
) -> None:
    """End this session; its tokens are refused from now on."""
    at = desk(context)
    People(at.client).logout(everywhere=everywhere)
    at.console.print(say("logged-out", at.lang))


def whoami(context: typer.Context, as_json: Json = False) -> None:
    """Who the service takes you for, and your role in each project."""
    at = desk(context)
    found = People(at.client).me()
    at.show(_who(found, at.lang), found, as_json=as_json)


def register(
    context: typer.Context, name: str, invitation_file: Invitation = None, as_json: Json = False
) -> None:
    """Open an account, by an invitation unless the service lets people register themselves."""
    at = desk(context)
    token = ""
    if invitation_file is not None:
        from_input = str(invitation_file) == "-"
        token = (sys.stdin.readline() if from_input else invitation_file.read_text("utf-8")).strip()
    made = People(at.client).register(name, _password(at.lang, twice=True), token)
    at.show(plain(say("registered", at.lang, name=made.name)), made, as_json=as_json)


def projects(
    context: typer.Context,
    create: Annotated[str, typer.Option(help="Make a project of this name.")] = "",
    as_json: Json = False,
) -> None:
    """List the projects you may know of, or make one."""
    at = desk(context)
    if create:
        made = People(at.client).make_project(create)
        at.show(plain(made.name), made, as_json=as_json)
        return
    found = People(at.client).projects()
    at.show(Group(*(plain(one.name) for one in found)), found, as_json=as_json)


def protect(
    context: typer.Context,
    branch: str,
    off: Annotated[bool, typer.Option("--off", help="Lift the protection.")] = False,
    as_json: Json = False,
) -> None:
    """Let only administrators of the project change a branch; everybody else's changes wait for their yes."""
    at = desk(context)
    changed = People(at.client).protect(at.dataset().name, branch, protected=not off)
    told = say("protected" if changed.protected else "unprotected", at.lang, branch=changed.name)
    at.show(plain(told), changed, as_json=as_json)


def _role(text: str) -> Role:
    if text not in get_args(Role):
        raise BadInput(f"{text!r} is no role; there are {', '.join(get_args(Role))}.")
    return cast("Role", text)


@members.command("list")
def list_members(context: typer.Context, as_json: Json = False) -> None:
    """Everybody in the project, and their roles."""
    at = desk(context)
    found, table = People(at.client).members(), Table(box=None)
    for title in ("name", "role"):
        table.add_column(title)
    for one in found:
        table.add_row(plain(one.subject), one.role)
    at.show(table, found, as_json=as_json)


@members.command("add")
def add_member(context: typer.Context, name: str, role: RoleOption = "member", as_json: Json = False) -> None:
    """Add somebody, or change their role. `group:NAME` means a group of the identity provider."""
    at = desk(context)
    made = People(at.client).put_member(name, _role(role))
    at.show(plain(f"{made.subject}  {made.role}"), made, as_json=as_json)


@members.command("remove")
def remove_member(context: typer.Context, name: str) -> None:
    """At once; what they have under way waits for somebody else's yes."""
    at = desk(context)
    People(at.client).remove_member(name)
    at.console.print(plain(say("removed", at.lang, name=name)))


@members.command("invite")
def invite(
    context: typer.Context,
    role: RoleOption = "member",
    hours: Annotated[int, typer.Option(min=1, max=720, help="How long it is good.")] = 72,
    as_json: Json = False,
) -> None:
    """An invitation to open an account in this project; it is shown this once, and good once."""
    at = desk(context)
    made = People(at.client).invite(_role(role), hours)
    at.show(plain(made.token), made, as_json=as_json)


@keys.command("list")
def list_keys(context: typer.Context, as_json: Json = False) -> None:
    """Your keys; the keys themselves were shown when they were made."""
    at = desk(context)
    found, table = People(at.client).keys(), Table(box=None)
    for title in ("id", "title", "scopes", "until"):
        table.add_column(title)
    for one in found:
        table.add_row(one.id, plain(one.title), " ".join(one.scopes), one.expires_at.strftime("%Y-%m-%d"))
    at.show(table, found, as_json=as_json)


@keys.command("make")
def make_key(
    context: typer.Context,
    title: str,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", "-s", help="read, run, manage or admin; read by default.")
    ] = None,
    only: Annotated[str, typer.Option("--only", help="The only project it opens.")] = "",
    days: Annotated[int, typer.Option(min=1, max=366)] = 90,
    as_json: Json = False,
) -> None:
    """A key for a program, shown this once. It has no right that you have not."""
    at = desk(context)
    wanted = tuple(scope or ("read",))
    if not set(wanted) <= set(get_args(Scope)):
        raise BadInput(f"Scopes are {', '.join(get_args(Scope))}.")
    made = People(at.client).make_key(title, cast("tuple[Scope, ...]", wanted), only, days)
    at.show(plain(made.key), made, as_json=as_json)


@keys.command("revoke")
def revoke_key(context: typer.Context, identifier: str) -> None:
    """At once."""
    at = desk(context)
    People(at.client).end_key(identifier)
    at.console.print(plain(say("removed", at.lang, name=identifier)))


@audit.command("export")
def export_audit(
    context: typer.Context,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File; the screen by default.")
    ] = None,
    after: Annotated[
        Path | None, typer.Option("--after", help="An earlier export: only what came after it.")
    ] = None,
    system: System = False,
) -> None:
    """Everything as JSON lines, in the fields of Kubernetes audit events."""
    at = desk(context)
    ends = _read(after.read_text("utf-8").splitlines()).ends if after is not None else ()
    lines = People(at.client).audit(system=system, after=ends)
    if output is None:
        sys.stdout.writelines(line + "\n" for line in lines)
        return
    if output.exists():
        raise BadInput(f"{output} exists; nothing was overwritten. Choose another name.")
    with output.open("w", encoding="utf-8") as file:
        file.writelines(line + "\n" for line in lines)
    at.console.print(say("written", at.lang, path=output, size=output.stat().st_size))


@audit.command("verify")
def verify_audit(
    context: typer.Context,
    file: Annotated[Path | None, typer.Argument(help="An export; without it the service is asked.")] = None,
    anchor: AnchorFile = None,
    system: System = False,
) -> None:
    """Find any line that was edited, dropped, moved or put in. Exit status 1 when something is found."""
    at = desk(context)
    known = _anchors(anchor)
    if file is not None:
        checked = _read(file.read_text("utf-8").splitlines(), known)
        checked.finish()
    else:
        checked = People(at.client).verify_audit(known, system=system)
    for finding in checked.findings:
        at.console.print(plain(f"✗ {finding}"))
    if checked.findings:
        raise typer.Exit(1)
    if anchor is not None:
        anchor.write_text(json.dumps([one.model_dump() for one in checked.ends]), "utf-8")
    at.console.print(say("audit-whole", at.lang, lines=checked.lines))


def _read(lines: list[str], anchors: tuple[Anchor, ...] = ()) -> Verifier:
    """An export, whole or from some line on; which chain it is of, its first line says."""
    try:
        places = [json.loads(line)["retort"]["chain"] for line in lines]
        chain = str(places[0]["id"]) if places else ""
        firsts = {int(place["lane"]): place for place in reversed(places)}
        after = {
            lane: Anchor(lane=lane, seq=int(place["seq"]) - 1, hash=str(place["previous"]))
            for lane, place in firsts.items()
            if int(place["seq"]) > 1
        }
    except (ValueError, KeyError, TypeError, RecursionError):
        raise BadInput(
            "This is no export of an audit; make one with `retort audit export -o FILE`."
        ) from None
    verifier = Verifier(chain=chain, after=after, anchors=anchors)
    for line in lines:
        verifier.text(line)
    return verifier


def _anchors(path: Path | None) -> tuple[Anchor, ...]:
    if path is None or not path.exists():
        return ()
    try:
        return TypeAdapter(tuple[Anchor, ...]).validate_json(path.read_text("utf-8"))
    except ValidationError:
        raise BadInput(
            f"{path} is no anchor of an audit; `retort audit verify --anchor {path}` makes one."
        ) from None
