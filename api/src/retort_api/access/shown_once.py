"""Random secrets that are shown once: made here, stored as their SHA-256, told apart by how they begin.

32 random bytes cannot be guessed, so a plain hash is enough; a slow one would only cost every request.
The check sum at the end lets scanners of leaked secrets recognise one without asking anybody.
"""

from __future__ import annotations

import binascii
import hashlib
import secrets
from typing import Final

API_KEY: Final = "rtk_"
INVITATION: Final = "rti_"


def made(prefix: str) -> str:
    body = prefix + secrets.token_hex(32)
    return body + _sum(body)


def plausible(prefix: str, secret: str) -> bool:
    """Whether it was made by `made`; what fails here needs no look into the database."""
    return secret.startswith(prefix) and secret.isascii() and _sum(secret[:-8]) == secret[-8:]


def digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _sum(text: str) -> str:
    return f"{binascii.crc32(text.encode()):08x}"
