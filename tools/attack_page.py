"""The page of attacks: the declared ones, with what the tests saw."""

from __future__ import annotations

import attacks

HEAD = """\
# Attacks and what came of them

Made from `tools/attacks.py` and from what the tests saw on a real node; do not edit. An attack is tried with all barriers, \
on the network and between tenants also with each one taken away, and with none, where it must succeed: an attempt that cannot \
succeed shows nothing. What was not tried is marked –. **Out** means that \
bytes left the Pod, that another tenant's bytes were read, or that the service stopped. What is not defended: \
[threat model](../explanation/threat-model.md).

`make test-cluster` tries every cell and fails when one was not tried or came out differently; \
`RETORT_RECORD_ATTACKS=1 make test-cluster` also writes down the words of refusal, which differ between kernels.
"""


def render() -> str:
    words = attacks.recorded()
    return HEAD + "".join(_group(key, group, words) for key, group in attacks.GROUPS.items())


def _group(key: str, group: attacks.Group, words: attacks.Words) -> str:
    columns = ("attack", "first barrier", "second barrier", *group.columns)
    if group.columns == (attacks.BOTH, attacks.NO_FIRST):
        columns = ("attack", "hard limit", "backstop", "with both", "without the limit")
    head = f"\n## {group.title}\n\n{group.says} Tried by `{group.test}`.\n\n"
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for one in attacks.of(key):
        told = [_cell(one, cell, words.get(one.key, {})) for cell in group.columns]
        lines.append(f"| {' | '.join((one.title, one.first, one.second or '–', *told))} |")
    return head + "\n".join(lines) + "\n"


def _cell(attack: attacks.Attack, cell: str, words: dict[str, str]) -> str:
    if cell not in attack.cells:
        return "–"
    word = words.get(cell, "not seen yet")
    return "**out**" if word == attacks.OUT else word.replace("|", "\\|")
