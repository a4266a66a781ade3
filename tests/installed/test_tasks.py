"""Tasks on a real node, from `kubectl` to a version: Pods, PostgreSQL, S3, API server, all real."""

from __future__ import annotations

import time
from typing import Any

import pytest
from tests.cluster.kube import Refused
from tests.installed.conftest import AMY, EXECUTORS, SYSTEM, Installation
from tests.installed.machine import until
from tests.installed.work import DROP, LONG, SLOW

pytestmark = pytest.mark.timeout(400)  # the first one follows the page


def test_the_page_leads_to_a_version(installation: Installation) -> None:
    first = installation.status("first")
    assert (first["phase"], first["result"]["counts"]["rowsAfter"]) == ("Complete", 3)
    commits = installation.project.json("get", "datacommits")["items"]
    titles = {one["spec"]["title"] for one in commits if one["spec"]["datasetName"] == "survey"}
    assert "Import survey.csv" in titles
    assert "Rome" in installation.retort("show", "main")


def test_listings_and_descriptions_read_well(installation: Installation) -> None:
    tasks = installation.project("get", "at", "first").splitlines()
    assert tasks[0].split() == ["NAME", "DATASET", "PHASE", "TITLE", "ROWS", "AGE"]
    assert tasks[1].split()[:3] == ["first", "survey", "Complete"]
    versions = installation.project("get", "dc").splitlines()
    assert versions[0].split() == ["NAME", "DATASET", "BRANCH", "TITLE", "ROWS", "AUTHOR", "AGE"]
    assert any(
        "Import survey.csv" in line and line.split()[1:3] == ["survey", "main"] for line in versions
    ), versions
    story = installation.project("describe", "at", "first")
    for part in ("remove duplicate rows", "Rows Removed:", "Planned", "Running", "Complete"):
        assert part in story, story
    failed = installation.task(DROP, datasetName="nowhere")
    installation.until(failed, "Failed")
    until("the failure is an event", lambda: "nowhere" in _events(installation, failed))


def _events(installation: Installation, task: str) -> str:
    return installation.project("describe", "at", task).partition("\nEvents:")[2]


def test_the_plugin_shows_plan_story_versions_and_cells(installation: Installation) -> None:
    status = installation.status("first")
    newer = status["result"]["commit"]
    (older,) = next(
        one["spec"]["parents"]
        for one in installation.project.json("get", "datacommits")["items"]
        if one["spec"]["commit"] == newer
    )
    title, step = installation.plugin("plan", "first").splitlines()[:2]
    assert title == status["plan"]["title"]
    assert step.strip() == f"1. {status['plan']['steps'][0]}"
    assert "Complete=True" in installation.plugin("logs", "first")
    graph = installation.plugin("log", "--dataset", "survey", "--graph")
    # Titles name versions too ("Back to …"), after one space.
    assert graph.index(f"  {newer[:12]}") < graph.index(f"  {older[:12]}"), "the newest first"
    changed = installation.plugin("diff", older[:12], newer[:12], "--dataset", "survey")
    assert "Rome" in changed, changed


def test_a_question_is_answered_with_a_button(installation: Installation) -> None:
    name = installation.task(
        {"instruction": {"text": "clean up the score column"}}, base="main", branch="asked"
    )
    question = installation.until(name, "AwaitingInput", "Failed")["question"]
    assert question["text"]
    choice = "+".join(slot["options"][0]["id"] for slot in question["slots"])
    installation.plugin("answer", name, choice, "--wait", "60")
    status = installation.status(name)
    assert (status.get("question") or {}).get("id") != question["id"], status


def test_a_version_waits_for_a_yes_and_takes_effect_with_it(installation: Installation) -> None:
    name = installation.task(DROP, base="main", branch="approved", review="Always")
    staged = installation.until(name, "AwaitingInput", "Failed")["staged"]
    shown = f"datacommit/survey-{staged['commit'][:12]}"
    with pytest.raises(Refused, match="not found"):
        installation.project("get", shown)
    installation.plugin("approve", name, "--wait", "60")
    status = installation.status(name)
    assert (status["phase"], status["result"]["commit"]) == ("Complete", staged["commit"])
    branch = ("get", shown, "-o", "jsonpath={.spec.branch}")
    until("the version is shown", lambda: installation.project(*branch) == "approved")


def test_a_corrected_file_takes_one_executor_for_all_that_is_replayed(installation: Installation) -> None:
    """Regression: an executor answered its first job only, and what takes several ended as lost after half an hour."""
    own = {"RETORT_STATE": str(installation.folder / "state-wave")}
    for name, last in (("wave.csv", ""), ("fixed.csv", "4,Rome,12\n")):
        (installation.folder / name).write_text(
            f"id,city,score\n1,Paris,8\n2,Rome,11\n2,Rome,11\n3,Oslo,7\n{last}"
        )
    installation.retort("load", "wave.csv", **own)
    for words in ("remove duplicate rows", "delete the score column"):
        installation.retort("say", words, **own)
    told = installation.retort("--dataset", "wave", "load", "fixed.csv", "--mode", "corrected", **own)
    assert "2 instructions were replayed: 4 rows × 2 columns" in told, told
    tasks = installation.project.json("get", "agenttasks")["items"]
    ends = {
        (one["status"]["phase"], one["status"].get("attempt", 1))
        for one in tasks
        if one["spec"]["datasetName"] == "wave"
    }
    assert ends == {("Complete", 1)}


def test_words_through_the_plugin(installation: Installation) -> None:
    said = installation.plugin(
        "say", "-d", "survey", "--branch", "main", "how many rows are there", "--wait", "60"
    )
    assert "the data is unchanged" in said


def test_a_cancelled_task_ends_as_cancelled_and_its_executor_goes(installation: Installation) -> None:
    name = installation.task(LONG, base="main", branch="cancelled", review="Auto")
    pod = installation.until(name, "Running")["podName"]
    installation.plugin("cancel", name)
    status = installation.status(name)
    assert (status["phase"], status["failure"]["class"]) == ("Failed", "Cancelled")
    installation.kubectl.inside(EXECUTORS)("wait", "--for=delete", f"pod/{pod}", "--timeout=60s")
    installation.idle(2)


@pytest.mark.parametrize(
    ("spec", "word"), [({"datasetName": "nowhere"}, "nowhere"), ({"base": "no-such"}, "no-such")]
)
def test_what_is_not_there_is_one_failure_with_a_sentence(
    installation: Installation, spec: dict[str, Any], word: str
) -> None:
    name = installation.task(DROP, **spec)
    status = installation.until(name, "Failed")
    assert word in status["message"], status
    ends = [
        one
        for one in status["conditions"]
        if one["type"] in ("Complete", "Failed") and one["status"] == "True"
    ]
    assert len(ends) == 1


def test_a_profile_that_nobody_granted_is_refused_at_once(installation: Installation) -> None:
    with pytest.raises(Refused, match=r"executorprofiles\.retort\.dev/large"):
        installation.task(DROP, profileName="large")


def test_a_datacommit_that_was_deleted_comes_back(installation: Installation) -> None:
    commit = installation.done(DROP, base="main", branch="deleted", review="Auto")["result"]["commit"]
    path = "--for=jsonpath={.spec.commit}=" + commit
    name = f"survey-{commit[:12]}"
    installation.project("wait", f"datacommit/{name}", path, "--timeout=20s")
    uid = installation.project.json("get", "datacommit", name)["metadata"]["uid"]
    installation.project("delete", "datacommit", name)
    end = time.monotonic() + 45
    while True:
        found: Any = installation.project.json("get", "datacommits")["items"]
        again = [one["metadata"]["uid"] for one in found if one["metadata"]["name"] == name]
        if again and again != [uid]:
            return
        assert time.monotonic() < end, "it did not come back"
        time.sleep(0.5)


def test_without_a_warm_executor_one_is_made(installation: Installation) -> None:
    executors = installation.kubectl.inside(EXECUTORS)
    executors("scale", "executorprofile/default", "--replicas=0")
    try:
        executors(
            "wait",
            "--for=delete",
            "pod",
            "-l",
            "retort.dev/role=executor,retort.dev/state=idle",
            "--timeout=60s",
        )
        assert installation.done(DROP, base="main", branch="cold", review="Auto")["result"]["commit"]
    finally:
        executors("scale", "executorprofile/default", "--replicas=2")
    installation.idle(2)


def test_nobody_else_s_project_is_touched(installation: Installation) -> None:
    with pytest.raises(Refused, match="forbidden"):
        installation.kubectl.as_user(AMY).inside(SYSTEM)("get", "agenttasks")
    with pytest.raises(Refused, match="forbidden"):
        installation.kubectl.as_user(AMY).inside(EXECUTORS)("get", "pods")
    with pytest.raises(Refused, match=r"requester"):
        installation.task(DROP, requester="system:serviceaccount:other:eve")
    with pytest.raises(Refused):
        installation.project.as_user(AMY)(
            "patch",
            "agenttask",
            "first",
            "--subresource=status",
            "--type=merge",
            "-p",
            '{"status":{"phase":"Failed"}}',
        )


def test_an_executor_that_is_killed_is_one_more_attempt_and_one_version(installation: Installation) -> None:
    name = installation.task(SLOW, base="main", branch="killed", review="Auto")
    pod = installation.until(name, "Running")["podName"]
    installation.kubectl.inside(EXECUTORS)("delete", "pod", pod, "--grace-period=0", "--force")
    status = installation.until(name, "Complete", "Failed", seconds=120)
    assert (status["phase"], status["attempt"]) == ("Complete", 2), status


@pytest.mark.parametrize("part", ["operator", "api", "broker"])
def test_a_part_that_is_killed_loses_no_task(installation: Installation, part: str) -> None:
    names = [
        installation.task(DROP, base="main", branch=f"{part}-{n}", review="Auto", infrastructureRetries=5)
        for n in range(6)
    ]
    installation.kubectl.inside(SYSTEM)(
        "delete", "pod", "-l", f"app.kubernetes.io/component={part}", "--grace-period=0", "--force"
    )
    installation.ready(f"retort-{part}")
    if part == "api":
        installation.forward()
    for name in names:
        status = installation.until(name, "Complete", "Failed", seconds=120)
        assert status["phase"] == "Complete", status
