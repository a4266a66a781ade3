"""Images of one layer, as OCI archives: a tree of files, or a few programs.

Nothing in them depends on time or machine, so the same files give the same digest.
"""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import io
import json
import platform
import tarfile
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

INDEX, LAYOUT = "index.json", "oci-layout"
LAYER_TYPE: Final = "application/vnd.oci.image.layer.v1.tar"
ARCHITECTURES: Final = {"x86_64": "amd64", "aarch64": "arm64"}
NAME_KEY: Final = "org.opencontainers.image.ref.name"
MANIFEST_TYPE: Final = "application/vnd.oci.image.manifest.v1+json"


Contents: TypeAlias = Path | Mapping[str, Path | bytes]  # a tree, or some files


def write(archive: Path, image: str, contents: Contents, settings: Mapping[str, Any]) -> None:
    """`settings` as in the image's configuration: User, Entrypoint, Env."""
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        layer, unfinished = Path(folder) / "layer", Path(folder) / "archive"
        with tarfile.open(layer, "w") as tar:
            _fill(tar, contents)
        described = {
            "architecture": ARCHITECTURES[platform.machine()], "os": "linux", "config": dict(settings),
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
        entry = {**_about(manifest, MANIFEST_TYPE), "annotations": {NAME_KEY: image}}
        index = json.dumps({"schemaVersion": 2, "manifests": [entry]}).encode()
        files: dict[str, Path | bytes] = {LAYOUT: b'{"imageLayoutVersion":"1.0.0"}', INDEX: index}
        for blob in (layer, configuration, manifest):
            files[_blob(_digest(blob))] = blob
        with tarfile.open(unfinished, "w") as tar:
            _fill(tar, files)
        unfinished.rename(archive)


def _fill(tar: tarfile.TarFile, contents: Contents) -> None:
    if isinstance(contents, Path):
        for path in sorted(contents.rglob("*")):
            tar.add(path, str(path.relative_to(contents)), recursive=False, filter=_plain)
        return
    for name, data in contents.items():
        entry = tarfile.TarInfo(name)
        entry.size, entry.mode = data.stat().st_size if isinstance(data, Path) else len(data), 0o755
        with data.open("rb") if isinstance(data, Path) else io.BytesIO(data) as source:
            tar.addfile(entry, source)


def _plain(entry: tarfile.TarInfo) -> tarfile.TarInfo:
    """Root's, and of no time."""
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def digest(archive: Path) -> str:
    """Of the one image in it: what `image@sha256:…` names."""
    with tarfile.open(archive) as tar:
        index = tar.extractfile(INDEX)
        assert index is not None
        return str(json.load(index)["manifests"][0]["digest"])


def unpacked_bytes(archive: Path) -> int:
    """What the image takes on a node: its layers without compression."""
    return sum(_length(layer) for layer in _layers(archive))


def files(archive: Path, wanted: Callable[[str], bool]) -> Iterator[tuple[str, bytes]]:
    """Name and contents of these files, from every layer."""
    for layer in _layers(archive):
        with tarfile.open(fileobj=layer, mode="r:*") as tar:
            for entry in tar:
                if entry.isfile() and wanted(entry.name.removeprefix("./")):
                    yield entry.name.removeprefix("./"), _contents(tar, entry)


def _layers(archive: Path) -> Iterator[IO[bytes]]:
    with tarfile.open(archive) as tar:
        manifest = json.loads(_contents(tar, _blob(digest(archive))))
        for layer in manifest["layers"]:
            opened = tar.extractfile(_blob(layer["digest"]))
            assert opened is not None
            yield opened


def _blob(name: str) -> str:
    return "blobs/" + name.replace(":", "/")


def _contents(tar: tarfile.TarFile, entry: tarfile.TarInfo | str) -> bytes:
    opened = tar.extractfile(entry)
    assert opened is not None
    return opened.read()


def _length(layer: IO[bytes]) -> int:
    compressed = layer.read(2) == b"\x1f\x8b"
    layer.seek(0)
    with gzip.open(layer) if compressed else contextlib.nullcontext(layer) as opened:
        return sum(len(piece) for piece in iter(lambda: opened.read(1 << 20), b""))


def _digest(data: Path | bytes) -> str:
    if isinstance(data, bytes):
        return f"sha256:{hashlib.sha256(data).hexdigest()}"
    with data.open("rb") as file:
        return f"sha256:{hashlib.file_digest(file, 'sha256').hexdigest()}"


def _about(data: Path | bytes, media_type: str) -> dict[str, Any]:
    size = data.stat().st_size if isinstance(data, Path) else len(data)
    return {"mediaType": media_type, "digest": _digest(data), "size": size}
