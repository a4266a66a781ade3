"""Sources of tasks that many tests ask for."""

from __future__ import annotations

import json
from typing import Any, Final

_STEPS: Final = [{"id": "s1", "op": "drop_columns", "params": {"columns": ["score"]}}]
DROP: Final[dict[str, Any]] = {"plan": {"json": json.dumps({"title": "Drop", "steps": _STEPS})}}
