"""Every example of the tutorial and the how-to pages runs as printed, against a real service.

In a page, a fence ```` ```csv NAME ```` or ```` ```python NAME ```` is a file of that name; in ```` ```console ````
a line `$ command` is run, and what stands below it must be its output; in ```` ```pycon ```` so is what stands behind `>>>`,
of an error its last line. `…` stands for anything, ids of versions are not compared. `retort` runs inside this process (its start would cost half a second each); all else in a shell.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from pages import Example, examples

from retort_client.cli.main import main
from retort_core.errors import RetortError

DOCS = Path(__file__).parents[2] / "docs"
ON_A_CLUSTER = "<!-- runs on a cluster -->"  # those pages are run by tests/cluster
ON_SERVERS = "<!-- runs on servers -->"  # and this one by test_operations_page
RUN = re.compile(r"^```(?:console|pycon)$", re.MULTILINE)
PAGES = sorted(
    page
    for folder in ("tutorial", "how-to")
    for page in DOCS.glob(f"{folder}/*.md")
    if RUN.search(text := page.read_text("utf-8")) and ON_A_CLUSTER not in text and ON_SERVERS not in text
)
ID = re.compile(r"\b[0-9a-f]{12}\b")


def retort(arguments: str) -> str:
    """One command of the command line, its two streams together."""
    out, before = io.StringIO(), sys.argv
    sys.argv = ["retort", *shlex.split(arguments)]
    try:
        with (
            contextlib.redirect_stdout(out),
            contextlib.redirect_stderr(out),
            contextlib.suppress(SystemExit),
        ):
            main()
    finally:
        sys.argv = before
    return out.getvalue()


def python(source: str, names: dict[str, object]) -> str:
    """What a prompt would print; of an error the heading and the last line."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        try:
            exec(compile(source, "<page>", "single"), names)
        except RetortError as error:
            kind = type(error)
            out.write(f"Traceback (most recent call last):\n{kind.__module__}.{kind.__qualname__}: {error}\n")
    return out.getvalue()


def run(example: Example, names: dict[str, object]) -> str:
    if example.python:
        return python(example.python, names)
    if example.command.startswith("retort ") and ">" not in example.command:
        return retort(example.command.removeprefix("retort "))
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    done = subprocess.run(
        example.command,
        shell=True,
        capture_output=True,
        text=True,
        env={**os.environ, "PATH": path},
        check=False,
    )
    return done.stdout + done.stderr


def tidy(text: str) -> list[str]:
    """Lines without what a page may leave out: empty lines, rules of tables, spaces at the end, ids."""
    lines = [ID.sub("<id>", line).strip() for line in text.splitlines()]
    return [line for line in lines if line.strip(" ─")]


def alike(expected: list[str], printed: list[str]) -> bool:
    pattern = "\n".join(tidy("\n".join(expected)))
    return bool(
        re.fullmatch(re.escape(pattern).replace("…", ".*"), "\n".join(tidy("\n".join(printed))), re.DOTALL)
    )


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An empty folder, a service of its own, a terminal of 100 columns that remembers nothing."""
    command = [
        sys.executable,
        "-m",
        "retort_api.mains.embedded",
        "--home",
        f"{tmp_path}/home",
        "--port",
        "0",
        "--json",
    ]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, "the service did not start; its reason stands on stderr"
        desk = tmp_path / "desk"
        desk.mkdir()
        monkeypatch.chdir(desk)
        for name, value in (
            ("RETORT_URL", json.loads(line)["url"]),
            ("RETORT_STATE", str(tmp_path / "state")),
            ("COLUMNS", "100"),
        ):
            monkeypatch.setenv(name, value)
        for name in ("RETORT_DATASET", "RETORT_PROJECT", "RETORT_LLM_URL"):
            monkeypatch.delenv(name, raising=False)
        yield desk
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(DOCS)))
def test_examples_of(page: Path, desk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETORT_LANG", "zh" if page.name.endswith(".zh.md") else "en")
    names: dict[str, object] = {}
    for example in examples(page):
        if example.name:
            (desk / example.name).write_text("\n".join(example.text) + "\n", "utf-8")
            continue
        printed = run(example, names)
        where = f"{page.relative_to(DOCS.parent)}:{example.line}: $ {example.command}{example.python}"
        assert alike(example.text, printed.splitlines()), f"{where}\nprinted:\n{printed}"


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a … c", "a b c", True),
        ("a\n…\nd", "a\nb\nc\nd", True),
        ("✓ 0123456789ab x", "✓ ba9876543210 x", True),
        ("3 rows", "4 rows", False),
        ("", "anything", False),
        ("a", "a\nb", False),
    ],
)
def test_a_difference_is_seen(expected: str, printed: str, same: bool) -> None:
    assert alike(expected.splitlines(), printed.splitlines()) is same
