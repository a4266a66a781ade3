"""What the charts make, whole, for each way they are installed: kept as files, so that a change of a template is read as what
it changes in the cluster.

`RETORT_RECORD_SNAPSHOTS=1 pytest tests/charts/test_snapshots.py` writes them anew.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from .conftest import Object, Rendered
from .test_charts import EXTERNAL, WAYS

SNAPSHOTS = Path(__file__).parent / "snapshots"
RECORD = os.environ.get("RETORT_RECORD_SNAPSHOTS") == "1"
# File -> the chart and how it is installed. The custom resources are files of their own (`crds/`).
MADE: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "default": ("retort", EXTERNAL, ()),
    "ha": ("retort", WAYS["ha"], ()),
    "namespaced": ("retort", WAYS["namespaced"], ()),
    "air-gapped": ("retort", WAYS["air-gapped"], ()),
    "everything": ("retort", WAYS["everything"], ()),
    "dev": ("retort", (), ("charts/retort/values-dev.yaml",)),
    "cluster": ("retort-cluster", ("crds.enabled=false",), ()),
}


def told(found: Rendered) -> str:
    """The objects as text, in the order in which they are rendered. What is drawn by chance is left out."""
    assert not found.error
    return yaml.safe_dump_all(map(_without_chance, found.objects), sort_keys=False, width=120)


def _without_chance(one: Object) -> dict[str, Any]:
    return {**one, "data": dict.fromkeys(one["data"], "drawn by chance")} if one["kind"] == "Secret" else one


@pytest.mark.parametrize("name", MADE)
def test_what_a_chart_makes_is_what_was_read_when_it_was_last_changed(
    render: Callable[..., Rendered], name: str
) -> None:
    chart, values, files = MADE[name]
    made, path = told(render(chart, *values, files=files)), SNAPSHOTS / f"{name}.yaml"
    if RECORD:
        path.parent.mkdir(exist_ok=True)
        path.write_text(made)
    kept = path.read_text() if path.exists() else ""
    change = difflib.unified_diff(kept.splitlines(), made.splitlines(), "kept", "made", lineterm="", n=6)
    assert kept == made, "\n".join(["RETORT_RECORD_SNAPSHOTS=1 writes it anew", *change])


def test_nothing_is_kept_that_is_not_made() -> None:
    assert {path.stem for path in SNAPSHOTS.glob("*")} == set(MADE)
