"""Sources of tasks that many tests ask for."""

from __future__ import annotations

import json
from typing import Any, Final

_STEPS: Final = [{"id": "s1", "op": "drop_columns", "params": {"columns": ["score"]}}]
DROP: Final[dict[str, Any]] = {"plan": {"json": json.dumps({"title": "Drop", "steps": _STEPS})}}


def _busy(seconds: int) -> dict[str, Any]:
    """By the clock: as many rounds took 10 s on one machine and 85 on another, and an upgrade was over or not."""
    source = (
        "from datetime import datetime, timedelta\n"
        "def run(table):\n"
        f"    end = datetime.now() + timedelta(seconds={seconds})\n"
        "    while datetime.now() < end:\n"
        "        pass\n"
        "    return table\n"
    )
    return {"script": {"source": source}}


SLOW: Final = _busy(6)
LONG: Final = _busy(45)  # longer than every part takes to be rolled
