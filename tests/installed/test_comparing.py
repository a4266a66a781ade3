"""The service goes on when a project asks it to compare what does not fit into its memory."""

from __future__ import annotations

import json

import pytest
from tests.cluster.kube import Refused
from tests.installed.conftest import Installation
from tests.installed.work import DROP

pytestmark = pytest.mark.timeout(500)  # the first one follows the page
ROWS, COLUMNS = 80_000, 100  # comparing two of it took 1.2 GB
SORT = [{"id": "s1", "op": "sort_rows", "params": {"keys": [{"column": "c0", "descending": True}]}}]


def test_two_large_versions_do_not_bring_down_everybodys_service(installation: Installation) -> None:
    before = _restarts(installation)
    state = {"RETORT_STATE": str(installation.folder / "state-large")}
    names = [f"c{at}" for at in range(COLUMNS)]
    lines = (",".join(str((row * 7 + at) % 9) for at in range(COLUMNS)) for row in range(ROWS))
    (installation.folder / "large.csv").write_text("\n".join([",".join(names), *lines, ""]))
    installation.retort("load", "large.csv", **state)
    done = installation.task(
        {"plan": {"json": json.dumps({"title": "Sort", "steps": SORT})}}, datasetName="large"
    )
    status = installation.until(done, "Complete", "Failed", seconds=150)
    assert status["phase"] == "Complete", status
    for _ in range(3):
        with pytest.raises(Refused, match=r"MiB of memory"):
            installation.retort("diff", "main~1", "main", **state)
    assert installation.done(DROP, base="main", branch="beside-large")["phase"] == "Complete"
    assert _restarts(installation) == before


def _restarts(installation: Installation) -> dict[str, int]:
    found = installation.pods("api")
    assert found
    return {
        pod["metadata"]["name"]: sum(one["restartCount"] for one in pod["status"]["containerStatuses"])
        for pod in found
    }
