"""Images made of a few files, as OCI archives: enough for a statically linked program.

Nothing in them depends on time or machine, so the same files give the same digest.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

INDEX, LAYOUT = "index.json", "oci-layout"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"


def write(archive: Path, image: str, files: Mapping[str, Path | bytes], settings: Mapping[str, Any]) -> None:
    """`settings` as in the image's configuration: User, Entrypoint, Env."""
    layer = _tar(
        {name: data if isinstance(data, bytes) else data.read_bytes() for name, data in files.items()}
    )
    described = {
        "architecture": "amd64", "os": "linux", "config": dict(settings),
        "rootfs": {"type": "layers", "diff_ids": [_digest(layer)]},
    }  # fmt: skip
    configuration = json.dumps(described).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2, "mediaType": MANIFEST_TYPE,
            "config": _about(configuration, "application/vnd.oci.image.config.v1+json"),
            "layers": [_about(layer, LAYER_TYPE)],
        }
    ).encode()  # fmt: skip
    entry = {**_about(manifest, MANIFEST_TYPE), "annotations": {"org.opencontainers.image.ref.name": image}}
    blobs = {
        f"blobs/sha256/{hashlib.sha256(data).hexdigest()}": data for data in (layer, configuration, manifest)
    }
    index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
    unfinished = archive.with_suffix(".unfinished")
    unfinished.write_bytes(_tar({LAYOUT: b'{"imageLayoutVersion":"1.0.0"}', INDEX: index, **blobs}))
    unfinished.rename(archive)


def digest(archive: Path) -> str:
    """Of the one image in it: what `image@sha256:…` names."""
    with tarfile.open(archive) as tar:
        index = tar.extractfile(INDEX)
        assert index is not None
        return str(json.load(index)["manifests"][0]["digest"])


def unpacked_bytes(archive: Path) -> int:
    """What the image takes on a node: its layers without compression."""
    with tarfile.open(archive) as tar:

        def blob(name: str) -> bytes:
            found = tar.extractfile("blobs/" + name.replace(":", "/"))
            assert found is not None
            return found.read()

        manifest = json.loads(blob(digest(archive)))
        return sum(_length(blob(layer["digest"])) for layer in manifest["layers"])


def _length(layer: bytes) -> int:
    compressed = layer[:2] == b"\x1f\x8b"
    return len(gzip.decompress(layer)) if compressed else len(layer)


def _tar(files: Mapping[str, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as tar:
        for name, data in files.items():
            entry = tarfile.TarInfo(name.lstrip("/"))
            entry.size, entry.mode = len(data), 0o755
            tar.addfile(entry, io.BytesIO(data))
    return written.getvalue()


def _digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def _about(data: bytes, media_type: str) -> dict[str, Any]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}
