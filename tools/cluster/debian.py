"""Trees of Debian packages: downloaded and verified by apt through mmdebstrap, unpacked without any script of theirs.

No package manager, shell or tool comes along unless it is named, and what packages would set up when installed is
written here instead: users, the certificate bundle, links. Each package leaves its record where scanners of
images look for it (/var/lib/dpkg/status.d).
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Collection
from pathlib import Path
from typing import Final

import tooling
from commands import NodeError, run

RELEASE: Final = "bookworm"
# Depended upon for the sake of scripts that never run.
NEVER: Final = frozenset({"debconf", "dpkg", "openssl", "perl-base", "tar"})
LEFT_OUT: Final = (
    "./usr/share/man/*",
    "./usr/share/locale/*",
    "./usr/share/lintian/*",
    "./usr/share/info/*",
)
FOLDERS: Final = (
    "dev",
    "etc",
    "proc",
    "run",
    "sys",
    "tmp",
    "usr/bin",
    "usr/sbin",
    "usr/lib",
    "usr/lib64",
    "var/lib/dpkg/status.d",
    "var/tmp",
)
USER: Final = 10001  # of our images, and of the charts' Pods: one that is in no distribution
USERS: Final = f"""\
root:x:0:0:root:/:/usr/sbin/nologin
retort:x:{USER}:{USER}:retort:/tmp:/usr/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin
"""
GROUPS: Final = f"root:x:0:\nretort:x:{USER}:\nnogroup:x:65534:\n"


def tree(packages: Collection[str], into: Path, *, without: Collection[str] = ()) -> None:
    """Unpack these packages and what they depend on."""
    tooling.need("mmdebstrap")
    _skeleton(into)
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        fetched = Path(folder) / "fetched"
        fetch = ["mmdebstrap", "--variant=extract", "--skip=cleanup/apt", f"--include={','.join(packages)}"]
        run([*fetch, RELEASE, fetched])
        for archive in sorted((fetched / "var" / "cache" / "apt" / "archives").glob("*.deb")):
            name = archive.name.partition("_")[0]
            if name not in NEVER | set(without):
                _unpack(archive, into)
                (into / "var/lib/dpkg/status.d" / name).write_text(run(["dpkg-deb", "--field", archive]))
    _settle(into)


def _skeleton(root: Path) -> None:
    for folder in FOLDERS:
        (root / folder).mkdir(parents=True, exist_ok=True)
    for name in ("bin", "sbin", "lib", "lib64"):
        (root / name).symlink_to(f"usr/{name}")
    for folder in ("tmp", "var/tmp"):
        (root / folder).chmod(0o1777)


def _unpack(archive: Path, root: Path) -> None:
    with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", archive], stdout=subprocess.PIPE) as reading:
        assert reading.stdout is not None
        excluded = [f"--exclude={pattern}" for pattern in LEFT_OUT]
        # /lib is a link to /usr/lib here; packages of this release still carry it as a folder.
        run(["tar", "-x", "--keep-directory-symlink", *excluded, "-C", root], stdin=reading.stdout)
    if reading.returncode != 0:
        raise NodeError(f"{archive.name} cannot be unpacked")


def _settle(root: Path) -> None:
    etc = root / "etc"
    (etc / "passwd").write_text(USERS)
    (etc / "group").write_text(GROUPS)
    (etc / "nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files dns\n")
    (etc / "hosts").write_text("127.0.0.1 localhost\n")
    (etc / "resolv.conf").write_text("")
    authorities = sorted((root / "usr/share/ca-certificates/mozilla").glob("*.crt"))
    if authorities:
        bundle = etc / "ssl/certs/ca-certificates.crt"
        bundle.parent.mkdir(parents=True, exist_ok=True)
        bundle.write_bytes(b"".join(path.read_bytes() for path in authorities))
    for path in (root / "usr/share/doc").rglob("*"):
        if path.is_file() and not path.is_symlink() and path.name != "copyright":
            path.unlink()
    for folder in ("cron.daily", "logrotate.d", "alternatives"):
        shutil.rmtree(etc / folder, ignore_errors=True)
