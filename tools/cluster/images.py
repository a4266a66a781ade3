"""Our images and those that tests need: built without a registry, each once per content.

The base images come from Debian packages, the three parts from their Dockerfiles by buildah, with wheels that were
downloaded before: a build opens no connection, so no index, mirror, certificate or password is near it.
Results are OCI archives in the cache, each with its bill of materials.
"""

from __future__ import annotations

import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import debian
import tooling
from builds import once
from commands import run
from places import HERE, REPOSITORY, cache, content_key

TAG: Final = "dev"
ARCHIVE: Final = "image.tar"
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


def reference(name: str) -> str:
    """What a Pod names. Nothing is ever pulled: `imagePullPolicy: Never` or `IfNotPresent`."""
    return f"localhost/retort/{name}:{TAG}"


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


def archive(name: str) -> Path:
    """The image's archive, built if its contents have changed."""
    if name in BASES:
        return _base(name)
    part = PARTS[name]
    contents = [item for path in part.contents() for item in (str(path.relative_to(REPOSITORY)), path)]
    key = content_key(*map(_base_key, BASES), *contents)
    return once(f"images/{name}", key, lambda into: _build_part(name, part, into)) / ARCHIVE


def _base(name: str) -> Path:
    return once(f"images/{name}", _base_key(name), lambda into: _build_base(name, into)) / ARCHIVE


def _base_key(name: str) -> str:
    return content_key(HERE / "debian.py", *BASES[name])


def _build_base(name: str, into: Path) -> None:
    with tempfile.TemporaryDirectory(dir=into) as folder:
        context = Path(folder)
        debian.tree(BASES[name], context / "root")
        (context / "Dockerfile").write_text("FROM scratch\nCOPY root/ /\n")
        _build(name, context, context / "Dockerfile", into)


def _build_part(name: str, part: Part, into: Path) -> None:
    given = {"BASE": "base", "BUILD_BASE": "build-base"}
    for base in given.values():
        _present(base)
    arguments = {**{argument: reference(base) for argument, base in given.items()}, "PIP_NO_INDEX": "1"}
    options = [f"--build-arg={argument}={value}" for argument, value in arguments.items()]
    _build(name, REPOSITORY, part.dockerfile, into, f"--build-context=wheels={_wheels(part)}", *options)
    buildah("rmi", "-f", reference(name))


def _present(base: str) -> None:
    """In buildah's store, which people may well empty."""
    path = _base(base)
    if reference(base) not in buildah("images", "--format={{.Name}}:{{.Tag}}").split():
        buildah("pull", "-q", f"oci-archive:{path}")


def _build(name: str, context: Path, dockerfile: Path, into: Path, *options: str) -> None:
    fixed = [
        "--isolation=chroot",
        "--http-proxy=false",
        "--pull=never",
        "--format=oci",
        "--timestamp=0",
        "-q",
    ]
    buildah("build", *fixed, *options, "-f", dockerfile, "-t", reference(name), context)
    buildah("push", "-q", reference(name), f"oci-archive:{into / ARCHIVE}:{reference(name)}")


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
