"""The images that the tests run: how large they are on a node, what is in them, and that nothing else is."""

from __future__ import annotations

import gzip
import io
import json
import re
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from .kube import ROOT

MB = 1_000_000
PYTHON = (3, 11)  # of the images
UNCHECKED_HASH = 1  # flags of a .pyc that names no time and asks for no comparison
BILL = "bill-of-materials.cdx.json"
PARTS = {
    "executor": (
        450 * MB,
        {"retort-core", "retort-executor", "polars", "pyarrow"},
        {"retort-api", "sqlalchemy", "kopf"},
    ),
    "operator": (
        160 * MB,
        {"retort-core", "retort-operator", "kopf"},
        {"polars", "pyarrow", "sqlalchemy", "kubernetes"},
    ),
    "api": (
        None,
        {"retort-core", "retort-api", "polars"},
        {"fastexcel", "openpyxl", "retort-executor", "kubernetes"},
    ),
}


@pytest.fixture(scope="module")
def archives() -> dict[str, Path]:
    """As `make images` leaves them; what is built already is not built again."""
    command = [sys.executable, str(ROOT / "tools" / "cluster"), "images", *PARTS]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    lines = [line.split() for line in done.stdout.splitlines() if line.startswith("retort-")]
    return {name.partition(":")[0].removeprefix("retort-"): Path(path) for name, _, path in lines}


@pytest.mark.parametrize("part", PARTS)
def test_an_image_is_small_and_its_bill_names_what_is_in_it(part: str, archives: dict[str, Path]) -> None:
    most, there, absent = PARTS[part]
    bill = json.loads(archives[part].with_name(BILL).read_text())
    assert (bill["bomFormat"], bill["specVersion"]) == ("CycloneDX", "1.6")
    names = {one["name"].lower().replace("_", "-") for one in bill["components"]}
    assert there <= names
    assert not absent & names
    assert all(one["version"] and one["purl"] for one in bill["components"])
    if most is not None:
        assert unpacked(archives[part]) <= most


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_compiled_anew_at_each_start(part: str, archives: dict[str, Path]) -> None:
    """With stale or missing .pyc an executor took 2 s of a core to be ready instead of 0.7. They may not go by times either:
    whoever builds the image, or unpacks it, may set those."""
    compiled: dict[str, int] = {}
    sources: set[str] = set()
    for layer in layers(archives[part]):
        with tarfile.open(fileobj=io.BytesIO(layer)) as tar:
            for member in tar:
                if not re.search(r"/(test|idlelib|lib2to3|dist-packages)/", member.name) and member.isfile():
                    if member.name.endswith(".py") and "/lib/python3" in f"/{member.name}":
                        sources.add(member.name)
                    elif member.name.endswith(".pyc"):
                        found = tar.extractfile(member)
                        assert found is not None
                        compiled[member.name] = int.from_bytes(found.read(8)[4:], "little")
    tag = f"cpython-{PYTHON[0]}{PYTHON[1]}"
    wanted = {str(Path(name).parent / "__pycache__" / f"{Path(name).stem}.{tag}.pyc") for name in sources}
    assert len(wanted) > 500
    assert sorted(wanted - set(compiled)) == []
    assert {name for name in wanted if compiled[name] != UNCHECKED_HASH} == set()


def layers(archive: Path) -> list[bytes]:
    """Without compression."""
    with tarfile.open(archive) as tar:

        def blob(name: str) -> bytes:
            found = tar.extractfile("blobs/" + name.replace(":", "/"))
            assert found is not None
            return found.read()

        index: Any = json.loads(tar.extractfile("index.json").read())  # type: ignore[union-attr]
        manifest = json.loads(blob(index["manifests"][0]["digest"]))
        layers = [blob(layer["digest"]) for layer in manifest["layers"]]
    return [gzip.decompress(layer) if layer[:2] == b"\x1f\x8b" else layer for layer in layers]


def unpacked(archive: Path) -> int:
    """Bytes of its layers."""
    return sum(map(len, layers(archive)))
