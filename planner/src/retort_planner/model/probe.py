"""Does the server really follow a schema? Asked once at start, with a schema no free answer can meet by luck.

The schema allows exactly one document whose value is a fresh random word that the prompt never mentions. A server
that ignores the schema answers something else, whatever the model.
"""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from retort_planner.model.calls import Messages, ModelUnavailable, Rung

if TYPE_CHECKING:
    from retort_planner.model.client import ModelClient

ENFORCED = (Rung.json_schema, Rung.structured_outputs, Rung.json_object)


def probe_schema(word: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {"word": {"type": "string", "enum": [word]}},
        "required": ["word"],
        "additionalProperties": False,
    }


def find_rung(client: ModelClient) -> Rung:
    """The strictest rung the server honours; `text` when it honours none. Raises ModelUnavailable."""
    refused: ModelUnavailable | None = None
    for rung in ENFORCED:
        word = f"w{secrets.token_hex(6)}"
        messages: Messages = [{"role": "user", "content": "Reply with one short greeting."}]
        try:
            answer = client.ask(messages, probe_schema(word), rung)
        except ModelUnavailable as error:
            # A status such as 400 or 500 means this form is unknown to the server; no status: nobody is there.
            if "status" not in error.details:
                raise
            refused = error
            continue
        if _obeys(answer.text, word):
            return rung
    if refused is not None and refused.details.get("status") in (401, 403, 404):
        raise refused
    return Rung.text


def _obeys(text: str, word: str) -> bool:
    try:
        return bool(json.loads(text) == {"word": word})
    except ValueError:
        return False
