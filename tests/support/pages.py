"""Examples of a documentation page: files to write and commands to run, in the order of its text."""

from __future__ import annotations

import doctest
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

FENCE = re.compile(r"^```(\w*)\s*(\S*)\s*$")


@dataclass
class Example:
    """A file to write (`name`), a command or Python to run, and the text that stands below it."""

    line: int
    command: str = ""
    python: str = ""
    name: str = ""
    text: list[str] = field(default_factory=list)


def examples(page: Path) -> Iterator[Example]:
    """Files and commands of a page in the order of its text."""
    lines, at = page.read_text("utf-8").splitlines(), 0
    while at < len(lines):
        fence = FENCE.match(lines[at])
        at += 1
        if not fence:
            continue
        end = next(i for i in range(at, len(lines)) if lines[i] == "```")
        if fence[2]:
            yield Example(at, name=fence[2], text=lines[at:end])
        elif fence[1] == "console":
            yield from _commands(lines[at:end], at)
        elif fence[1] == "pycon":
            for one in doctest.DocTestParser().get_examples("\n".join(lines[at:end]) + "\n"):
                yield Example(at + one.lineno + 1, python=one.source, text=one.want.splitlines())
        at = end + 1


def _commands(block: list[str], first: int) -> Iterator[Example]:
    found: list[Example] = []
    for number, line in enumerate(block, start=first + 1):
        if line.startswith("$ "):
            found.append(Example(number, command=line[2:]))
        elif found:
            found[-1].text.append(line)
    yield from found
