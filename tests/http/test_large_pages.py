"""A page of a table has a bound: of what is asked for at once, a service keeps several copies in memory."""

from __future__ import annotations

import io
from typing import Any

import polars as pl
import pytest

P = "/api/v1/projects/default"
ROWS, COLUMNS = 100_000, 11
ARROW = {"accept": "application/vnd.apache.arrow.stream"}


@pytest.fixture(scope="module")
def large(service: Any) -> str:
    names = ",".join(f"c{at}" for at in range(COLUMNS))
    lines = (",".join(str((row + at) % 7) for at in range(COLUMNS)) for row in range(ROWS))
    task = service.upload("large-pages", "\n".join([names, *lines, ""]).encode())
    assert task["phase"] == "Complete", task["status"]
    return f"{P}/datasets/large-pages/commits/main/table"


def test_a_page_of_more_cells_than_a_page_may_have_is_refused_with_a_way_out(
    service: Any, large: str
) -> None:
    """Regression: 100,000 rows of 500 columns as JSON, which one request could ask for, take 7 GB."""
    reply = service.get(large, params={"limit": ROWS})
    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (413, "limit-exceeded")
    assert "`limit` of 90,909" in problem["detail"]
    assert len(service.get(large, params={"limit": 90_909}).json()["rows"]) == 90_909
    assert len(service.get(large, params={"limit": ROWS, "offset": 50_000}).json()["rows"]) == 50_000
    few = service.get(large, params={"limit": ROWS, "columns": "c1"}).json()["rows"]
    assert len(few) == ROWS


def test_what_programs_read_may_be_larger(service: Any, large: str) -> None:
    reply = service.get(large, params={"limit": ROWS}, headers=ARROW)
    assert reply.headers["retort-total"] == str(ROWS)
    assert pl.read_ipc_stream(io.BytesIO(reply.content)).shape == (ROWS, COLUMNS)
