"""The proof of isolation tries where the data is, as far as the values say it."""

from __future__ import annotations

from typing import Any

import pytest

DEV = ("dev.enabled=true",)
EXTERNAL = ("database.existingSecret=db", "objects.existingSecret=s3")


@pytest.mark.parametrize(
    ("values", "targets"),
    [
        (DEV, "database=retort-dev-postgresql:5432,object-store=retort-dev-s3:8333"),
        ((*EXTERNAL, "objects.endpoint=s3.example:9000"), "object-store=s3.example:9000"),
        ((*EXTERNAL, "objects.endpoint=s3.example"), "object-store=s3.example:443"),
        ((*EXTERNAL, "objects.endpoint=s3.example", "objects.insecure=true"), "object-store=s3.example:80"),
        (
            (*EXTERNAL, "objects.endpoint=s3.example", "operator.probeTargets[0]=database=db.example:5432"),
            "object-store=s3.example:443,database=db.example:5432",
        ),
    ],
)
def test_the_stores_are_targets_of_the_probe(render: Any, values: tuple[str, ...], targets: str) -> None:
    spec = dict(render("retort", *values).pods())["retort-operator"]
    env = {one["name"]: one.get("value") for one in spec["containers"][0]["env"]}
    assert env["RETORT_PROBE_TARGETS"] == targets
