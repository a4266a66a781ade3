"""`kubectl retort say | plan | answer | approve | cancel | logs | log | diff`: AgentTasks as a conversation.

Everything goes through kubectl, so contexts, credentials, RBAC and audit are the cluster's own. Cells are no part of
custom resources: `diff` asks the API for them, under RETORT_URL and RETORT_TOKEN.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import typer
from rich.console import Console, RenderableType

from retort_client import rendering as client_rendering
from retort_client.kubectl import rendering
from retort_client.kubectl.cluster import Kubectl, Program, Tasks, holds
from retort_client.rendering import plain
from retort_client.session import Client
from retort_client.words import system_lang
from retort_core.errors import BadInput, RetortError

EXIT_WAITS = 3  # as `retort` does: 0 done, 1 refused or failed, 3 waits for a person
NAMED = re.compile(r"[^a-z0-9]+")
Json = Annotated[bool, typer.Option("--json", help="Print the object as JSON.")]
Name = Annotated[str, typer.Argument(help="Name of the AgentTask.")]
Wait = Annotated[int, typer.Option(help="Seconds to wait; 0 = do not.")]


@dataclass
class Desk:
    tasks: Tasks
    console: Console = field(default_factory=Console)

    def show(self, shown: RenderableType, value: Any, *, as_json: bool, whole: bool = False) -> None:
        """`whole`: lines stay lines however long they are; broken ones would tear a graph apart."""
        if as_json:
            sys.stdout.write(json.dumps(value, ensure_ascii=False, indent=2) + "\n")
        else:
            self.console.print(shown, soft_wrap=whole)

    def settle(self, found: Mapping[str, Any], wait: int, *, as_json: bool) -> None:
        name = found["metadata"]["name"]
        last = self.tasks.settled(name, wait) if wait else found
        self.show(rendering.task(last), last, as_json=as_json)
        if holds(last, "Failed"):
            raise typer.Exit(1)
        if not holds(last, "Complete"):
            raise typer.Exit(EXIT_WAITS)


def _desk(context: typer.Context) -> Desk:
    found: Desk = context.obj
    return found


def say(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(help="What you want, in Chinese or English.")],
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="The dataset to work on.")],
    branch: Annotated[str, typer.Option(help="The branch that gets the new version.")] = "main",
    review: Annotated[str, typer.Option(help="Auto, WhenSurprising or Always.")] = "WhenSurprising",
    profile: Annotated[str, typer.Option(help="The executor profile.")] = "default",
    wait: Wait = 600,
    as_json: Json = False,
) -> None:
    """Make an AgentTask of plain words and wait for what comes of it."""
    at = _desk(context)
    spec = {
        "datasetName": dataset,
        "branch": branch,
        "review": review,
        "profileName": profile,
        "requester": at.tasks.whoami(),
        "source": {"instruction": {"text": " ".join(words)}},
    }
    prefix = NAMED.sub("-", dataset.lower()).strip("-")[:40] or "task"
    at.settle(at.tasks.create(spec, f"{prefix}-"), wait, as_json=as_json)


def plan(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """What a task runs, a sentence a step."""
    at = _desk(context)
    found = at.tasks.get(name)
    at.show(rendering.plan(found), found.get("status", {}).get("plan"), as_json=as_json)


def answer(
    context: typer.Context,
    name: Name,
    words: Annotated[
        list[str], typer.Argument(help="A button's id (o1, or o1+o3 for several slots), or words.")
    ],
    always: Annotated[bool, typer.Option("--always", help="The project remembers the answer.")] = False,
    wait: Wait = 600,
    as_json: Json = False,
) -> None:
    """Answer the question of a task by its button or in words."""
    at, text = _desk(context), " ".join(words)
    question = at.tasks.get(name).get("status", {}).get("question")
    if question is None:
        raise BadInput(f"{name} asks nothing (any more).")
    buttons = {option["id"] for slot in question.get("slots", []) for option in slot.get("options", [])}
    pressed = all(part in buttons for part in text.split("+"))
    given = {
        "questionID": question["id"],
        "choice" if pressed else "text": text,
        "scope": "Always" if always else "Once",
    }
    at.settle(at.tasks.patch(name, {"answer": given}), wait, as_json=as_json)


def approve(
    context: typer.Context,
    name: Name,
    refuse: Annotated[bool, typer.Option("--no", help="Refuse: the branch stays where it is.")] = False,
    wait: Wait = 600,
    as_json: Json = False,
) -> None:
    """Say yes (or no) to exactly the version that a task has staged."""
    at = _desk(context)
    staged = at.tasks.get(name).get("status", {}).get("staged")
    if staged is None:
        raise BadInput(f"Nothing of {name} waits for a yes.")
    given = {
        "commit": staged["commit"],
        "decision": "Rejected" if refuse else "Approved",
        "approver": at.tasks.whoami(),
        "appliesTo": "ProtectedBranch" if at.tasks.may("update", "branches", "protected") else "Branch",
    }
    at.settle(at.tasks.patch(name, {"approval": given}), wait, as_json=as_json)


def cancel(context: typer.Context, name: Name, wait: Wait = 60, as_json: Json = False) -> None:
    """End a task; what it has not published is gone, what it has stays."""
    at = _desk(context)
    found = at.tasks.patch(name, {"desiredState": "Cancelled"})
    last = at.tasks.settled(name, wait) if wait else found
    at.show(rendering.task(last), last, as_json=as_json)
    if last.get("status", {}).get("failure", {}).get("class") != "Cancelled" and wait:
        raise typer.Exit(0 if holds(last, "Complete") else 1)


def logs(context: typer.Context, name: Name, as_json: Json = False) -> None:
    """How a task went: its conditions and events in order."""
    at = _desk(context)
    found = at.tasks.get(name)
    told = at.tasks.events(found["metadata"]["uid"])
    at.show(rendering.events(found, told), told, as_json=as_json)


def log(
    context: typer.Context,
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="Only this dataset's.")] = "",
    graph: Annotated[bool, typer.Option("--graph", help="As a graph.")] = False,
    as_json: Json = False,
) -> None:
    """The versions of this namespace, newest first."""
    at = _desk(context)
    found = [one for one in at.tasks.commits() if dataset in ("", one["spec"]["datasetName"])]
    at.show(rendering.log(found, graph=graph), found, as_json=as_json, whole=graph)


def diff(
    context: typer.Context,
    older: Annotated[str, typer.Argument(help="A version: the beginning of its id, or a branch.")],
    newer: Annotated[str, typer.Argument(help="Another one.")],
    dataset: Annotated[str, typer.Option("--dataset", "-d", help="Their dataset.")],
    project: Annotated[
        str, typer.Option(envvar="RETORT_PROJECT", help="The namespace; the context's by default.")
    ] = "",
    url: Annotated[
        str, typer.Option(envvar="RETORT_URL", help="Address of the API, which has the cells.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Compare two versions cell by cell; needs the API's address (kubectl port-forward gives one)."""
    if not url:
        raise BadInput(
            "Cells are in the API, not in the cluster's objects: name it with --url or RETORT_URL."
        )
    at = _desk(context)
    namespace = project or at.tasks.namespace or _current(at.tasks.kubectl)
    with Client(url, namespace) as client:
        found = client.dataset(dataset).diff(older, newer)
    at.show(
        client_rendering.diff(found, system_lang()),
        found.model_dump(mode="json", by_alias=True),
        as_json=as_json,
    )


def _current(kubectl: Kubectl) -> str:
    found = kubectl(["config", "view", "--minify", "-o", "jsonpath={..namespace}"])
    return found or "default"


def application(kubectl: Kubectl | None = None) -> typer.Typer:
    app = typer.Typer(
        help="Say what should happen to a table; every instruction is an AgentTask and becomes a DataCommit.",
        no_args_is_help=True,
        add_completion=False,
        pretty_exceptions_enable=False,
    )

    @app.callback()
    def options(
        context: typer.Context,
        namespace: Annotated[str, typer.Option("--namespace", "-n", help="The project.")] = "",
        kubeconfig: Annotated[str, typer.Option(help="As of kubectl.")] = "",
        cluster_context: Annotated[str, typer.Option("--context", help="As of kubectl.")] = "",
    ) -> None:
        given = [("--kubeconfig", kubeconfig), ("--context", cluster_context)]
        passed = tuple(f"{name}={value}" for name, value in given if value)
        context.obj = Desk(Tasks(kubectl=kubectl or Program(passed), namespace=namespace))

    for command in (say, plan, answer, approve, cancel, logs, log, diff):
        app.command()(command)
    return app


def main() -> None:
    """Entry of `kubectl-retort`, which kubectl finds on the PATH."""
    try:
        application()()
    except RetortError as error:
        Console(stderr=True).print(plain("✗ " + error.message, "bold red"))
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
