"""What the terminal remembers between two commands: the dataset in use, its conversation and the open task.

One small JSON file per user, keyed by service address; losing it loses nothing but convenience.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from pydantic import BaseModel


class Current(BaseModel):
    """Of one service: names and ids only, no data and no secrets."""

    dataset: str = ""
    conversations: dict[str, str] = {}  # dataset -> conversation
    task: str = ""


def state_file() -> Path:
    root = os.environ.get("RETORT_STATE") or os.environ.get("XDG_STATE_HOME")
    return (Path(root) if root else Path.home() / ".local" / "state") / "retort" / "current.json"


def _read_all() -> dict[str, Current]:
    try:
        raw = json.loads(state_file().read_text("utf-8"))
        return {url: Current.model_validate(value) for url, value in raw.items()}
    except (OSError, ValueError, AttributeError):
        return {}


def load(url: str) -> Current:
    return _read_all().get(url, Current())


def save(url: str, current: Current) -> None:
    everything = {**_read_all(), url: current}
    path = state_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(f".{os.getpid()}")
    draft.write_text(
        json.dumps({u: c.model_dump() for u, c in everything.items()}, ensure_ascii=False, indent=1), "utf-8"
    )
    draft.replace(path)
