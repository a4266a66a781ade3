"""Sources of tasks that many tests ask for."""

from __future__ import annotations

import json
from typing import Any, Final

_STEPS: Final = [{"id": "s1", "op": "drop_columns", "params": {"columns": ["score"]}}]
DROP: Final[dict[str, Any]] = {"plan": {"json": json.dumps({"title": "Drop", "steps": _STEPS})}}


def _busy(rounds: int) -> dict[str, Any]:
    source = f"def run(table):\n    for _ in range({rounds}):\n        pass\n    return table\n"
    return {"script": {"source": source}}


SLOW: Final = _busy(150_000_000)  # some six seconds of a processor
LONG: Final = _busy(500_000_000)  # some twenty
