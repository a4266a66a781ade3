"""Secrets out of log lines, whoever put them in: by the name of a field, and by what a text looks like.

The last processor before a line is written, so it sees tracebacks too. It is the second fence: nothing is logged with
its secret on purpose. What looks like no secret and stands under a harmless name passes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, MutableMapping
from typing import Any, Final

from retort_core.tracebacks import GONE, without_inputs

DEEP: Final = 8  # levels of a nested value; what lies deeper is shown as its type
_NAMES: Final = re.compile(
    r"(?i)authori[sz]ation|passw|pwd|passphrase|secret|token(?!s_)|cookie|credential|api_?key|"
    r"access_?key|session_?key|private_?key|llm_key|invitation|signature"
)
_KEYS: Final = r"(?:[\w-]*(?:token|secret|passw(?:or)?d|signature|credential|api_?key|access_?key)|key|sig|pwd|auth|code)"
_TEXTS: Final = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{8,}"), rf"\1 {GONE}"),
    (re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"), GONE),  # a JWT
    (re.compile(r"\brt[a-z]_[A-Za-z0-9]{16,}"), GONE),  # API keys and invitations of this product
    (re.compile(r"\bsk-[\w-]{8,}"), GONE),  # keys of model endpoints
    (re.compile(r"(?i)(\b[a-z][a-z0-9+.-]*://)[^\s/@:]*:[^\s/@]*@"), rf"\1{GONE}@"),  # URL with a password
    (re.compile(rf"(?i)([?&;]{_KEYS}=)[^&\s\"']+"), rf"\1{GONE}"),  # queries
    (re.compile(rf"(?i)\b([\w-]*(?:{_NAMES.pattern[4:]})[\w-]*[\"']?\s*[=:]\s*)(\"[^\"]*\"|'[^']*'|[^\s,;&)}}]+)"), rf"\1{GONE}"),
)  # fmt: skip


def redact(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A processor of structlog."""
    return {name: GONE if _secret(name, value) else clean(value) for name, value in event.items()}


def _secret(name: object, value: Any) -> bool:
    return isinstance(name, str) and value not in (None, "") and _NAMES.search(name) is not None


def clean(value: Any, depth: int = 0) -> Any:
    """`value` without what looks like a secret; other kinds of objects become their text."""
    match value:
        case str():
            return text(value)
        case bool() | int() | float() | None:
            return value
        case _ if depth >= DEEP:
            return f"<{type(value).__name__}>"
        case Mapping():
            return {
                str(name): GONE if _secret(name, one) else clean(one, depth + 1)
                for name, one in value.items()
            }
        case list() | tuple() | set() | frozenset():
            return [clean(one, depth + 1) for one in value]
        case _:
            return text(str(value)) if not isinstance(value, bytes) else f"<{len(value)} bytes>"


def text(found: str) -> str:
    found = without_inputs(found)
    for pattern, instead in _TEXTS:
        found = pattern.sub(instead, found)
    return found
