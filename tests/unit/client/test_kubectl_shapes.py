"""The plugin on what the cluster really holds: statuses, events and versions as the operator writes them."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from tests.unit.client.test_kubectl_plugin import Fake, run

from retort_core.http.internal import CommitFact
from retort_core.lifecycle.statuses import Condition, ConditionType, Counts, PlannedWork, TaskStatus
from retort_operator import statuses
from retort_operator.journal import Journal
from retort_operator.projection import body_of

AT = datetime(2026, 11, 20, 8, 0, tzinfo=UTC)


def without_nothing(value: Any) -> Any:
    """As a merge patch leaves it."""
    if isinstance(value, dict):
        return {name: without_nothing(one) for name, one in value.items() if one is not None}
    return [without_nothing(one) for one in value] if isinstance(value, list) else value


def raw_task(*conditions: Condition, **status: Any) -> dict[str, Any]:
    patch = statuses.patch(TaskStatus(conditions=conditions, **status), 1)
    meta = {"name": "people-x", "uid": "01234567-89ab-4def-8123-456789abcdef", "namespace": "research"}
    spec = {"datasetName": "people", "source": {"instruction": {"text": "x"}}, "requester": "amy"}
    return {"metadata": meta, "spec": spec, "status": without_nothing(json.loads(json.dumps(patch)))}


def condition(kind: ConditionType, reason: str, seconds: int, status: Any = "True") -> Condition:
    return Condition(type=kind, status=status, reason=reason, at=AT + timedelta(seconds=seconds))


def test_a_plan_is_its_title_and_a_sentence_a_step() -> None:
    work = PlannedWork(digest="d" * 64, title="删除备注列", explanation=("删除备注列", "去掉重复的行"))
    found = raw_task(condition(ConditionType.accepted, "BaseResolved", 0), plan=work)
    assert run(Fake(found), "plan", "people-x").output.splitlines() == [
        "删除备注列",
        "  1. 删除备注列",
        "  2. 去掉重复的行",
    ]
    assert json.loads(run(Fake(found), "plan", "people-x", "--json").output)["steps"] == [
        "删除备注列",
        "去掉重复的行",
    ]


def test_a_task_without_a_plan_or_a_status_says_so() -> None:
    fresh = raw_task()
    del fresh["status"]
    for found in (fresh, raw_task(condition(ConditionType.accepted, "BaseResolved", 0))):
        assert "has no plan yet" in run(Fake(found), "plan", "people-x").output


def posted(reason: str, note: str, at: datetime) -> dict[str, Any]:
    """An event of the operator as `kubectl get events` prints it: v1, where events.k8s.io has other names for its fields."""
    bodies: list[dict[str, Any]] = []

    async def create(_: Any, __: str, body: dict[str, Any]) -> None:
        bodies.append(body)

    async def note_it() -> None:
        entry: Any = SimpleNamespace(
            name="people-x", namespace="research", dashed="01234567-89ab-4def-8123-456789abcdef"
        )
        Journal(SimpleNamespace(create=create), "operator-1").note(entry, "Warning", reason, note)  # type: ignore[arg-type]
        await asyncio.sleep(0.01)

    asyncio.run(note_it())
    (body,) = bodies
    when = at.isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        "apiVersion": "v1", "kind": "Event", "metadata": body["metadata"], "involvedObject": body["regarding"],
        "reason": body["reason"], "message": body["note"], "type": body["type"], "action": body["action"],
        "eventTime": when, "firstTimestamp": None, "lastTimestamp": None, "source": {},
        "reportingComponent": body["reportingController"], "reportingInstance": body["reportingInstance"],
    }  # fmt: skip


def test_logs_are_in_order_within_a_second_too_and_of_this_life_of_the_object() -> None:
    found = raw_task(
        condition(ConditionType.accepted, "BaseResolved", 0),
        condition(ConditionType.running, "Running", 3),
        condition(ConditionType.failed, "Data", 3),
    )
    event = posted("Data", "'x' is no number", AT + timedelta(seconds=3, microseconds=250_000))
    fake = Fake(found, {"items": [event]})
    lines = run(fake, "-n", "research", "logs", "people-x").output.splitlines()
    assert [line.split("  ")[1] for line in lines] == ["Accepted=True", "Running=True", "Failed=True", "Data"]
    assert lines[-1] == "2026-11-20T08:00:03Z  Data  'x' is no number"
    assert fake.asked[1][0] == [
        "get", "--namespace", "research", "events", "--field-selector",
        f"involvedObject.uid={found['metadata']['uid']}", "-o", "json",
    ]  # fmt: skip


def shown(number: int, *parents: int, **rest: Any) -> dict[str, Any]:
    """A DataCommit as the operator makes it: what has its default is not written."""
    given: dict[str, Any] = {
        "seq": number, "id": f"{number}" * 64, "namespace": "research", "namespace_uid": "u", "dataset": "people",
        "root": "9" * 64, "title": f"step {number}", "kind": "instruction", "author": "amy", "task": "f" * 32,
        "parents": tuple(f"{one}" * 64 for one in parents), "created_at": AT,
    }  # fmt: skip
    return body_of(CommitFact(**{**given, **rest}), "1")


def test_the_history_of_real_objects_a_merge_in_it_is_drawn_whole() -> None:
    commits = [
        shown(1),
        shown(2, 1),
        shown(3, 1, counts=Counts(rows_removed=2)),
        shown(4, 2, 3, branch="main", kind="merge"),
        shown(5, dataset="other", branch="main"),
    ]
    assert "parents" not in commits[0]["spec"]
    done = run(Fake({"items": commits}), "log", "--graph", "-d", "people")
    assert [line.rstrip() for line in done.output.splitlines()] == [
        "●  444444444444 (main)  step 4",
        "│ ●  333333333333  step 3  − 2 rows",
        "● │  222222222222  step 2",
        "● │  111111111111  step 1",
        "├─╯",
    ]
    lines = run(Fake({"items": commits}), "log").output.splitlines()
    assert [line.split("step ")[1][0] for line in lines] == ["5", "4", "3", "2", "1"]


def test_a_history_whose_older_versions_are_no_longer_shown_ends_where_they_begin() -> None:
    done = run(Fake({"items": [shown(8, 7, 3), shown(7, 6)]}), "log", "--graph")
    assert done.output.splitlines() == ["●  888888888888  step 8", "●  777777777777  step 7"]


def test_nothing_shown_is_nothing_printed() -> None:
    done = run(Fake({"items": []}), "log", "--graph")
    assert (done.exit_code, done.output.strip()) == (0, "")
