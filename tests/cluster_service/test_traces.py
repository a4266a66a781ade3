"""One trace a task, from the request through operator and broker to the Pod: service and broker as processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
import pytest_asyncio
import servers
from collector import SENT_BY, Collector, Seen, collector
from fake_cluster import Raw
from installation import TENANT, Installation, migrated

from retort_operator import traces

pytestmark = pytest.mark.asyncio(loop_scope="module")
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CSV = b"id,city,score\n" + b"".join(f"{n},Rome,{n % 7}\n".encode() for n in range(40))


@pytest.fixture(scope="module")
def spans() -> Any:
    with collector() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def at(
    new_database: Callable[[], str], s3: servers.S3, spans: Collector
) -> AsyncIterator[Installation]:
    database = new_database()
    env = await migrated(database, s3.bucket(database.rpartition("/")[2]))
    told = {"OTEL_EXPORTER_OTLP_ENDPOINT": spans.url, "OTEL_BSP_SCHEDULE_DELAY": "200"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(traces, "SECONDS", 0.2)
        async with Installation({**env, **told}) as found:
            yield found


async def uploaded(at: Installation, name: str, **headers: str) -> Raw:
    return await at.uploaded(name, CSV, headers=headers)


async def of_task(spans: Collector, uid: str) -> dict[str, Seen]:
    """All that came of it, by name."""
    async with asyncio.timeout(20):
        while True:
            found = [one for one in spans.spans if one.attributes.get("retort.task") == uid]
            if {one.name for one in found} >= SENT_BY.keys():
                assert len(found) == len(SENT_BY), found
                return {one.name: one for one in found}
            await asyncio.sleep(0.1)  # a collector has no way to tell


async def test_what_every_part_does_for_a_request_lies_in_the_trace_of_who_sent_it(
    at: Installation, spans: Collector
) -> None:
    task = await uploaded(at, "traced", traceparent=f"00-{TRACE}-{PARENT}-01")
    found = await of_task(spans, task["uid"])
    (request,) = [one for one in spans.spans if one.name.endswith("/uploads") and one.trace == TRACE]
    assert (request.parent, request.service) == (PARENT, "retort-service")
    assert {one.trace for one in found.values()} == {TRACE}
    assert {name: one.service for name, one in found.items()} == SENT_BY
    above = {"queue": "task", "claim": "task", "run": "session"}
    for name, one in found.items():
        assert one.parent == (found[above[name]].id if name in above else request.id), name
    pods = {
        body["metadata"]["name"]
        for _, _, body in at.cluster.log["pods"]
        if body["metadata"]["labels"].get("retort.dev/task") == task["uid"]
    }
    assert {found["session"].attributes["retort.executor"]} == pods
    assert found["task"].attributes["retort.reason"] == "Done"
    assert not any(one.failed for one in found.values())


async def test_its_parts_follow_each_other_within_it(at: Installation, spans: Collector) -> None:
    found = await of_task(spans, (await uploaded(at, "timed"))["uid"])
    assert found["claim"].at[1] <= found["session"].at[0] <= found["run"].at[0]
    assert found["run"].at[1] <= found["session"].at[1]
    assert found["task"].at[0] <= found["queue"].at[0]
    second = 1_000_000_000  # objects know their times to the second
    assert found["session"].at[1] <= found["task"].at[1] + second
    assert all(0 <= end - begin < 60 * second for begin, end in (one.at for one in found.values()))


async def test_a_task_of_kubectl_has_a_trace_that_bears_its_uid_and_says_that_it_failed(
    at: Installation, spans: Collector
) -> None:
    await uploaded(at, "by-hand")
    script = {"script": {"source": "def run(table):\n    return table.dropp('a')\n"}}
    at.task("breaks", script, datasetName="by-hand")
    await at.phase("breaks", "Failed")
    raw = at.cluster.get("agenttasks", "breaks", TENANT)
    assert raw is not None
    uid = raw["metadata"]["uid"].replace("-", "")
    async with asyncio.timeout(20):
        while not [one for one in spans.named("task") if one.trace == uid] or not [  # noqa: ASYNC110
            one for one in spans.named("session") if one.trace == uid
        ]:
            await asyncio.sleep(0.1)
    (whole,) = [one for one in spans.named("task") if one.trace == uid]
    assert whole.failed
    (run,) = [one for one in spans.named("run") if one.trace == uid]
    (session,) = [one for one in spans.named("session") if one.trace == uid]
    assert run.parent == session.id


async def test_spans_of_the_operator_hold_no_names_of_people_or_their_data(
    at: Installation, spans: Collector
) -> None:
    await of_task(spans, (await uploaded(at, "a-name-of-a-customer"))["uid"])
    for word in ("a-name-of-a-customer", TENANT, "amy", "Rome", "a.csv"):
        assert not [body for body in spans.bodies if word.encode() in body], word
