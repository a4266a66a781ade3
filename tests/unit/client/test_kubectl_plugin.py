"""The plugin against a stand-in for the program kubectl: what it is asked, what is made of its answers."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from retort_client.kubectl.cluster import Program, Tasks, objects, refusal, settled
from retort_client.kubectl.main import application
from retort_core.errors import BadInput, Infrastructure, NotFound, PolicyDenied, QuotaExceeded

COMMIT = "ab" * 32


def condition(kind: str, status: str = "True") -> dict[str, Any]:
    return {"type": kind, "status": status, "reason": "Because", "lastTransitionTime": "2026-01-01T00:00:00Z"}


def task(*conditions: str, **status: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "survey-x", "uid": "u-1"},
        "spec": {"datasetName": "survey"},
        "status": {"conditions": [condition(kind) for kind in conditions], "message": "told", **status},
    }


QUESTION = {
    "id": "q-0",
    "text": "which one?",
    "slots": [
        {
            "id": "s",
            "text": "t",
            "options": [{"id": "o1", "label": "the first"}, {"id": "o2", "label": "the last"}],
        }
    ],
}
DONE = task("Complete", result={"commit": COMMIT, "branch": "main", "counts": {"rowsRemoved": 3}})


class Fake:
    """Remembers what it was asked and answers from a list; a watch gives all of `later`."""

    def __init__(self, *answers: Any, later: tuple[Any, ...] = ()) -> None:
        self.answers, self.later = list(answers), later
        self.asked: list[tuple[list[str], str]] = []

    def __call__(self, arguments: Any, given: str = "") -> str:
        self.asked.append((list(arguments), given))
        found = self.answers.pop(0)
        return found if isinstance(found, str) else json.dumps(found)

    def watch(self, arguments: Any, seconds: float) -> Any:
        self.asked.append((list(arguments), f"watch {seconds}"))
        yield from self.later


WHOAMI = {"status": {"userInfo": {"username": "amy"}}}


def run(fake: Fake, *arguments: str) -> Any:
    return CliRunner().invoke(application(fake), list(arguments), env={"COLUMNS": "200", "RETORT_URL": ""})


def test_saying_makes_a_task_in_ones_own_name_and_tells_what_came_of_it() -> None:
    fake = Fake(WHOAMI, task(), task("Accepted"), later=(task("Accepted", "Running"), DONE, task()))
    done = run(fake, "-n", "research", "say", "-d", "survey", "去掉重复的行")
    assert done.exit_code == 0, done.output
    body = json.loads(fake.asked[1][1])
    assert body["spec"]["requester"] == "amy"
    assert body["spec"]["source"] == {"instruction": {"text": "去掉重复的行"}}
    assert fake.asked[1][0][:3] == ["create", "--namespace", "research"]
    assert "− 3 rows" in done.output
    assert COMMIT[:12] in done.output


def test_a_question_is_shown_with_its_buttons_and_the_way_to_press_them() -> None:
    asked = task("AwaitingInput", question=QUESTION)
    done = run(Fake(WHOAMI, task(), asked), "say", "-d", "survey", "x")
    assert done.exit_code == 3
    assert "[o1] the first" in done.output
    assert "kubectl retort answer survey-x" in done.output


@pytest.mark.parametrize(("words", "field"), [("o2", "choice"), ("the one in the middle", "text")])
def test_a_button_is_pressed_and_words_are_said(words: str, field: str) -> None:
    fake = Fake(task("AwaitingInput", question=QUESTION), task(), DONE)
    assert run(fake, "answer", "survey-x", words).exit_code == 0
    patch = json.loads(fake.asked[1][0][-3])
    assert patch["spec"]["answer"] == {"questionID": "q-0", field: words, "scope": "Once"}


@pytest.mark.parametrize(("option", "decision"), [((), "Approved"), (("--no",), "Rejected")])
@pytest.mark.parametrize("may", ["yes", "no"])
def test_a_yes_or_no_names_exactly_the_staged_version_and_who_says_it(
    option: tuple[str, ...], decision: str, may: str
) -> None:
    fake = Fake(task("AwaitingInput", staged={"commit": COMMIT}), WHOAMI, f"{may}\n", task(), DONE)
    assert run(fake, "approve", "survey-x", *option).exit_code == 0
    asked = "auth can-i update branches.retort.dev --subresource protected"
    assert " ".join(fake.asked[2][0]) == asked
    assert json.loads(fake.asked[3][0][-3])["spec"]["approval"] == {
        "commit": COMMIT, "decision": decision, "approver": "amy", "appliesTo": "ProtectedBranch" if may == "yes" else "Branch",
    }  # fmt: skip


def test_an_answer_to_nothing_says_so() -> None:
    done = run(Fake(DONE), "answer", "survey-x", "o1")
    assert isinstance(done.exception, BadInput)


def test_a_failure_is_exit_status_one() -> None:
    fake = Fake(task(), task("Failed"))
    assert run(fake, "cancel", "survey-x").exit_code == 1
    assert json.loads(fake.asked[0][0][-3]) == {"spec": {"desiredState": "Cancelled"}}


def commit(number: int, *parents: int) -> dict[str, Any]:
    spec = {
        "commit": f"{number:064x}",
        "sequence": number,
        "datasetName": "survey",
        "title": f"step {number}",
        "parents": [f"{parent:064x}" for parent in parents],
        "branch": "main" if number == 3 else "",
        "counts": {"cellsChanged": number},
    }
    return {"spec": spec}


def test_the_history_is_a_graph_newest_first() -> None:
    done = run(Fake({"items": [commit(1), commit(3, 1), commit(2, 1)]}), "log", "--graph")
    lines = done.output.splitlines()
    assert "step 3" in lines[0]
    assert "(main)" in lines[0]
    assert [line for line in lines if "●" in line][-1].endswith("~ 1 cells")


def test_regression_a_graph_of_many_branches_is_not_broken_in_the_middle_of_an_id() -> None:
    def of(number: int, *parents: int) -> dict[str, Any]:
        ids = {"commit": f"{number:02x}" * 32, "parents": [f"{parent:02x}" * 32 for parent in parents]}
        return {"spec": {**commit(number)["spec"], **ids}}

    many = [of(number, 1) for number in range(40, 1, -1)]
    fake = Fake({"items": [*many, of(1)]})
    done = CliRunner().invoke(application(fake), ["log", "--graph"], env={"COLUMNS": "80", "RETORT_URL": ""})
    lines = done.output.splitlines()
    for one in many:
        (line,) = [line for line in lines if one["spec"]["commit"][:12] in line]
        assert "●" in line
        assert one["spec"]["title"] in line


def test_logs_are_conditions_and_events_in_order() -> None:
    events = {
        "items": [{"reason": "Claimed", "message": "executor-1", "lastTimestamp": "2025-01-01T00:00:00Z"}]
    }
    done = run(Fake(task("Accepted"), events), "logs", "survey-x")
    first, second = done.output.splitlines()
    assert "Claimed" in first
    assert "Accepted=True" in second


def test_cells_are_asked_of_the_api_and_its_address_must_be_known() -> None:
    done = run(Fake(), "diff", "a", "b", "-d", "survey")
    assert isinstance(done.exception, BadInput)
    assert "RETORT_URL" in done.exception.message


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ('Error from server (NotFound): agenttasks.retort.dev "x" not found', NotFound),
        ('Error from server (Forbidden): agenttasks.retort.dev "x" is forbidden: no', PolicyDenied),
        ("Unable to connect to the server", Infrastructure),
        ("", Infrastructure),
    ],
)
def test_what_kubectl_refuses_keeps_its_words(words: str, kind: type[Exception]) -> None:
    found = refusal(words)
    assert type(found) is kind
    assert found.message


QUOTA = (
    'Error from server (Forbidden): error when creating "STDIN": agenttasks.retort.dev "survey-" is forbidden: exceeded quota: '
    "tasks, requested: count/agenttasks.retort.dev=1, used: count/agenttasks.retort.dev=10000, limited: count/agenttasks.retort.dev=10000"
)


@pytest.mark.parametrize("more", ["", ",pods=7"])
def test_a_used_up_quota_is_told_with_its_number_and_what_to_do(more: str) -> None:
    found = refusal(QUOTA.replace("=1,", f"=1{more},").replace("=10000", f"=10000{more}"))
    assert isinstance(found, QuotaExceeded)
    assert found.details == {"quota": "tasks", "used": 10_000, "allowed": 10_000}
    for said in ("'tasks'", "10,000 tasks", "kubectl delete agenttask", "larger quota"):
        assert said in found.message


def test_a_quota_of_something_else_keeps_the_server_s_words() -> None:
    found = refusal(QUOTA.replace("count/agenttasks.retort.dev", "requests.memory"))
    assert isinstance(found, QuotaExceeded)
    assert "requests.memory=10000" in found.message


def test_an_answered_question_is_no_longer_waited_on() -> None:
    asked = task("AwaitingInput", question=QUESTION)
    assert settled(asked)
    asked["spec"]["answer"] = {"questionID": "q-0", "choice": "o1"}
    assert not settled(asked)


@given(
    st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3), max_size=5),
    st.integers(1, 7),
)
def test_objects_arrive_whole_in_whatever_pieces(found: list[dict[str, str]], size: int) -> None:
    data = "\n".join(json.dumps(one, ensure_ascii=False, indent=2) for one in found).encode(
        "utf-8", "surrogatepass"
    )
    pieces = [data[at : at + size] for at in range(0, len(data), size)]
    assert list(objects(pieces)) == found


def program(folder: Path, script: str) -> str:
    path = folder / "kubectl"
    path.write_text("#!/bin/sh\n" + script)
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_the_program_gets_the_options_and_its_watch_ends_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = 'case "$*" in *--watch*) printf \'{"a": 1}{"b":\'; printf \' 2}\'; exec sleep 60;; *) echo "$@"; cat;; esac\n'
    monkeypatch.setenv("RETORT_KUBECTL", program(tmp_path, script))
    kubectl = Program(("--context=c",))
    assert kubectl(["get", "at"], "input") == "--context=c get at\ninput"
    assert list(kubectl.watch(["get"], 0.5)) == [{"a": 1}, {"b": 2}]


def test_without_kubectl_the_plugin_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    with pytest.raises(BadInput, match="kubectl"):
        Tasks(kubectl=Program()).whoami()


def test_what_happens_before_the_watch_begins_is_not_left_out() -> None:
    """Regression: a version approved and complete within a tenth of a second was waited for in vain. Of one object by its name
    kubectl leaves out the first event of its watch; of a list it does not."""
    fake = Fake(task("Accepted"), later=(DONE,))
    assert Tasks(kubectl=fake, namespace="research").settled("t-1", 5) == DONE
    (watched, _) = fake.asked[-1]
    assert watched[:1] == ["get"]
    assert watched[-2:] == ["--field-selector", "metadata.name=t-1"]
    assert "t-1" not in watched
