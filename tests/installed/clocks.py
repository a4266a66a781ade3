"""The parts' time of day made wrong while they run: libfaketime from Debian, mounted into their Pods for these tests alone.

What passes (CLOCK_MONOTONIC) stays true, as on a machine whose clock is set. No clock goes back behind the beginning of the
node: its certificates would not be valid yet.
"""

from __future__ import annotations

import base64
import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from tests.cluster.conftest import PYTHON
from tests.cluster.kube import ROOT, Program
from tests.installed.machine import until

PARTS = ("operator", "api", "broker")
# Seconds at most. Signatures of S3 hold for 900; by 600 a task that had just been made would rightly find its time over.
AHEAD, BEHIND = 300, 300
FILE = "/tmp/time-of-day"
WRITE = f"import pathlib, sys; pathlib.Path({FILE!r}).write_text(sys.argv[1])"
NOW = "import time; print(time.time())"
SETTINGS = {
    "LD_PRELOAD": "/faketime/libfaketime.so.1",
    "FAKETIME_TIMESTAMP_FILE": FILE,
    "FAKETIME_CACHE_DURATION": "1",
    "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    "FAKETIME_DISABLE_SHM": "1",
}


class Clocks:
    def __init__(self, system: Program, chance: random.Random) -> None:
        self._system, self._chance = system, chance
        self._wrong: str | None = None

    @contextmanager
    def settable(self) -> Iterator[None]:
        self._system.apply(_library())
        try:
            self._changed(lambda part: ("patch", f"deployment/retort-{part}", "-p", _patch(part)))
            yield
        finally:
            self._changed(lambda part: ("rollout", "undo", f"deployment/retort-{part}"))
            self._system("delete", "configmap", "faketime")

    def _changed(self, command: Callable[[str], tuple[str, ...]]) -> None:
        for part in PARTS:
            self._system(*command(part))
        for part in PARTS:
            self._system("rollout", "status", f"deployment/retort-{part}", "--timeout=120s", seconds=140)

    def set(self) -> float:
        """One part's clock jumps; whichever was wrong before is right again."""
        if self._wrong is not None:
            self._write(self._wrong, 0)
        self._wrong = self._chance.choice(PARTS)
        offset = self._chance.choice((AHEAD, -min(BEHIND, self._age() - 30)))
        at = time.monotonic()
        self._write(self._wrong, offset)
        until(
            f"{self._wrong} has another time",
            lambda: abs(self._told(self._wrong) - time.time() - offset) < 20,
        )
        return at

    def _write(self, part: str, offset: int) -> None:
        self._exec(part, WRITE, f"{offset:+d}s")

    def _told(self, part: str | None) -> float:
        return float(self._exec(str(part), NOW))

    def _exec(self, part: str, code: str, *arguments: str) -> str:
        return self._system(
            "exec", f"deploy/retort-{part}", "-c", part, "--", PYTHON, "-I", "-c", code, *arguments
        )

    def _age(self) -> int:
        made = self._system("get", "namespace", "kube-system", "-o", "jsonpath={.metadata.creationTimestamp}")
        return int((datetime.now(UTC) - datetime.fromisoformat(made)).total_seconds())


def _library() -> dict[str, object]:
    folder = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "cluster"), "faketime"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    data = base64.b64encode((Path(folder) / "libfaketime.so.1").read_bytes()).decode()
    return {
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "faketime"},
        "binaryData": {"libfaketime.so.1": data},
    }  # fmt: skip


def _patch(part: str) -> str:
    container = {
        "name": part,
        "env": [{"name": name, "value": value} for name, value in SETTINGS.items()],
        "volumeMounts": [{"name": "faketime", "mountPath": "/faketime", "readOnly": True}],
    }
    spec = {"containers": [container], "volumes": [{"name": "faketime", "configMap": {"name": "faketime"}}]}
    return json.dumps({"spec": {"template": {"spec": spec}}})
