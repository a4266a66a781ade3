"""Conventions: what was answered with 「以后都这样」 is done at once the next time, said, and the other ways are offered.

A convention is a key (what is asked, about which column) and a rule (which way). It is kept only while the way is
still among those that the data offers; otherwise the question is asked as ever.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from retort_core.plans import Lang
from retort_planner.frames.base import Part


def key(part: Part) -> str:
    """The key of what can be remembered: every way of the part must have a rule to remember it by."""
    return part.convention if part.convention and all(way.rule for way in part.ways) else ""


def kept(part: Part, known: Mapping[str, str], lang: Lang) -> Part:
    """The part settled by what the project remembers, or as it is."""
    rule = known.get(key(part), "") if not part.settled else ""
    way = next((way for way in part.ways if rule and way.rule == rule), None)
    if way is None:
        return part
    note = (
        f"按记住的做法：{way.label}（对「{part.ask}」）。说「忘掉这个做法」就会再问。"
        if lang == "zh"
        else f"As remembered: {way.label} (to “{part.ask}”). Say “forget this convention” to be asked again."
    )
    others = tuple(other for other in part.ways if other is not way and other.drafts)
    return replace(
        part,
        ways=(way,),
        ask="",
        assumptions=(*part.assumptions, note),
        alternatives=(*part.alternatives, *others),
    )
