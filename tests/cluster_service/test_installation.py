"""Operator, service, broker and executors together, the service and the broker as processes on PostgreSQL and S3."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import servers
from fake_cluster import Raw
from installation import READER, TENANT, Installation, migrated

pytestmark = pytest.mark.asyncio(loop_scope="module")
CSV = "用户ID,城市,打分\n" + "".join(f"{n},{'北京' if n % 3 else '上海'},{n % 11}\n" for n in range(60))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(new_database: Callable[[], str], s3: servers.S3) -> AsyncIterator[Installation]:
    database = new_database()
    env = await migrated(database, s3.bucket(database.rpartition("/")[2]))
    async with Installation(env) as found:
        yield found


async def uploaded(at: Installation, name: str, namespace: str = TENANT) -> Raw:
    return await at.uploaded(name, CSV.encode(), namespace)


def uid_of(at: Installation, name: str) -> str:
    found = at.cluster.get("agenttasks", name, TENANT)
    assert found is not None
    uid: str = found["metadata"]["uid"]
    return uid.replace("-", "")


async def test_from_an_upload_over_http_to_words_on_an_object_to_versions_in_kubectl(
    at: Installation,
) -> None:
    first = await uploaded(at, "flow")
    made = [one for one in at.cluster.all("agenttasks", TENANT) if one["spec"]["datasetName"] == "flow"]
    assert [one["metadata"]["uid"].replace("-", "") for one in made] == [first["uid"]]
    assert made[0]["spec"]["requester"] == "amy"

    at.task("drop", {"instruction": {"text": "删除打分列"}}, datasetName="flow")
    status = await at.phase("drop", "Complete", "Failed")
    assert status["phase"] == "Complete", status
    commit = status["result"]["commit"]
    async with at.person("amy") as amy:
        history = (await amy.get("/datasets/flow/commits")).json()["items"]
        page = (await amy.get(f"/datasets/flow/commits/{commit}/table", params={"limit": 2})).json()
    assert history[0]["id"] == commit
    assert [column["name"] for column in page["columns"]] == ["用户ID", "城市"]

    def projected() -> bool:
        return {one["spec"]["commit"] for one in at.cluster.all("datacommits", TENANT)} >= {commit}

    await at.until(projected, 10)


async def test_a_question_is_answered_on_the_object_and_over_http(at: Installation) -> None:
    await uploaded(at, "asked")
    at.task("one", {"instruction": {"text": "处理一下打分列"}}, datasetName="asked")
    asked = (await at.phase("one", "AwaitingInput", "Failed"))["question"]
    choice = "+".join(slot["options"][0]["id"] for slot in asked["slots"])
    at.cluster.change(
        "agenttasks", "one", TENANT, {"spec": {"answer": {"questionID": asked["id"], "choice": choice}}}
    )
    await at.until(lambda: (at.status("one").get("question") or {}).get("id") != asked["id"])

    async with at.person("amy") as amy:
        body = {"source": {"instruction": {"text": "处理一下打分列"}}}
        uid = (await amy.post("/datasets/asked/tasks", json=body)).json()["uid"]
        task = (await amy.get(f"/tasks/{uid}", params={"wait": 30})).json()
        question = task["status"]["question"]
        choice = "+".join(slot["options"][0]["id"] for slot in question["slots"])
        reply = await amy.post(f"/tasks/{uid}/answer", json={"question": question["id"], "choice": choice})
        assert reply.status_code in (200, 202), reply.text
        assert (reply.json()["status"].get("question") or {}).get("id") != question["id"]


async def test_an_account_with_the_name_of_a_user_of_the_cluster_is_somebody_else(at: Installation) -> None:
    """Regression: whoever opened an account of that name could answer and cancel that user's tasks, and look like them."""
    await uploaded(at, "names")
    async with at.person("amy") as amy, await at.account("amy") as other:
        body = {"source": {"instruction": {"text": "处理一下打分列"}}}
        uid = (await amy.post("/datasets/names/tasks", json=body)).json()["uid"]
        question = (await amy.get(f"/tasks/{uid}", params={"wait": 30})).json()["status"]["question"]
        choice = "+".join(slot["options"][0]["id"] for slot in question["slots"])
        answer = {"question": question["id"], "choice": choice}
        assert (await other.post(f"/tasks/{uid}/answer", json=answer)).status_code == 403
        assert (await other.post(f"/tasks/{uid}/cancel")).status_code == 403
        theirs = (await other.post("/datasets/names/tasks", json=body)).json()
        assert theirs["requester"] == "retort:amy"
        assert (await amy.post(f"/tasks/{theirs['uid']}/cancel")).status_code == 403
        assert (await amy.post(f"/tasks/{uid}/cancel")).status_code in (200, 202)
    asked = {one["spec"]["requester"] for one in at.cluster.all("agenttasks", TENANT)
             if one["spec"]["datasetName"] == "names" and "instruction" in one["spec"]["source"]}  # fmt: skip
    assert asked == {"amy", "retort:amy"}


async def test_rights_of_a_requester_over_http_hold_however_fast_the_operator_is(at: Installation) -> None:
    """The object is told of before its row is written; still a reader's change waits for somebody else's yes."""
    await uploaded(at, "rights")
    async with at.person("rob", READER) as rob:
        body = {"source": {"instruction": {"text": "删除打分列"}}}
        reply = await rob.post("/datasets/rights/tasks", json=body)
        assert reply.status_code == 202, reply.text
        task = (await rob.get(f"/tasks/{reply.json()['uid']}", params={"wait": 50})).json()
    assert task["phase"] == "AwaitingInput", task["status"]
    assert task["status"]["staged"] is not None
    (own,) = [one for one in at.cluster.all("agenttasks", TENANT) if one["spec"]["requester"] == "rob"]
    assert own["spec"]["review"] == "Always"


async def test_a_used_up_quota_of_the_namespace_is_told_as_one_and_with_what_to_do(at: Installation) -> None:
    await uploaded(at, "counted")
    there = len(at.cluster.all("agenttasks", TENANT))
    at.cluster.quotas["agenttasks"] = there
    try:
        async with at.person("amy") as amy:
            body = {"source": {"instruction": {"text": "删除打分列"}}}
            refused = await amy.post("/datasets/counted/tasks", json=body)
            at.cluster.quotas.clear()
            taken = await amy.post("/datasets/counted/tasks", json=body)
    finally:
        at.cluster.quotas.clear()
    problem = refused.json()
    assert (refused.status_code, problem["code"]) == (403, "quota-exceeded")
    assert problem["details"] == {"quota": "tasks", "used": there, "allowed": there}
    assert "kubectl delete agenttask" in problem["detail"]
    assert not problem.get("retryable")
    assert taken.status_code == 202, taken.text


async def test_the_same_request_twice_is_one_object_and_another_one_under_its_key_is_refused(
    at: Installation,
) -> None:
    await uploaded(at, "twice")
    async with at.person("amy") as amy:

        async def ask(text: str) -> Any:
            body = {"source": {"instruction": {"text": text}}}
            return await amy.post("/datasets/twice/tasks", json=body, headers={"idempotency-key": "k1"})

        one, two = await asyncio.gather(ask("删除打分列"), ask("删除打分列"))
        assert (one.status_code, two.status_code) == (202, 202), (one.text, two.text)
        assert one.json()["uid"] == two.json()["uid"]
        assert (await ask("删除城市列")).status_code == 422
    made = [one for one in at.cluster.all("agenttasks", TENANT) if one["spec"]["datasetName"] == "twice"]
    assert len(made) == 2  # the upload and this


async def test_an_object_that_is_deleted_while_it_waits_ends_its_task(at: Installation) -> None:
    await uploaded(at, "leaving")
    at.task("gone", {"instruction": {"text": "处理一下打分列"}}, datasetName="leaving")
    await at.phase("gone", "AwaitingInput", "Failed")
    uid = uid_of(at, "gone")
    at.cluster.remove("agenttasks", "gone", TENANT)
    async with at.person("amy") as amy, asyncio.timeout(30):
        while (task := (await amy.get(f"/tasks/{uid}", params={"wait": 5})).json())["phase"] != "Failed":
            pass  # it waits for a person until the operator has told that the object is gone
    assert task["status"]["failure"]["code"] == "cancelled"


async def test_a_namespace_made_again_is_no_heir(at: Installation) -> None:
    at.namespace("reborn")
    await uploaded(at, "people", "reborn")
    at.cluster.remove("namespaces", "reborn")
    at.namespace("reborn")
    at.task("heir", {"instruction": {"text": "删除打分列"}}, "reborn")
    status = await at.phase("heir", "Complete", "Failed", namespace="reborn")
    assert status["phase"] == "Failed"
    assert status["failure"]["code"] == "project-rebound", status
    async with at.person("eve", namespace="reborn") as eve:
        await asyncio.sleep(10)  # so long what was known of the namespace is believed
        reply = await eve.get("/datasets/people")
        root = str(eve.base_url).partition("/projects")[0]
        listed = await eve.get(f"{root}/projects")
    assert (reply.status_code, reply.json()["code"]) == (403, "project-rebound")
    assert listed.status_code == 200, "one such namespace leaves the others to be listed"


async def test_namespaces_that_nobody_opted_in_are_no_projects(at: Installation) -> None:
    at.cluster.add("namespaces", "private")
    at.namespace("fresh")
    async with at.person("amy", namespace="private") as amy:
        reply = await amy.get("/datasets")
        assert reply.status_code == 404, reply.text
        root = str(amy.base_url).partition("/projects")[0]
        made = await amy.post(f"{root}/projects", json={"name": "mine"})
        listed = (await amy.get(f"{root}/projects")).json()["items"]
    assert (made.status_code, "kubectl create namespace" in made.text) == (422, True)
    names = {one["name"] for one in listed}
    assert "fresh" in names  # opted in, and asked for by nobody yet
    assert "private" not in names


async def test_a_run_whose_executor_is_killed_runs_again_and_commits_once(at: Installation) -> None:
    await uploaded(at, "killed")
    source = "def run(table):\n    for _ in range(100_000_000):\n        pass\n    return table.head(5)\n"
    at.task("slow", {"script": {"source": source}}, datasetName="killed", review="Auto")

    def runs() -> bool:
        return at.status("slow").get("podName", "") != ""

    await at.until(runs, 30, lambda: str(at.status("slow")))
    await at.kubelet.kill(at.status("slow")["podName"])
    status = await at.phase("slow", "Complete", "Failed")
    assert status["phase"] == "Complete", json.dumps(status)
    assert status["attempt"] == 2
    async with at.person("amy") as amy:
        history = (await amy.get("/datasets/killed/commits")).json()["items"]
    assert sum(one["task"] == uid_of(at, "slow") for one in history) == 1


async def test_the_service_killed_in_the_middle_loses_nothing(at: Installation) -> None:
    await uploaded(at, "crash")
    names = [f"crash-{n}" for n in range(4)]
    for name in names:
        at.task(name, {"instruction": {"text": "删除打分列"}}, datasetName="crash", branch=name)
    await at.service.stop(9)
    await at.service.start()
    for name in names:
        status = await at.phase(name, "Complete", "Failed")
        assert status["phase"] == "Complete" or status["failure"]["code"] == "not-found", status
