"""The folder of a Pod: its cache follows the volume's size and leaves room for the spool."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from .conftest import Object, Rendered
from .test_charts import EXTERNAL, WAYS

Render = Callable[..., Rendered]
UNITS = {"M": 10**6, "G": 10**9, "T": 10**12, "Mi": 1 << 20, "Gi": 1 << 30, "Ti": 1 << 40}


def in_bytes(quantity: str) -> int:
    number = quantity.rstrip("MGTi")
    return int(number) * UNITS[quantity.removeprefix(number)]


def folder(spec: Object) -> tuple[int, int]:
    """Bytes of the volume that the home of the Pod lies in, and of the cache in it."""
    (container,) = spec["containers"]
    env = {one["name"]: one.get("value", "") for one in container["env"]}
    (mount,) = (
        one
        for one in container["volumeMounts"]
        if f"{env['RETORT_HOME']}/".startswith(f"{one['mountPath']}/")
    )
    (volume,) = (one for one in spec["volumes"] if one["name"] == mount["name"])
    return in_bytes(volume["emptyDir"]["sizeLimit"]), int(env["RETORT_CACHE_BYTES"])


@pytest.mark.parametrize("part", ["api", "broker"])
@pytest.mark.parametrize("space", ["", "5Gi", "1G", "20000Mi", "2Ti"])
def test_the_cache_takes_two_fifths_of_the_volume_whatever_its_size(
    render: Render, part: str, space: str
) -> None:
    values = (f"{part}.spool={space}",) if space else ()
    found = render("retort", *EXTERNAL, *values)
    assert not found.error
    volume, cache = folder(found.one("Deployment", f"retort-{part}")["spec"]["template"]["spec"])
    assert volume == in_bytes(space or {"api": "8Gi", "broker": "20Gi"}[part])
    assert cache == volume * 2 // 5


def test_an_upload_of_the_largest_size_fits_beside_a_full_cache(render: Render) -> None:
    for way in WAYS.values():
        spec = render("retort", *way).one("Deployment", "retort-api")["spec"]["template"]["spec"]
        volume, cache = folder(spec)
        assert volume - cache >= 2 * (2 << 30)  # two of RETORT_UPLOAD_BYTES at once


@pytest.mark.parametrize("space", ["much", "1.5Gi", "20", "0Gi", "512Mi"])
def test_a_size_that_cannot_be_reckoned_with_or_is_too_small_is_refused(render: Render, space: str) -> None:
    assert "spool" in render("retort", *EXTERNAL, f"broker.spool={space}").error
