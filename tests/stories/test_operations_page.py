"""Every command of the operations page runs as printed, in one shell, on a real PostgreSQL and a real S3.

Only `rclone copy` is done by the test itself, with the product's own store on both sides: any program that copies objects
will do. After the page the restored service is started, and has the same versions.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import servers
import services
from services import P

from retort_tables.objects.s3 import Bucket, S3Objects

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "operations.md"
CSV = b"id,age\n" + b"".join(f"{n},{20 + n % 50}\n".encode() for n in range(200))
END = "-- end of command:"


def commands() -> Iterator[tuple[str, list[str]]]:
    """A command and the lines below it."""
    for block in re.findall(r"^```console\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *shown = part.splitlines()
            yield command, shown


def copied(source: Bucket, target: Bucket) -> None:
    here, there = S3Objects(source), S3Objects(target)
    for key in here.keys():  # noqa: SIM118 - not a dictionary
        with here.open(key) as stream:
            assert there.put(stream.read()) == key


class Shell:
    """One shell for all commands: what is exported stays so."""

    def __init__(self, env: dict[str, str], folder: Path) -> None:
        self.process = subprocess.Popen(
            ["bash"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=env, cwd=folder, text=True
        )  # fmt: skip

    def run(self, command: str) -> tuple[int, list[str]]:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(f"{command}\necho '{END}' $?\n")
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            if line.startswith(END):
                return int(line.removeprefix(END)), said
            said.append(line.rstrip("\n"))
        raise AssertionError("the shell ended")


def fits(shown: list[str], said: list[str]) -> bool:
    """`…` stands for anything, also for several lines."""
    pattern = re.escape("\n".join(shown)).replace("…", ".*")
    return re.fullmatch(pattern, "\n".join(said), re.DOTALL) is not None


@pytest.mark.timeout(300)
def test_the_page_of_operations_runs_as_printed(s3: servers.S3, tmp_path: Path) -> None:
    bucket = s3.bucket(tmp_path.name)
    copy = replace(bucket, prefix=bucket.prefix + "-copy")
    with servers.postgresql() as postgres:
        env = services.environment(postgres.create("retort"), bucket)
        restored = services.environment(postgres.url("restored"), copy)
        programs = f"{Path(sys.executable).parent}:{postgres.programs}:/usr/bin:/bin"
        shell = Shell(
            env | {
                "PATH": programs, "LANG": "C.UTF-8", "RETORT_HOME": str(tmp_path / "home"),
                "RESTORED_DATABASE_URL": restored["RETORT_DATABASE_URL"], "RESTORED_S3_PREFIX": copy.prefix,
            },
            tmp_path,
        )  # fmt: skip
        before: list[str] = []
        for command, shown in commands():
            if command.startswith("rclone copy"):
                copied(bucket, copy)
                continue
            if command.startswith("python -m retort_api.mains.rotate"):
                assert shell.run(command)[0] == 0  # the first makes the file; the page's is the second
            code, said = shell.run(command)
            assert code == 0, (command, said)
            assert fits(shown, said), (command, said)
            if not before:  # the database is there: something to keep
                with services.on_servers(tmp_path / "home", env).running() as client:
                    assert services.upload(client, "survey", CSV)["phase"] == "Complete"
                    assert services.run(client, "survey", services.flag("young"))["phase"] == "Complete"
                    before = versions(client)
        assert shell.process.stdin is not None
        shell.process.stdin.close()
        assert shell.process.wait(10) == 0
        assert shell.process.stdout is not None
        shell.process.stdout.close()
        with services.on_servers(tmp_path / "restored", restored).running() as client:
            assert versions(client) == before
            assert len(before) == 2
            task = services.run(client, "survey", services.flag("after"))
            assert task["phase"] == "Complete", task["status"]["failure"]


def versions(client: services.httpx.Client) -> list[str]:
    path = f"{P}/datasets/survey/commits"
    return [one["id"] for one in client.get(path, params={"limit": 100}).json()["items"]]
