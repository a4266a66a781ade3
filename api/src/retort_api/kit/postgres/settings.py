"""Where PostgreSQL is and how much of it one process takes. Part of the settings of a service on real servers."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from retort_core.errors import BadInput

_SCHEMES: Final = ("postgresql", "postgres", "postgresql+psycopg")
LASTING: Final = 2  # connections of their own: one listens, one holds a lock


class PostgresSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RETORT_", extra="ignore")

    database_url: SecretStr = Field(
        default=SecretStr(""),
        description="PostgreSQL as `postgresql://user@host:5432/name`, with the parameters of libpq behind `?` "
        "(`sslmode=verify-full&sslrootcert=/etc/ca.crt`).",
    )
    database_password_file: Path | None = Field(
        default=None, description="File with the password of that user, instead of a password in the URL."
    )
    database_connections: int = Field(
        default=20,
        ge=5,
        le=1000,
        description="Connections of one process at most. All replicas together must stay below the server's "
        "`max_connections`.",
    )
    database_checkout_seconds: float = Field(
        default=10.0,
        gt=0,
        description="Longest wait for a free connection, in seconds; then the answer is 503.",
    )
    database_connect_seconds: int = Field(
        default=5, ge=1, description="Longest wait for a new connection, in seconds."
    )
    database_statement_seconds: int = Field(
        default=30, ge=1, description="Longest statement of the database, in seconds; then the answer is 503."
    )
    database_lock_seconds: int = Field(
        default=10, ge=1, description="Longest wait for a row of another transaction, in seconds."
    )

    @property
    def named(self) -> bool:
        return bool(self.database_url.get_secret_value())

    @property
    def dsn(self) -> str:
        """For the driver itself; holds the password."""
        return self.url.set(drivername="postgresql").render_as_string(hide_password=False)

    @property
    def url(self) -> URL:
        """Checked, with the password in it; never shown."""
        try:
            url = make_url(self.database_url.get_secret_value())
        except ArgumentError:
            url = URL.create("")
        if url.drivername not in _SCHEMES:
            raise BadInput("RETORT_DATABASE_URL must look like postgresql://user@host:5432/name.")
        if self.database_password_file is not None:
            url = url.set(password=_content(self.database_password_file))
        return url.set(drivername="postgresql+psycopg")

    @property
    def pools(self) -> tuple[int, int]:
        """(readers, writers); pages and event streams read, every act of a task writes."""
        writers = max(2, self.database_connections // 2)
        return self.database_connections - LASTING - writers, writers

    @property
    def connect_arguments(self) -> dict[str, Any]:
        """What every connection is opened with. `TimeZone`: times come back as they were written, in UTC."""
        options = {
            "TimeZone": "UTC",
            "statement_timeout": f"{self.database_statement_seconds}s",
            "lock_timeout": f"{self.database_lock_seconds}s",
            "idle_in_transaction_session_timeout": f"{2 * self.database_statement_seconds}s",
        }
        return {
            "connect_timeout": self.database_connect_seconds,
            "application_name": "retort",
            "options": " ".join(f"-c {name}={value}" for name, value in options.items()),
            # A server that vanished without a word is noticed after half a minute, not after two hours.
            "keepalives_idle": 10,
            "keepalives_interval": 5,
            "keepalives_count": 3,
            "tcp_user_timeout": 30_000,
        }


def _content(path: Path) -> str:
    try:
        return path.read_text().strip()
    except OSError as error:
        raise BadInput(f"RETORT_DATABASE_PASSWORD_FILE {path} cannot be read ({error.strerror}).") from None
