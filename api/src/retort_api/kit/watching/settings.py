"""Settings of looking at a service, from the environment (`RETORT_…`). Traces have the names of OpenTelemetry itself."""

from __future__ import annotations

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict


class WatchSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RETORT_", extra="ignore")

    metrics_port: int | None = Field(
        default=None,
        ge=0,
        le=65_535,
        description="Second port, with `/metrics`, `/livez` and `/readyz`; 0 = any free one. Without it there is none.",
    )
    metrics_host: str = Field(
        default="127.0.0.1",
        description="Address of the second port. Nobody is asked who they are there; the figures name nobody.",
    )
    log_requests: bool | None = Field(
        default=None,
        description="A line in the log for every request; otherwise only where people log in.",
    )
