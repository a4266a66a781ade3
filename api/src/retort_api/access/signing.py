"""Our own tokens: JSON Web Tokens signed with HMAC-SHA256 by a ring of keys in one file of mode 0600.

The first key of the file signs, all of them verify, so a rotation is: put a new key in front, keep the old ones for
as long as refresh tokens live. The file is read again when it changes; every replica shares it (a Secret).
A file that is not there is made; a file that is unreadable or damaged is an error, never a reason to make another.
"""

from __future__ import annotations

import base64
import os
import secrets
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jwt
from pydantic import BaseModel, Field, ValidationError

from retort_core.errors import Infrastructure, Unauthenticated

ALGORITHM: Final = "HS256"
ISSUER: Final = "retort"
LOOK_SECONDS: Final = 5.0  # how soon a changed file is noticed
KEPT: Final = 8  # keys of a ring at most; a rotation drops the oldest beyond


class Key(BaseModel):
    kid: str = Field(pattern=r"^[A-Za-z0-9_-]{4,64}$")
    secret: str = Field(min_length=43, max_length=200)  # 32 bytes or more, base64url

    @property
    def raw(self) -> bytes:
        return base64.urlsafe_b64decode(self.secret + "=" * (-len(self.secret) % 4))


class Ring(BaseModel):
    keys: tuple[Key, ...] = Field(min_length=1, max_length=32)


def new_key() -> Key:
    return Key(kid=secrets.token_hex(4), secret=secrets.token_urlsafe(32))


def rotated(path: Path) -> Ring:
    """A new key in front; what it signs is accepted as soon as every replica has seen the file."""
    old = _read(path).keys if path.exists() else ()
    ring = Ring(keys=(new_key(), *old)[:KEPT])
    write_secret(path, ring.model_dump_json(indent=1))
    return ring


def write_secret(path: Path, text: str) -> None:
    """Whole or not at all, readable by its owner only."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def secret_of(path: Path) -> bytes:
    """32 random bytes that are made once and then stay, such as the one the audit is sealed with."""
    if not path.exists():
        write_secret(path, secrets.token_hex(32))
    text = path.read_text("utf-8").strip()
    if len(text) < 32:
        raise Infrastructure(f"The secret in {path} is shorter than 32 characters; restore the file.")
    return text.encode()


def _read(path: Path) -> Ring:
    try:
        return Ring.model_validate_json(path.read_bytes())
    except (OSError, ValidationError):
        raise Infrastructure(
            f"The signing keys in {path} cannot be read; restore the file, or move it away to make new ones "
            "(everybody has to log in again)."
        ) from None


class KeyRing:
    def __init__(self, path: Path, now: Callable[[], float] = time.time) -> None:
        self._path, self._now = path, now
        if not path.exists():
            rotated(path)
        self._ring, self._stamp = _read(path), path.stat().st_mtime_ns
        self._looked = time.monotonic()

    def sign(self, audience: str, seconds: float, **claims: Any) -> str:
        self._refresh()
        key, now = self._ring.keys[0], int(self._now())
        body = {"iss": ISSUER, "aud": audience, "iat": now, "exp": now + int(seconds), **claims}
        return jwt.encode(body, key.raw, algorithm=ALGORITHM, headers={"kid": key.kid})

    def verify(self, token: str, audience: str) -> dict[str, Any]:
        """The claims, or Unauthenticated. Only this algorithm, only keys of the ring, only this audience."""
        self._refresh()
        try:
            kid = jwt.get_unverified_header(token).get("kid")
            key = next((one for one in self._ring.keys if one.kid == kid), None)
            if key is None:
                raise Unauthenticated(
                    "The token was signed by a key this service does not have; log in again."
                )
            required = ["exp", "iat", "iss", "aud", "sub", "sid"]
            found: dict[str, Any] = jwt.decode(
                token, key.raw, algorithms=[ALGORITHM], audience=audience, issuer=ISSUER,
                options={"require": required, "verify_exp": False, "verify_iat": False},
            )  # fmt: skip
        except (jwt.PyJWTError, ValueError, RecursionError):
            raise Unauthenticated("The token is not one of this service; log in again.") from None
        if not isinstance(found["exp"], int) or found["exp"] <= self._now():
            raise Unauthenticated("The token has expired; refresh it or log in again.", expired=True)
        return found

    def _refresh(self) -> None:
        if time.monotonic() - self._looked < LOOK_SECONDS:
            return
        self._looked = time.monotonic()
        stamp = self._path.stat().st_mtime_ns
        if stamp != self._stamp:
            self._ring, self._stamp = _read(self._path), stamp


def issuer_of(token: str) -> str:
    """What an unverified token says of its issuer; "" for what is no JWT. It only chooses who is to verify it."""
    try:
        claims = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, ValueError, RecursionError):
        return ""
    issuer = claims.get("iss") if isinstance(claims, dict) else ""
    return issuer if isinstance(issuer, str) else ""
