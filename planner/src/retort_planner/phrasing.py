"""Turns of phrase that say a known thing in another order are put the usual way before any verb is looked for.

Remarks (「这两列没用，删掉」), particles (其实, actually, please), 「其他的都不要」 after what is kept, and sentences whose object
stands elsewhere. Only shapes that mean one thing are turned; everything else passes as it was said.
"""

from __future__ import annotations

import re
from typing import Final

from retort_planner.lexicon import cue
from retort_planner.polarity import exception
from retort_planner.turns import TURNS

_REST: Final = re.compile(
    r",?(?:其他|其它|其余|别的|剩下)的?(?:列|字段|变量|行|人|数据)?(?:请|麻烦|就)?(?:都|全部?|统统|一律)*(?:不用留|不用要|不用|不要|不需要|不留|删掉|删了|去掉)(?:了|吧)*$"
    r"|,? (?:and )?(?:nothing else|no others?|(?:drop|discard|remove|delete) the rest|the rest can go)$",
    re.IGNORECASE,
)
_ONLY_HEAD: Final = re.compile(
    r"^(?:我们?)?(?:只|仅)?(?:关心|关注|需要|想要|要)|^(?:i|we) (?:only |just )?(?:need|want|care about)(?: only| just)? ",
    re.IGNORECASE,
)


# "X should be deleted" is "delete X"; the participle with its verb where they differ.
_PASSIVE: Final = re.compile(
    r"^(?P<who>[^,;]+?) (?:can|could|should|must|to|has to|have to|needs? to|may|is to|are to|ought to|will)(?: all| both| now| also| then)? be (?P<verb>[a-z]+)(?: out)? ?(?P<tail>.*)$",
    re.IGNORECASE,
)
_VERBS: Final = {
    "deleted": "delete", "removed": "remove", "dropped": "drop", "excluded": "exclude", "filtered": "drop", "discarded": "drop",
    "kept": "keep", "retained": "keep", "replaced": "replace", "filled": "fill", "imputed": "fill", "lowercased": "lowercase",
    "uppercased": "uppercase", "capitalized": "capitalize", "capitalised": "capitalize", "trimmed": "trim", "stripped": "trim",
    "sorted": "sort", "ordered": "sort", "flagged": "flag", "marked": "flag", "tagged": "flag", "merged": "merge",
    "combined": "combine", "joined": "join", "split": "split", "converted": "convert", "changed": "change", "turned": "turn",
    "moved": "move", "recoded": "recode", "treated": "treat", "set": "set", "emptied": "clear", "blanked": "clear", "cleared": "clear",
    "standardised": "standardize", "standardized": "standardize", "normalised": "standardize", "normalized": "standardize",
    "unified": "standardize", "rounded": "round", "extracted": "extract", "declared": "declare", "capped": "cap", "clipped": "clip",
}  # fmt: skip


def plain(text: str) -> str:
    """`text` of one message said the usual way."""
    for pattern, meant in TURNS:
        text = pattern.sub(meant, text)
    return _only(_active(text.strip()))


def _active(text: str) -> str:
    found = _PASSIVE.match(text)
    verb = _VERBS.get(found.group("verb").lower()) if found else None
    if found is None or verb is None:
        return text
    return f"{verb} {found.group('who')} {found.group('tail')}".strip()


def _only(text: str) -> str:
    """「性别、年龄，其他的都不要」 keeps; never when the words before it take something away."""
    found = _REST.search(text)
    if found is None or found.start() < 1 or exception(text) is not None:
        return text
    body = _ONLY_HEAD.sub("", text[: found.start()]).strip(" ,")
    if not body or cue("drop").search(body) or cue("missing").search(body) or "," in body.replace(", ", "、"):
        return text
    kept = cue("keep").search(body) is not None
    return body if kept else (f"只保留{body}" if not found.group().isascii() else f"keep only {body}")
