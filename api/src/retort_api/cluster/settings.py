"""Settings of the parts that only a cluster has, from the environment (`RETORT_…`). Secrets come as files."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from retort_core.errors import BadInput

SHORTEST_SECRET: Final = 16  # bytes; the chart makes 64


class ClusterSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RETORT_", extra="ignore")

    internal_host: str = Field(default="0.0.0.0", description="Address of the internal listener.")  # noqa: S104 - a Pod's own network
    internal_port: int = Field(
        default=8766, ge=0, le=65_535, description="Port of the internal listener; 0 = any free one."
    )
    internal_token_file: Path | None = Field(
        default=None, description="File with the secret that operator, service and broker share."
    )
    session_key_file: Path | None = Field(
        default=None,
        description="File with the secret that session keys of executors are made from (broker).",
    )
    pod_networks: str = Field(
        default="10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,fd00::/8",
        description="Networks of executors, separated by commas; the broker dials no other address.",
    )
    pod_name: str = Field(default="", max_length=253, description="Name of this Pod, in leases of runs.")
    project_namespaces: str = Field(
        default="",
        description="The only namespaces that are projects, separated by commas; empty = those with the label.",
    )
    broker_sandboxes: int = Field(
        default=4, ge=1, le=64, description="Confined processes that take results in, of one broker."
    )

    @property
    def namespaces(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.project_namespaces.split(",") if part.strip())


def secret(path: Path | None, name: str) -> bytes:
    """Content of a secret's file, without the white space around it; as the operator reads it."""
    if path is None:
        raise BadInput(f"RETORT_{name} is not set: it names the file of a secret.")
    try:
        found = path.read_bytes().strip()
    except OSError as error:
        raise BadInput(f"RETORT_{name}: {path} cannot be read ({error.strerror}).") from None
    if len(found) < SHORTEST_SECRET:
        raise BadInput(f"RETORT_{name}: the secret in {path} is shorter than {SHORTEST_SECRET} bytes.")
    return found
