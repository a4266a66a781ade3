"""`retort fsck` on a real home: clean when it is, and every kind of damage is found and named."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import services

from retort_api.fsck.service import Report, check
from retort_api.mains.stores import sqlite
from retort_tables.objects.folder import FolderObjects

CSV = b"id,age\n" + b"".join(f"{n},{20 + n % 50}\n".encode() for n in range(100))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a history: a file, two steps, one of them undone, a branch, an answer, a refused result."""
    service = services.Service(tmp_path_factory.mktemp("home"))
    with service.running() as client:
        assert services.upload(client, "survey", CSV)["phase"] == "Complete"
        for source in (
            services.flag("young"),
            services.flag("old", 90),
            services.step("describe", columns=["age"]),
        ):
            assert services.run(client, "survey", source)["phase"] == "Complete"
        undo = {"command": {"verb": "undo", "args": {}}}
        assert services.run(client, "survey", undo)["phase"] == "Complete"
        branch = {"name": "side", "source": "main"}
        assert client.post(f"{services.P}/datasets/survey/branches", json=branch).status_code == 201
        young = {"column": "age", "op": "lt", "value": 30}
        asked = services.run(
            client, "survey", services.step("filter_rows", where=young, mode="drop"), review="Always"
        )
        assert asked["phase"] == "AwaitingInput"
        no = {"commit": asked["status"]["staged"]["commit"], "approved": False}
        assert client.post(f"{services.P}/tasks/{asked['uid']}/approval", json=no).status_code == 200
        assert services.finished(client, asked["uid"])["phase"] == "Failed"
    return service.home


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "home"))


def test_a_refused_version_is_let_go_of_in_the_transaction_that_ends_its_task(tmp_path: Path) -> None:
    """Looked at without a pause: a crash between the two would have left the version held for ever."""
    service = services.Service(tmp_path / "home")
    with service.running() as client, sqlite3.connect(service.home / "retort.db") as database:
        assert services.upload(client, "survey", CSV)["phase"] == "Complete"
        asked = services.run(client, "survey", services.flag("young"), review="Always")
        state = (
            "SELECT phase, (SELECT count(*) FROM refs WHERE name = 'task/' || uid) FROM tasks WHERE uid = ?"
        )

        def seen() -> tuple[str, int]:
            row: tuple[str, int] = database.execute(state, (asked["uid"],)).fetchone()
            return row

        assert seen() == ("AwaitingInput", 1)
        no = {"commit": asked["status"]["staged"]["commit"], "approved": False}
        with ThreadPoolExecutor(1) as pool:
            answer = pool.submit(client.post, f"{services.P}/tasks/{asked['uid']}/approval", json=no)
            while (now := seen())[0] != "Failed":
                assert now[1] == 1
            assert answer.result().status_code == 200
        assert now == ("Failed", 0)
    database.close()


def checked(home: Path, *, deep: bool = True) -> Report:
    async def run() -> Report:
        database = sqlite(home)
        try:
            return await check(database, FolderObjects(home / "objects"), deep=deep)
        finally:
            await database.close()

    return asyncio.run(run())


def test_a_sound_home_is_clean_and_counted(home: Path) -> None:
    (home / "objects" / "ff" / ("f" * 64)).write_bytes(b"left by a crash")
    report = checked(home, deep=False)
    assert report.problems == []
    assert (report.datasets, report.commits, report.versions) == (1, 4, 4)
    assert report.unreferenced == 1


def sql(statement: str) -> Callable[[Path], None]:
    def act(home: Path) -> None:
        with sqlite3.connect(home / "retort.db") as connection:
            assert connection.execute(statement).rowcount > 0
        connection.close()

    return act


def of_version(home: Path, part: str) -> Path:
    """The file of one part of the newest version."""
    with sqlite3.connect(home / "retort.db") as connection:
        (manifest,) = connection.execute("SELECT snapshot FROM commits ORDER BY seq DESC LIMIT 1").fetchone()
    connection.close()
    path = home / "objects" / manifest[:2] / manifest
    key = json.loads(path.read_text())["objects"][part] if part else manifest
    return home / "objects" / key[:2] / key


def lose(part: str) -> Callable[[Path], None]:
    return lambda home: of_version(home, part).unlink()


def alter(part: str) -> Callable[[Path], None]:
    def act(home: Path) -> None:
        path = of_version(home, part)
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.chmod(0o600)
        path.write_bytes(data)

    return act


def lose_answer(home: Path) -> None:
    with sqlite3.connect(home / "retort.db") as connection:
        (parts,) = connection.execute("SELECT parts FROM results").fetchone()
    connection.close()
    key = json.loads(parts)["table"]["object"]
    (home / "objects" / key[:2] / key).unlink()


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "a table that is gone": (lose("table.parquet"), "object-missing"),
    "a manifest that is gone": (lose(""), "object-missing"),
    "an answer that is gone": (lose_answer, "object-missing"),
    "a manifest that was altered": (alter(""), "manifest-damaged"),
    "a schema that was altered": (alter("schema.json"), "version-damaged"),
    "a table that was altered": (alter("table.parquet"), "version-damaged"),
    "marks that were altered": (alter("marks.parquet"), "version-damaged"),
    "words that were altered": (sql("UPDATE commits SET instruction = 'other'"), "commit-altered"),
    "an author that was altered": (
        sql("UPDATE commits SET author = 'other' WHERE seq = 1"),
        "commit-altered",
    ),
    "another version's data": (
        sql("UPDATE commits SET snapshot = (SELECT snapshot FROM commits WHERE seq = 1) WHERE seq = 2"),
        "root-differs",
    ),
    "a parent that is gone": (sql("DELETE FROM commits WHERE seq = 1"), "parent-missing"),
    "a wrong generation": (sql("UPDATE commits SET generation = 7 WHERE seq = 2"), "generation-wrong"),
    "a branch that points at nothing": (sql(f"UPDATE refs SET head = '{'0' * 64}'"), "ref-dangling"),
    "a branch that was moved by hand": (
        sql("UPDATE refs SET head = (SELECT id FROM commits WHERE seq = 1) WHERE name = 'main'"),
        "reflog-behind",
    ),
    "a move that was taken out": (
        sql("DELETE FROM reflog WHERE seq = (SELECT MIN(seq) + 1 FROM reflog)"),
        "reflog-broken",
    ),
    "a result that no version holds": (
        sql("DELETE FROM commits WHERE seq = (SELECT MAX(seq) FROM commits)"),
        "result-missing",
    ),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_damage_is_found_and_named(home: Path, name: str) -> None:
    damage, code = DAMAGE[name]
    damage(home)
    report = checked(home)
    assert code in {problem.code for problem in report.problems}
    assert not report.clean


def test_the_command_says_what_is_wrong_and_exits_with_it(home: Path) -> None:
    sound = services.command("fsck", "--home", str(home), "--deep", "--json")
    assert (sound.returncode, json.loads(sound.stdout)["clean"]) == (0, True)
    lose("table.parquet")(home)
    broken = services.command("fsck", "--home", str(home))
    assert broken.returncode == 1
    assert "object-missing" in broken.stdout
    assert "table.parquet" in broken.stdout
