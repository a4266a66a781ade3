"""`make test-cluster`: a cluster, the product's images in it, the tests of tests/cluster, and everything put away.

Which cluster: the one that RETORT_TEST_KUBECONFIG names (it must know the images already); else kind, where a
container engine and kind are there; else a node of this tool. Without any of them it fails; nothing is skipped.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import builds
import images
import running
import starting
from commands import beside_each_other, run, say
from places import REPOSITORY, Node, cache

KIND_SETTINGS: Final = REPOSITORY / "tools" / "cluster" / "kind.yaml"
KIND_NAME: Final = "retort-test"
NO_TESTS: Final = 5  # what pytest says when none of a selection (`-k`) is there
NEEDED: Final = (*images.PARTS, "dev-postgresql", "dev-s3")
FOLDERS: Final = ("tests/cluster", "tests/installed")
BENCHMARK: Final = ("tests/installed/bench_tasks.py",)
SOAK: Final = ("tests/installed/test_reliability.py",)


def run_tests(node: Node, arguments: Sequence[str], places: Sequence[str], *, keep: bool) -> int:
    """The exit status of pytest."""
    with _cluster(node, keep=keep) as kubeconfig:
        programs = f"{builds.clients()}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
        env = {**os.environ, "KUBECONFIG": str(kubeconfig), "PATH": programs}
        if kubeconfig == node.kubeconfig:
            env["RETORT_NODE"] = node.name
        else:  # who may end the daemons of a cluster of somebody else?
            say(f"left out, because it needs a node of this tool: {SOAK[0]}")
            arguments = [*arguments, f"--ignore={SOAK[0]}"]
        # One after the other: the first set has the cluster for itself, the second has the product installed on it.
        codes = [_pytest(folder, arguments, env) for folder in places]
        if set(codes) == {NO_TESTS}:
            return NO_TESTS
        return next((code for code in codes if code not in (0, NO_TESTS)), 0)


def _pytest(folder: str, arguments: Sequence[str], env: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", "pytest", folder, *arguments]
    return subprocess.run(command, cwd=REPOSITORY, env=env, check=False).returncode


@contextmanager
def _cluster(node: Node, *, keep: bool) -> Iterator[Path]:
    given = os.environ.get("RETORT_TEST_KUBECONFIG")
    if given:
        say(f"using the cluster of {given}")
        yield Path(given)
    elif engine := _engine():
        with _kind(engine, keep=keep) as kubeconfig:
            yield kubeconfig
    else:
        with _node(node, keep=keep) as kubeconfig:
            yield kubeconfig


@contextmanager
def _node(node: Node, *, keep: bool) -> Iterator[Path]:
    beside_each_other(starting.build, lambda: [images.archive(name) for name in NEEDED])
    starting.up(node)
    try:
        for name in NEEDED:
            running.load(node, images.archive(name), images.full_reference(name))
        yield node.kubeconfig
    finally:
        if not keep:
            running.stop(node)


def _engine() -> str | None:
    """A container engine that runs, if kind is there to use it."""
    if shutil.which("kind") is None:
        return None
    for engine in ("docker", "podman"):
        if (
            shutil.which(engine)
            and subprocess.run([engine, "info"], capture_output=True, check=False).returncode == 0
        ):
            return engine
    return None


@contextmanager
def _kind(engine: str, *, keep: bool) -> Iterator[Path]:
    kubeconfig = cache() / "kind-kubeconfig"
    env = {**os.environ, "KIND_EXPERIMENTAL_PROVIDER": engine}
    named = ["--name", KIND_NAME]
    run(["kind", "create", "cluster", *named, "--config", KIND_SETTINGS, "--kubeconfig", kubeconfig], env=env)
    try:
        for name in NEEDED:
            run(["kind", "load", "image-archive", images.archive(name), *named], env=env)
        yield kubeconfig
    finally:
        if not keep:
            run(["kind", "delete", "cluster", *named, "--kubeconfig", kubeconfig], env=env)
