"""The charts as helm renders them: objects as dictionaries."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
Object = dict[str, Any]


@dataclass(frozen=True)
class Rendered:
    """What `helm template` made, or why it refused."""

    objects: tuple[Object, ...]
    error: str = ""

    def of(self, kind: str, name: str = "") -> list[Object]:
        return [one for one in self.objects if one["kind"] == kind and name in ("", one["metadata"]["name"])]

    def one(self, kind: str, name: str) -> Object:
        (found,) = self.of(kind, name)
        return found

    def pods(self) -> list[tuple[str, Object]]:
        """(name, Pod spec) of everything that makes Pods."""
        kinds = ("Deployment", "StatefulSet", "Job", "DaemonSet")
        return [
            (one["metadata"]["name"], one["spec"]["template"]["spec"])
            for one in self.objects
            if one["kind"] in kinds
        ]


@pytest.fixture(scope="session")
def helm() -> str:
    """Helm of the package index, as the test cluster uses it."""
    command = [sys.executable, str(ROOT / "tools" / "cluster"), "clients"]
    folder = subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
    return f"{folder}/helm"


@pytest.fixture(scope="session")
def notes(helm: str) -> Callable[..., str]:
    """What `helm install` says at its end; nothing is installed and no cluster asked."""

    def said(chart: str, *values: str, namespace: str = "retort-system") -> str:
        options = [part for value in values for part in ("--set", value)]
        command = [
            helm,
            "install",
            "retort",
            str(ROOT / "charts" / chart),
            "--namespace",
            namespace,
            *options,
        ]
        done = subprocess.run(
            [*command, "--dry-run=client", "--kubeconfig", os.devnull],
            check=True,
            capture_output=True,
            text=True,
        )
        return done.stdout.partition("\nNOTES:\n")[2]

    return said


@pytest.fixture(scope="session")
def render(helm: str) -> Callable[..., Rendered]:
    def rendered(
        chart: str,
        *values: str,
        namespace: str = "retort-system",
        release: str = "retort",
        files: Sequence[str] = (),
    ) -> Rendered:
        options = [part for value in values for part in ("--set", value)]
        options += [part for name in files for part in ("--values", str(ROOT / name))]
        command = [
            helm,
            "template",
            release,
            str(ROOT / "charts" / chart),
            "--namespace",
            namespace,
            *options,
        ]
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        if done.returncode:
            return Rendered((), done.stderr)
        return Rendered(tuple(one for one in yaml.safe_load_all(done.stdout) if one))

    return rendered
