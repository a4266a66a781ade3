"""What an answered question lets one remember, and which of the remembered is meant by words. Pure."""

from __future__ import annotations

import hashlib

from retort_core.http.conventions import Convention
from retort_core.plans import Question

Kept = dict[str, dict[str, str]]  # key -> rule, label, question; in the order they were remembered


def rememberable(question: Question, choice: str) -> Kept:
    """Every slot of the card that has a key, with the rule of the option that was chosen."""
    chosen = set(choice.split("+"))
    return {
        slot.convention: {"rule": option.rule, "label": option.label, "question": slot.text}
        for slot in question.slots
        if slot.convention
        for option in slot.options
        if option.id in chosen and option.rule
    }


def rules(kept: Kept) -> dict[str, str]:
    """What the planner reads."""
    return {key: one["rule"] for key, one in kept.items() if one.get("rule")}


def public(kept: Kept) -> tuple[Convention, ...]:
    return tuple(
        Convention(
            id=identifier(key),
            key=key,
            rule=one["rule"],
            label=one.get("label", ""),
            question=one.get("question", ""),
        )
        for key, one in kept.items()
        if one.get("rule")
    )


def identifier(key: str) -> str:
    """A short name that fits a path; a key holds names of columns."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def meant(kept: Kept, which: str) -> tuple[str, ...]:
    """Keys that `which` may mean: a position from 1, "" the last, "*" all, an id, or words that occur in one."""
    keys = [key for key, one in kept.items() if one.get("rule")]
    if which == "*":
        return tuple(keys)
    if not which:
        return tuple(keys[-1:])
    if which.isdigit() and len(which) < 4:
        return tuple(keys[int(which) - 1 : int(which)]) if int(which) else ()
    exact = [key for key in keys if which in (identifier(key), key)]
    said = which.casefold()
    return tuple(
        exact
        or [
            key
            for key in keys
            if said in f"{key}\n{kept[key].get('question', '')}\n{kept[key].get('label', '')}".casefold()
        ]
    )
