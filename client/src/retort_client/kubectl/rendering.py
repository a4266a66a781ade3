"""AgentTasks and DataCommits as lines of a terminal. Text of strangers goes through `plain`, never through markup."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.text import Text

from retort_client.graph import Node, lanes
from retort_client.kubectl.cluster import holds
from retort_client.rendering import plain

SIGNS = {"rowsRemoved": "− {} rows", "rowsAdded": "+ {} rows", "columnsRemoved": "− {} columns", "columnsAdded": "+ {} columns", "cellsChanged": "~ {} cells", "cellsSetMissing": "∅ {} cells"}  # fmt: skip


def task(found: Mapping[str, Any]) -> RenderableType:
    """What became of it, and what to do where it waits."""
    name, status = found["metadata"]["name"], found.get("status", {})
    lines = [plain(f"{mark(found)} {name}  {status.get('message', '')}")]
    lines += [plain(f"  {at}. {step}") for at, step in enumerate(status.get("plan", {}).get("steps", []), 1)]
    question, staged = status.get("question"), status.get("staged")
    if holds(found, "AwaitingInput") and question is not None:
        lines += _question(name, question)
    elif holds(found, "AwaitingInput") and staged is not None:
        lines += [
            plain(f"  {counts(staged.get('counts', {}))}"),
            plain(f"  kubectl retort approve {name} [--no]"),
        ]
    result = status.get("result", {})
    if result.get("commit"):
        lines.append(
            plain(
                f"  {result['commit'][:12]} on {result.get('branch', '')}  {counts(result.get('counts', {}))}"
            )
        )
    return Group(*lines)


def _question(name: str, question: Mapping[str, Any]) -> list[Text]:
    lines = [plain(f"? {question['text']}")]
    for slot in question.get("slots", []):
        if len(question["slots"]) > 1:
            lines.append(plain(f"  {slot['text']}"))
        lines += [plain(f"  [{option['id']}] {option['label']}") for option in slot.get("options", [])]
    joined = "+".join("…" for _ in question.get("slots", ())) or "…"
    return [*lines, plain(f"  kubectl retort answer {name} {joined}   (or words)")]


def mark(found: Mapping[str, Any]) -> str:
    for kind, sign in (("Complete", "✓"), ("Failed", "✗"), ("AwaitingInput", "?")):
        if holds(found, kind):
            return sign
    return "…"


def counts(given: Mapping[str, Any]) -> str:
    return "  ".join(sign.format(given[name]) for name, sign in SIGNS.items() if given.get(name))


def plan(found: Mapping[str, Any]) -> RenderableType:
    planned = found.get("status", {}).get("plan")
    if planned is None:
        return plain(f"{found['metadata']['name']} has no plan yet")
    steps = [plain(f"  {at}. {step}") for at, step in enumerate(planned.get("steps", []), 1)]
    return Group(plain(planned["title"]), *steps)


def log(commits: Iterable[Mapping[str, Any]], *, graph: bool) -> RenderableType:
    """Newest first."""
    by_id = {one["spec"]["commit"]: one["spec"] for one in commits}
    if not graph:
        return Group(*(_line(spec) for spec in by_id.values()))
    lines = []
    nodes = [Node(id=key, parents=tuple(spec.get("parents", ()))) for key, spec in by_id.items()]
    for line in lanes(nodes):
        text = Text(line.cells + "  ", style="magenta")
        lines.append(text.append_text(_line(by_id[line.node])) if line.node is not None else text)
    return Group(*lines)


def _line(spec: Mapping[str, Any]) -> Text:
    branch = f" ({spec['branch']})" if spec.get("branch") else ""
    return plain(f"{spec['commit'][:12]}{branch}  {spec['title']}  {counts(spec.get('counts', {}))}".rstrip())


def _when(event: Mapping[str, Any]) -> str:
    """Events of the older kind have the first, those of events.k8s.io the second."""
    told = event.get("lastTimestamp") or event.get("eventTime")
    return str(told or event.get("metadata", {}).get("creationTimestamp", ""))


def events(found: Mapping[str, Any], told: Iterable[Mapping[str, Any]]) -> RenderableType:
    """Conditions and events, in the order they happened. Conditions of one second are in the order of a task's life, events know
    parts of seconds."""
    lines = [
        (
            one["lastTransitionTime"],
            f"{one['type']}={one['status']}  {one['reason']}  {one.get('message', '')}",
        )
        for one in found.get("status", {}).get("conditions", [])
    ]
    lines += [(_when(one), f"{one['reason']}  {one.get('message', '')}") for one in told]
    lines.sort(key=lambda line: line[0].removesuffix("Z"))  # "…03Z" before "…03.25Z"
    return Group(*(plain(f"{at[:19]}Z  {text}".rstrip()) for at, text in lines))
