"""What PostgreSQL, its driver and the connection pool raise, in the words of Retort's error tree.

Unavailable
├── Contended         a deadlock, a lock that did not come free, a serialization failure: running it again helps
└── (itself)          no connection, too many, time-outs, a server that goes down or only reads
CommitUnknown         the connection was lost in the middle of a commit; whoever catches it asks the server
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

import structlog
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from retort_core.errors import BadInput, RetortError, Unavailable

log = structlog.get_logger(__name__)
# https://www.postgresql.org/docs/18/errcodes-appendix.html
_UNIQUE: Final = "23505"
_CONTENDED: Final = {"40001", "40P01", "55P03"}
_SENTENCES: Final = {
    "53300": "The database has no connection left; another service uses them up, or RETORT_DATABASE_CONNECTIONS is too high.",
    "53100": "The disk of the database is full.",
    "57014": "The database took too long (RETORT_DATABASE_STATEMENT_SECONDS).",
    "57P01": "The database is being shut down.",
    "57P02": "The database crashed and is coming back.",
    "57P03": "The database is starting up.",
    "25006": "The database only reads: it is a standby, or was switched to read-only.",
    "28P01": "The database refuses the password of this service.",
    "28000": "The database refuses this service.",
    "3D000": "The database of RETORT_DATABASE_URL does not exist.",
    "42P01": "The database lacks a table; run `retort migrate`.",
    "42703": "The database lacks a column; run `retort migrate`.",
}
# A connection that is refused carries no code, only the server's own words, in English where it was not set otherwise.
_WORDS: Final = {
    "too many clients": "53300",
    "remaining connection slots": "53300",
    "starting up": "57P03",
    "shutting down": "57P01",
    "recovery mode": "57P02",
    "password authentication failed": "28P01",
    "no pg_hba.conf entry": "28000",
    "does not exist": "3D000",
}
_GONE: Final = "The database cannot be reached."
_SAFE: Final = " Nothing was changed; try again."


class Contended(Unavailable):
    """Somebody else was at the same rows."""


def repeatable(error: Contended | IntegrityError) -> bool:
    """Whether running the transaction again may help: a row that points at nothing stays wrong."""
    return isinstance(error, Contended) or getattr(error.orig, "sqlstate", "") == _UNIQUE


class CommitUnknown(Exception):
    def plain(self, *, known: bool = True) -> Unavailable:
        if known:
            return Unavailable("The connection to the database was lost." + _SAFE)
        return Unavailable(
            "The connection to the database was lost in the middle of a commit, and the database does not answer. "
            "Look whether it was done before trying again."
        )


@contextmanager
def explained() -> Iterator[None]:
    """Around everything that talks to the server. Errors of one's own and broken keys pass as they are."""
    try:
        yield
    except PoolTimeout:
        raise Unavailable("All connections to the database are in use." + _SAFE) from None
    except IntegrityError:
        raise
    except DataError as error:
        raise BadInput(f"The database cannot store this: {_first_line(error)}.") from None
    except DBAPIError as error:
        raise _told(error) from error


def _told(error: DBAPIError) -> RetortError:
    state = str(getattr(error.orig, "sqlstate", "") or "") or _state(_first_line(error))
    if state in _CONTENDED:
        return Contended("Somebody else is changing the same; it did not come free in time." + _SAFE)
    log.warning("database_failed", sqlstate=state, error=_first_line(error))
    if state and state not in _SENTENCES and not error.connection_invalidated:
        return Unavailable(f"The database failed ({state})." + _SAFE)
    return Unavailable(_SENTENCES.get(state, _GONE) + _SAFE)


def _state(words: str) -> str:
    return next((state for part, state in _WORDS.items() if part in words), "")


def _first_line(error: DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]
