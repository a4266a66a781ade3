"""Our images and those that tests need: built without a registry, each once per content.

The base images come from Debian packages, the three parts from their Dockerfiles by buildah, with wheels that were
downloaded before: a build opens no connection, so no index, mirror, certificate or password is near it.
Results are OCI archives in the cache; beside a part's lies its bill of materials.
"""

from __future__ import annotations

import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import archives
import debian
import materials
import services
import tooling
from builds import once
from commands import run
from places import HERE, REPOSITORY, cache, content_key

ARCHIVE: Final = "image.tar"
MATERIALS: Final = "bill-of-materials.cdx.json"
PYTHON: Final = (3, 11)  # of the release in debian.py
RUNTIME: Final = (
    "ca-certificates",
    "libpython3.11-stdlib",
    "libstdc++6",
    "netbase",
    "python3-minimal",
    "tzdata",
)
BUILD: Final = (*RUNTIME, "coreutils", "dash", "python3-venv")
PLATFORMS: Final = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64")


# What container runtimes put in front of a name that names no registry.
NO_REGISTRY: Final = "docker.io/library/"


def reference(name: str) -> str:
    """As charts and Pods write it."""
    version = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"]
    return f"retort-{name}:{version}"


def full_reference(name: str) -> str:
    """As a node's image store spells it. Nothing is ever pulled: `imagePullPolicy: Never` or `IfNotPresent`."""
    return NO_REGISTRY + reference(name)


@dataclass(frozen=True)
class Part:
    """An image of the product: its folder's Dockerfile, its lock, the members it is made of."""

    folder: str
    lock: str
    members: tuple[str, ...]

    @property
    def dockerfile(self) -> Path:
        return REPOSITORY / self.folder / "Dockerfile"

    @property
    def locks(self) -> tuple[Path, ...]:
        return tuple(REPOSITORY / "requirements" / f"{name}.txt" for name in (self.lock, "build"))

    def contents(self) -> list[Path]:
        folders = [REPOSITORY / member / "src" for member in self.members]
        sources = sorted(
            p for folder in folders for p in folder.rglob("*") if p.is_file() and p.suffix != ".pyc"
        )
        return [
            self.dockerfile,
            *self.locks,
            *(REPOSITORY / m / "pyproject.toml" for m in self.members),
            *sources,
        ]


PARTS: Final = {
    "executor": Part("executor-image", "executor", ("core", "executor-image")),
    "operator": Part("operator", "operator", ("core", "operator")),
    "api": Part("api", "api", ("core", "plans", "tables", "planner", "api")),
}


BASES: Final = {"base": RUNTIME, "build-base": BUILD}


def names() -> tuple[str, ...]:
    return (*PARTS, *services.services(), *BASES)


def archive(name: str) -> Path:
    """The image's archive, built if its contents have changed."""
    if name in BASES:
        return _base(name)
    image = full_reference(name)
    if name in PARTS:
        part = PARTS[name]
        key = _part_key(part)
        return (
            once(f"images/{name}", key, lambda into: _build_part(part, f"{name}:{key}", into, image))
            / ARCHIVE
        )
    service = services.services()[name]
    return once(f"images/{name}", service.key, lambda into: service.make(into / ARCHIVE, image)) / ARCHIVE


def _base(name: str) -> Path:
    return once(f"images/{name}", _base_key(name), lambda into: _make_base(name, into)) / ARCHIVE


def _base_key(name: str) -> str:
    return content_key(HERE / "debian.py", HERE / "archives.py", *BASES[name])


def _make_base(name: str, into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into) as folder:
        root = Path(folder) / "root"
        debian.tree(BASES[name], root)
        archives.write(into / ARCHIVE, full_reference(name), root, {})  # root, until a part says otherwise


def _part_key(part: Part) -> str:
    contents = [item for path in part.contents() for item in (str(path.relative_to(REPOSITORY)), path)]
    return content_key(*map(_base_key, BASES), *contents)


def _build_part(part: Part, tag: str, into: Path, image: str) -> None:
    given = {"BASE": _in_store("base"), "BUILD_BASE": _in_store("build-base"), "PIP_NO_INDEX": "1"}
    fixed = [
        "--isolation=chroot",
        "--http-proxy=false",
        "--pull=never",
        "--format=oci",
        "--timestamp=0",
        "-q",
    ]
    options = [f"--build-context=wheels={_wheels(part)}", *(f"--build-arg={k}={v}" for k, v in given.items())]
    local = f"localhost/{tag}"
    buildah("build", *fixed, *options, "-f", part.dockerfile, "-t", local, REPOSITORY)
    buildah("push", "-q", local, f"oci-archive:{into / ARCHIVE}:{image}")
    buildah("rmi", "-f", local)
    materials.write(into / ARCHIVE, image, into / MATERIALS)


def _in_store(base: str) -> str:
    """The base image as buildah has it: by its contents, so that checkouts that differ do not meet."""
    path, local = _base(base), f"localhost/{base}:{_base_key(base)}"
    if local not in buildah("images", "--format={{.Name}}:{{.Tag}}").split():
        pulled = buildah("pull", "-q", f"oci-archive:{path}").split()[-1]
        buildah("tag", pulled, local)
    return local


def buildah(*arguments: str | Path) -> str:
    """With its store in the cache, and with nothing that only container engines have."""
    tooling.need("buildah")
    store = cache() / "buildah"
    return run(
        [
            "buildah",
            "--storage-driver=vfs",
            f"--root={store / 'root'}",
            f"--runroot={store / 'run'}",
            *arguments,
        ]
    )


def _wheels(part: Part) -> Path:
    """Everything that the locks name, as wheels for the image's Python."""
    return once("wheels", content_key(*part.locks), lambda into: _download(part, into))


def _download(part: Part, into: Path) -> None:
    for lock in part.locks:
        if "==" in lock.read_text():
            tooling.download(lock.read_text(), into, *_for_the_image())


def _for_the_image() -> list[str]:
    """Nothing where this Python is the image's; else which wheels that one takes."""
    if sys.version_info[:2] == PYTHON:
        return []
    major, minor = PYTHON
    chosen = [f"--python-version={major}.{minor}", "--implementation=cp"]
    abis = [f"--abi={abi}" for abi in (f"cp{major}{minor}", "abi3", "none")]
    return [*chosen, *abis, *(f"--platform={one}" for one in PLATFORMS)]
