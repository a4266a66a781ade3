"""Files of this machine that commands read and write: whole or not at all, and refusals as sentences."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from retort_client.words import say
from retort_core import names
from retort_core.errors import BadInput
from retort_core.plans import Lang


def wanted(path: Path, formats: Sequence[str], lang: Lang) -> str:
    """The format that the file's extension asks for."""
    kind = path.suffix.lstrip(".").lower()
    if kind not in formats:
        raise BadInput(say("extension", lang, path=path.name, formats=", ".join(formats)))
    return kind


@contextmanager
def new_file(path: Path, lang: Lang, *, force: bool) -> Iterator[BinaryIO]:
    """A file that appears at `path` only when all of it is written; what stands there stays until then."""
    if path.exists() and not force:
        raise BadInput(say("exists", lang, path=path))
    try:
        handle, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    except OSError as error:
        raise BadInput(say("not-written", lang, path=path, why=error.strerror or error)) from error
    try:
        with os.fdopen(handle, "wb") as target:
            yield target
        Path(draft).chmod(0o666 & ~_umask())
        Path(draft).replace(path)
    except BaseException as error:
        Path(draft).unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise BadInput(say("not-written", lang, path=path, why=error.strerror or error)) from error
        raise


def _umask() -> int:
    """What new files may not be, as the shell of the person says."""
    mask = os.umask(0)
    os.umask(mask)
    return mask


def usable_name(name: str, lang: Lang) -> str:
    """A name that the service will take, or a sentence why not."""
    if not names.usable(name.strip()):
        raise BadInput(say("bad-name", lang, name=name))
    return name.strip()


def read_text(path: Path, lang: Lang) -> str:
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "not UTF-8"
        raise BadInput(say("not-read", lang, path=path, why=why)) from error
