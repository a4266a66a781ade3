"""Every rule of the custom resources on a real API server: what it refuses, with its sentence, and what it lets through.

No chart and no operator: this test writes the status itself, which on an installed cluster only the operator may.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest

from .kube import ROOT, helm, kubectl

Body = dict[str, Any]
COMMIT, OTHER = "a" * 64, "b" * 64
TIME = "2026-11-20T08:00:00Z"
NO_BRANCHES = (
    "task/0123456789abcdef0123456789abcdef", "a/b", "main~1", "kept-0123456789ab", " main", "main\u3000", "-x", ".x", "a\nb",
)  # fmt: skip
NO_VERSIONS = ("task/0123456789abcdef0123456789abcdef", "~1", "main~x", "-x", "main~1~1")
SPEC: Body = {
    "source": {"instruction": {"text": "删除备注列"}},
    "datasetName": "满意度调查",
    "requester": "alice",
}


@pytest.fixture(scope="module", autouse=True)
def definitions() -> Iterator[None]:
    """The three definitions as this tree has them; where the chart is installed, it has brought them."""
    if "retort-cluster" in helm("list", "-q"):
        pytest.fail(
            "the chart retort-cluster is installed: its policies let nobody but the operator write a status"
        )
    kubectl("apply", "--server-side", "--force-conflicts", "-f", str(ROOT / "crds"))
    for name in ("agenttasks", "datacommits", "executorprofiles"):
        kubectl("wait", "--for=condition=Established", f"crd/{name}.retort.dev", "--timeout=30s")
    yield
    kubectl("delete", "-f", str(ROOT / "crds"), "--wait=true")


@pytest.fixture
def home(definitions: None) -> Iterator[str]:
    name = f"crds-{uuid.uuid4().hex[:8]}"
    kubectl("create", "namespace", name)
    yield name
    kubectl("delete", "namespace", name, "--wait=false")


def body(home: str, kind: str, spec: Body, name: str = "") -> str:
    meta = {"name": name or f"x-{uuid.uuid4().hex[:8]}", "namespace": home}
    return json.dumps({"apiVersion": "retort.dev/v1alpha1", "kind": kind, "metadata": meta, "spec": spec})


def task(home: str, **spec: Any) -> str:
    name = f"t-{uuid.uuid4().hex[:8]}"
    kubectl("create", "-f", "-", given=body(home, "AgentTask", {**SPEC, **spec}, name))
    return name


def patch(home: str, what: str, change: Body, *rest: str) -> tuple[str, ...]:
    return ("-n", home, "patch", what, "--type=merge", "-p", json.dumps(change), *rest)


def status(home: str, name: str, **found: Any) -> tuple[str, ...]:
    return patch(home, f"at/{name}", {"status": found}, "--subresource=status")


def condition(kind: str, **changes: str) -> Body:
    return {
        "type": kind,
        "status": "True",
        "reason": "Done",
        "message": "done",
        "lastTransitionTime": TIME,
        **changes,
    }


@pytest.mark.parametrize(
    "path", sorted((ROOT / "examples" / "resources").glob("*.json")), ids=lambda path: path.name
)
def test_examples_are_taken_as_they_stand(home: str, path: Any) -> None:
    given = json.loads(path.read_text())
    given["metadata"]["namespace"] = home
    kubectl("create", "-f", "-", "--validate=strict", given=given)


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({"source": {}}, "exactly one of instruction, plan, command, script, upload, restore must be given"),
        ({"source": {"instruction": {"text": "x"}, "restore": {"commit": COMMIT}}}, "exactly one of"),
        ({"source": {"restore": {"commit": "head"}}}, "should match"),
        ({"source": {"script": {"source": "x" * 65_537}}}, "may not be more than 65536 bytes"),
        ({"source": {"instruction": {"text": ""}}}, "at least 1 chars long"),
        ({"datasetName": "a/b"}, "should match"),
        *(({"branch": name}, "this cannot name a branch: 1 to 100 characters") for name in NO_BRANCHES),
        ({"branch": ""}, "at least 1 chars long"),
        *(({"base": name}, "this names no version: give a branch") for name in NO_VERSIONS),
        ({"review": "Never"}, "Unsupported value"),
        ({"priority": 1000}, "less than or equal to 100"),
        ({"requester": None}, "spec.requester: Required value"),
        ({"answer": {"questionID": "q", "choice": "a"}}, "a new task cannot bring an answer"),
        ({"answer": {"questionID": "q", "text": "x"}}, "a new task cannot bring an answer"),
        ({"approval": {"commit": COMMIT}}, "a new task cannot bring a yes"),
        ({"approval": {"commit": COMMIT, "decision": "Rejected"}}, "a new task cannot bring a yes"),
        ({"answer": {"questionID": "q"}}, "give either `choice` or `text`"),
        ({"answer": {"questionID": "q", "choice": "a", "text": "b"}}, "give either `choice` or `text`"),
    ],
)
def test_a_task_that_cannot_be_is_refused_with_a_sentence(home: str, spec: Body, says: str) -> None:
    assert says in kubectl.refused("create", "-f", "-", given=body(home, "AgentTask", {**SPEC, **spec}))


@pytest.mark.parametrize(
    "spec",
    [
        *({"branch": name} for name in ("草稿", "draft 2", "kept-old", "task", "x" * 100)),
        *({"base": name} for name in ("", "main", "main~2", "kept-0123456789ab", "1aeb28dac059~1", COMMIT)),
    ],
)
def test_branches_and_versions_are_named_as_over_http(home: str, spec: Body) -> None:
    task(home, **spec)


@pytest.mark.parametrize(
    ("said", "asked", "says"),
    [
        ({"answer": {"questionID": "q", "choice": "a"}}, {"question": {"id": "q", "text": "?"}}, "cannot bring an answer"),
        ({"approval": {"commit": COMMIT}}, {"staged": {"commit": COMMIT}}, "cannot bring a yes"),
    ],
)  # fmt: skip
def test_a_new_task_brings_no_answer_though_it_brings_a_status_that_asks(
    home: str, said: Body, asked: Body, says: str
) -> None:
    made = json.loads(body(home, "AgentTask", {**SPEC, **said}))
    made["status"] = {"phase": "AwaitingInput", **asked}
    assert says in kubectl.refused("create", "-f", "-", given=json.dumps(made))
    assert says in kubectl.refused("apply", "--server-side", "-f", "-", given=json.dumps(made))


def test_what_was_said_stays_said_when_the_task_is_written_to_again(home: str) -> None:
    name = task(home)
    kubectl(*status(home, name, phase="AwaitingInput", staged={"commit": COMMIT}))
    kubectl(*patch(home, f"at/{name}", {"spec": {"approval": {"commit": COMMIT}}}))
    kubectl(*status(home, name, phase="Running", staged=None))
    kubectl(*patch(home, f"at/{name}", {"metadata": {"labels": {"mine": "yes"}}}))
    kubectl(*patch(home, f"at/{name}", {"spec": {"desiredState": "Cancelled"}}))


def test_a_specification_of_a_mebibyte_is_refused(home: str) -> None:
    spec = {**SPEC, "source": {"plan": {"json": "x" * (1 << 20)}}}
    assert kubectl.refused("create", "-f", "-", given=body(home, "AgentTask", spec))


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("source", {"instruction": {"text": "other words"}}), ("datasetName", "other"), ("base", "main"),
        ("branch", "draft"), ("review", "Auto"), ("profileName", "huge"), ("requester", "mallory"), ("lang", "en"),
        ("conversation", "c"), ("priority", 9), ("queueTimeoutSeconds", 5), ("activeDeadlineSeconds", 5),
        ("infrastructureRetries", 9),
    ],
)  # fmt: skip
def test_what_was_asked_for_never_changes(home: str, field: str, value: Any) -> None:
    says = f"{field} is immutable: make another task"
    assert says in kubectl.refused(*patch(home, f"at/{task(home)}", {"spec": {field: value}}))
    if field not in ("source", "datasetName", "requester"):  # those have no default to fall back to
        name = task(home, **{field: value})
        assert says in kubectl.refused(*patch(home, f"at/{name}", {"spec": {field: None}}))


def test_the_time_to_live_may_change_and_cancelling_has_no_way_back(home: str) -> None:
    name = task(home)
    kubectl(*patch(home, f"at/{name}", {"spec": {"ttlSecondsAfterFinished": 5}}))
    kubectl(*patch(home, f"at/{name}", {"spec": {"desiredState": "Cancelled"}}))
    assert "a cancelled task stays cancelled" in kubectl.refused(
        *patch(home, f"at/{name}", {"spec": {"desiredState": "Running"}})
    )


def test_an_answer_needs_its_open_question(home: str) -> None:
    name = task(home)
    answer = {"spec": {"answer": {"questionID": "q1", "choice": "a"}}}
    assert "there is no such open question" in kubectl.refused(*patch(home, f"at/{name}", answer))
    kubectl(*status(home, name, phase="AwaitingInput", question={"id": "q1", "text": "?"}))
    wrong = {"spec": {"answer": {"questionID": "q2", "choice": "a"}}}
    assert "there is no such open question" in kubectl.refused(*patch(home, f"at/{name}", wrong))
    kubectl(*patch(home, f"at/{name}", answer))
    kubectl(
        *status(home, name, phase="Running", question=None)
    )  # the operator goes on with the answer still there
    kubectl(*patch(home, f"at/{name}", {"spec": {"ttlSecondsAfterFinished": 7}}))


def test_an_approval_is_of_the_staged_version_only(home: str) -> None:
    name = task(home)
    kubectl(*status(home, name, phase="AwaitingInput", staged={"commit": COMMIT}))
    assert "no such version waits" in kubectl.refused(
        *patch(home, f"at/{name}", {"spec": {"approval": {"commit": OTHER}}})
    )
    kubectl(*patch(home, f"at/{name}", {"spec": {"approval": {"commit": COMMIT, "decision": "Rejected"}}}))


def test_what_is_over_stays_as_it_ended(home: str) -> None:
    name = task(home)
    kubectl(
        *status(home, name, phase="Complete", conditions=[condition("Complete")], result={"commit": COMMIT})
    )
    kubectl("-n", home, "wait", "--for=condition=Complete", f"at/{name}", "--timeout=5s")
    assert "can no longer be cancelled" in kubectl.refused(
        *patch(home, f"at/{name}", {"spec": {"desiredState": "Cancelled"}})
    )
    kept = "how a task ended never changes"
    assert kept in kubectl.refused(*status(home, name, conditions=[]))
    assert kept in kubectl.refused(*status(home, name, conditions=None))
    assert kept in kubectl.refused(*status(home, name, conditions=[condition("Complete", reason="Other")]))
    assert kept in kubectl.refused(*status(home, name, conditions=[condition("Failed")]))
    both = [condition("Complete"), condition("Failed")]
    assert "a task ends once" in kubectl.refused(*status(home, name, conditions=both))
    assert "the version a task made never changes" in kubectl.refused(
        *status(home, name, result={"commit": OTHER})
    )
    kubectl(*status(home, name, message="told again"))
    kubectl(*patch(home, f"at/{name}", {"spec": {"ttlSecondsAfterFinished": 1}}))


def test_a_status_comes_by_its_own_way_only(home: str) -> None:
    name = task(home)
    kubectl(*patch(home, f"at/{name}", {"status": {"phase": "Complete"}}))
    assert "phase" not in kubectl.json("get", "-n", home, f"at/{name}").get("status", {})


def test_defaults_are_filled_in(home: str) -> None:
    spec = kubectl.json("get", "-n", home, f"at/{task(home)}")["spec"]
    found = {name: spec[name] for name in ("branch", "review", "profileName", "priority", "desiredState")}
    assert found == {
        "branch": "main",
        "review": "WhenSurprising",
        "profileName": "default",
        "priority": 0,
        "desiredState": "Running",
    }


def test_a_version_never_changes(home: str) -> None:
    given = json.loads((ROOT / "examples" / "resources" / "satisfaction-1aeb28dac059.json").read_text())
    kubectl("create", "-f", "-", given=body(home, "DataCommit", given["spec"], "v1"))
    assert "a version never changes" in kubectl.refused(
        *patch(home, "dc/v1", {"spec": {"title": "something else"}})
    )
    kubectl(*patch(home, "dc/v1", {"metadata": {"labels": {"mine": "yes"}}}))


def test_a_profile_is_scaled_within_its_capacity(home: str) -> None:
    spec = {"image": "x@sha256:" + "0" * 64, "replicas": 2, "capacity": 5}
    kubectl("create", "-f", "-", given=body(home, "ExecutorProfile", spec, "p"))
    kubectl("-n", home, "scale", "exp/p", "--replicas=4")
    assert kubectl.json("get", "-n", home, "exp/p")["spec"]["replicas"] == 4
    assert "must not exceed capacity" in kubectl.refused("-n", home, "scale", "exp/p", "--replicas=6")
    assert "should match" in kubectl.refused(
        *patch(home, "exp/p", {"spec": {"resources": {"memory": "much"}}})
    )


def test_it_reads_well(home: str) -> None:
    name = task(home)
    kubectl(*status(home, name, phase="Running", plan={"digest": "d", "title": "删除备注列"}))
    lines = kubectl("-n", home, "get", "at").splitlines()
    assert lines[0].split() == ["NAME", "DATASET", "PHASE", "TITLE", "ROWS", "AGE"]
    assert lines[1].split()[:4] == [name, "满意度调查", "Running", "删除备注列"]
    assert name in kubectl("-n", home, "get", "retort")
