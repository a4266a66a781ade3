"""Real data through the product's own door: the public survey beside the checkout, asked in words.

It lies outside the repository and is present where this project is tested; without it there is nothing to read.
"""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "example-a.csv"
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="example-a.csv is not beside this checkout")


@pytest.fixture(scope="module")
def loaded(service) -> str:
    task = service.upload("example-a", FILE.read_bytes(), "example-a.csv")
    assert task["phase"] == "Complete", task["status"]
    assert task["status"]["result"]["counts"]["rows_after"] == 8255
    return "example-a"


def answered(service, dataset: str, text: str, conversation: str) -> dict[str, Any]:
    task = service.say(dataset, conversation, text)
    assert task["phase"] == "Complete", (text, task["status"]["message"], task["status"]["failure"])
    return task


def table(service, task: dict[str, Any]) -> list[dict[str, Any]]:
    result = task["status"]["result"]["result"]
    page = service.get(f"/api/v1/projects/default/results/{result}/table").json()
    names = [column["name"] for column in page["columns"]]
    return [dict(zip(names, row, strict=True)) for row in page["rows"]]


def mean_of(rows: list[dict[str, Any]]) -> float:
    return float(next(iter(rows[0].values())))


def test_codes_for_no_answer_are_found_and_the_mean_is_right(service, loaded) -> None:
    talk = service.converse(loaded)
    first = answered(service, loaded, "q5_1均值", talk)
    proposed = "97" in str(first["status"]) and "98" in str(first["status"])
    assert proposed, "the proposed missing codes are said with the figure"
    answered(service, loaded, "q5_1的97、98算缺失", talk)
    assert mean_of(table(service, answered(service, loaded, "q5_1均值", talk))) == pytest.approx(
        3.58, abs=0.005
    )


def test_codes_of_a_multiple_answer_are_counted_with_weight(service, loaded) -> None:
    with FILE.open(encoding="utf-8-sig", newline="") as file:
        lines = list(csv.DictReader(file))
    expected: dict[str, float] = {}
    base = 0.0
    for line in lines:
        codes = {code for code in line["q3"].split(";") if code}
        if codes and line["weight_a"]:
            base += float(line["weight_a"])
            for code in codes:
                expected[code] = expected.get(code, 0.0) + float(line["weight_a"])
    talk = service.converse(loaded)
    rows = table(service, answered(service, loaded, "q3各选项人数，按weight_a加权", talk))
    found = {str(row["值"]): row["占比"] for row in rows}
    assert set(found) == set(expected)
    assert all(found[code] == pytest.approx(expected[code] / base, rel=1e-9) for code in expected)
