"""kill -9 at every step of a commit: whatever was acknowledged is there, nothing is half there, and it goes on."""

from __future__ import annotations

import asyncio
import json
import os
import runpy
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from sqlalchemy import func, select

from retort_api.commits.log import CommitLog
from retort_api.commits.records import CommitRecord
from retort_api.kit.database import Database
from retort_api.records import commits
from retort_api.tasks import repository as tasks
from retort_tables.objects.folder import FolderObjects
from retort_tables.snapshots.whole import WholeSnapshots

MAIN = Path(__file__).with_name("crashing.py")
POINTS: list[str] = list(runpy.run_path(str(MAIN))["POINTS"])
D = "/api/v1/projects/default/datasets/survey"
CSV = "id,age\n" + "".join(f"{n},{20 + n % 50}\n" for n in range(200))


@contextmanager
def service(home: Path, point: str) -> Iterator[tuple[httpx.Client, subprocess.Popen[bytes]]]:
    process = subprocess.Popen(
        [sys.executable, str(MAIN), point, "--home", str(home), "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )
    with process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"the service does not start again ({point})"
        try:
            with httpx.Client(base_url=json.loads(line)["url"], timeout=60) as client:
                yield client, process
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)


def finished(client: httpx.Client, uid: str) -> dict[str, Any]:
    while True:
        task = client.get(f"/api/v1/projects/default/tasks/{uid}", params={"wait": 20}).json()
        if task["phase"] in ("Complete", "Failed"):
            return task  # type: ignore[no-any-return]


def flag(number: int) -> dict[str, Any]:
    """A plan whose version has a column of its own."""
    params = {"where": {"column": "age", "op": "lt", "value": 30}, "new_name": f"f{number}", "value": "1"}
    step = {"id": "s1", "op": "flag_rows", "params": params}
    return {"source": {"plan": {"plan": {"title": f"flag {number}", "steps": [step]}}}}


def descendants(pid: int) -> list[int]:
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    found, todo = [], [pid]
    while todo:
        here = todo.pop()
        children = [child for child, parent in parents.items() if parent == here]
        found += children
        todo += children
    return found


async def check(home: Path) -> list[CommitRecord]:
    """What must hold after any crash: refs lead to commits, parents exist, and every version gives its own root."""
    database = Database(f"sqlite+aiosqlite:///{home / 'retort.db'}")
    log, snapshots = CommitLog(database), WholeSnapshots(FolderObjects(home / "objects"))
    async with database.read() as connection:
        datasets = list((await connection.execute(select(commits.c.dataset).distinct())).scalars())
        doubled = select(commits.c.task, func.count()).group_by(commits.c.task).having(func.count() > 1)
        assert list(await connection.execute(doubled)) == [], "at most one commit per task"
        for uid in await tasks.open_uids(connection):
            task = await tasks.get(connection, uid)
            assert task is not None
            assert not task.status.terminal
    assert len(datasets) == 1
    records = await log.commits(datasets[0])
    known = {record.id for record in records}
    for record in records:
        assert set(record.parents) <= known
        await asyncio.to_thread(snapshots.verify, record.snapshot)
    moves = await log.moves(datasets[0], "main")
    for ref in await log.refs(datasets[0]):
        assert ref.head in known, f"{ref.name} points at nothing"
        if ref.name == "main":
            assert moves[-1].now == ref.head, "the reflog and the branch disagree"
    await database.close()
    return records


@pytest.mark.timeout(1200)  # fifteen starts of a service: 40 s here, ten times that beside other work
def test_a_service_killed_at_every_step_of_a_commit_goes_on(tmp_path: Path) -> None:
    home, pending, expected = tmp_path / "home", "", 1
    for number, point in enumerate([*POINTS, "none"]):
        with service(home, point) as (client, process):
            if number == 0:
                upload = client.post(f"{D}/uploads", content=CSV.encode(), headers={"filename": "a.csv"})
                assert finished(client, upload.json()["uid"])["phase"] == "Complete"
            else:
                was = POINTS[number - 1]
                task = finished(client, pending)
                assert task["phase"] == "Complete", f"{was}: {task['status']['failure']}"
                head = client.get(D).json()
                assert head["head"] == task["status"]["result"]["commit"], was
                assert head["columns"] == 2 + number, was
            if point == "none":
                break
            helpers = descendants(process.pid)
            (home / "armed").touch()
            pending = client.post(f"{D}/tasks", json=flag(number)).json()["uid"]
            assert process.wait(60) == -signal.SIGKILL, point
        records = asyncio.run(check(home))
        expected += 1
        assert len(records) in (expected - 1, expected), point
        gone_by = time.monotonic() + 30
        while [pid for pid in helpers if Path(f"/proc/{pid}/fd").exists() and _runs(pid)]:
            assert time.monotonic() < gone_by, f"{point}: sandboxes outlive their service"
            os.sched_yield()
    assert len(asyncio.run(check(home))) == len(POINTS) + 1


def _runs(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    return False
