"""The token a client shows: given, from RETORT_TOKEN, or of a log-in that is kept in a file only its owner reads.

A kept access token is renewed shortly before it ends. A refresh token is good once, so two commands that run at the
same time take turns: the second one finds what the first one was given.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Final

import httpx2 as httpx
from pydantic import BaseModel

from retort_core.http import routes as paths
from retort_core.http.access import Tokens

EARLY: Final = 30.0  # seconds before its end that a token is renewed
PATIENCE: Final = 10.0  # seconds to wait for another command that renews it


class Kept(BaseModel):
    """Of one service."""

    name: str
    access: str
    refresh: str
    until: float

    @classmethod
    def of(cls, tokens: Tokens) -> Kept:
        return cls(
            name=tokens.name,
            access=tokens.access_token,
            refresh=tokens.refresh_token,
            until=time.time() + tokens.expires_in,
        )


class Store:
    """One JSON file of mode 0600, keyed by the service's address."""

    def __init__(self, path: Path | None = None) -> None:
        self.path = path or credentials_file()

    def get(self, url: str) -> Kept | None:
        return self._all().get(url)

    def put(self, url: str, kept: Kept | None) -> None:
        """None forgets."""
        everything = self._all()
        everything.pop(url, None)
        if kept is not None:
            everything[url] = kept
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        draft = self.path.with_suffix(f".{os.getpid()}")
        draft.unlink(missing_ok=True)
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump({key: one.model_dump() for key, one in everything.items()}, file)
        draft.replace(self.path)

    def _all(self) -> dict[str, Kept]:
        try:
            raw = json.loads(self.path.read_text("utf-8"))
            return {url: Kept.model_validate(value) for url, value in raw.items()}
        except (OSError, ValueError, AttributeError):
            return {}

    @contextlib.contextmanager
    def turn(self) -> Iterator[None]:
        """One renewal at a time; a lock that somebody left behind is taken over."""
        lock, end = self.path.with_suffix(".lock"), time.monotonic() + PATIENCE
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        while True:
            try:
                os.close(os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
                break
            except FileExistsError:
                if time.monotonic() > end:
                    lock.unlink(missing_ok=True)
                time.sleep(0.05)
        try:
            yield
        finally:
            lock.unlink(missing_ok=True)


def credentials_file() -> Path:
    root = os.environ.get("RETORT_STATE") or os.environ.get("XDG_STATE_HOME")
    return (Path(root) if root else Path.home() / ".local" / "state") / "retort" / "credentials.json"


class Bearer(httpx.Auth):
    """Shows a token where there is one; a service without accounts does not ask for any."""

    def __init__(self, url: str, token: str = "", store: Store | None = None) -> None:
        self._url, self._token, self._store = url, token, store or Store()

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        token = self._token or self._kept()
        if token:
            request.headers["Authorization"] = f"Bearer {token}"
        yield request

    def _kept(self) -> str:
        kept = self._store.get(self._url)
        if kept is None or kept.until - EARLY > time.time():
            return kept.access if kept is not None else ""
        with self._store.turn():
            kept = self._store.get(self._url)
            if kept is None:
                return ""
            if kept.until - EARLY > time.time():
                return kept.access
            renewed = self._renewed(kept)
            self._store.put(self._url, renewed)
            return renewed.access if renewed is not None else ""

    def _renewed(self, kept: Kept) -> Kept | None:
        """None when the session is over; the service then asks to log in."""
        reply = httpx.post(self._url + paths.REFRESH, json={"refresh_token": kept.refresh}, timeout=30)
        if reply.status_code == httpx.codes.UNAUTHORIZED:
            return None
        reply.raise_for_status()
        return Kept.of(Tokens.model_validate_json(reply.content))
