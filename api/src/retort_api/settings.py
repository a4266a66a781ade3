"""Settings, from the environment (`RETORT_…`) and overridden by the command line. Each says its unit and why its default."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

GIB = 1 << 30
MIB = 1 << 20


class Settings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RETORT_", extra="ignore")

    home: Path = Field(
        default=Path("~/.local/share/retort"),
        description="Folder of everything: the database, the objects, the spool. One service at a time.",
    )
    host: str = Field(
        default="127.0.0.1",
        description="Address to listen on. Anything but loopback is refused: the embedded service has no accounts.",
    )
    port: int = Field(default=8765, ge=0, le=65_535, description="Port to listen on; 0 = any free one.")
    user: str = Field(
        default="local", max_length=100, description="Name of the local user, author of versions."
    )
    upload_bytes: int = Field(default=2 * GIB, ge=1, description="Largest upload in bytes.")
    upload_hours: int = Field(
        default=24,
        ge=1,
        description="An upload in parts that was cut off can be gone on with for this many hours after its last piece.",
    )
    events_days: int = Field(
        default=30,
        ge=1,
        description="Events are kept for this many days; who listened last before that starts anew. Versions, tasks and the audit stay.",
    )
    body_bytes: int = Field(default=4 * MIB, ge=1024, description="Largest JSON request in bytes.")
    run_seconds: int = Field(default=600, ge=1, description="Longest run of a script, in seconds.")
    read_seconds: int = Field(default=600, ge=1, description="Longest reading of a file, in seconds.")
    memory_bytes: int = Field(
        default=4 * GIB,
        ge=256 * MIB,
        description="Anonymous memory of one worker in bytes; more ends the run.",
    )
    output_bytes: int = Field(default=4 * GIB, ge=1024, description="Largest result of one run in bytes.")
    export_bytes: int = Field(
        default=2 * GIB,
        ge=1024,
        description="Largest file that a version is written to, in bytes; of a workbook the sheets before they are packed, "
        "estimated at 48 bytes a cell and its text.",
    )
    compare_bytes: int = Field(
        default=0,
        ge=0,
        description="Memory that finding the difference of two versions may take, in bytes, estimated beforehand; 0 = three tenths "
        "of what this process may have.",
    )
    sandboxes: int = Field(
        default=2, ge=1, le=64, description="Supervisors of each kind at most; each runs one job at a time."
    )
    llm_url: str = Field(
        default="", description="Base URL of an OpenAI-compatible endpoint; empty = rules only."
    )
    llm_model: str = Field(default="", description="Model name at that endpoint.")
    llm_key: SecretStr = Field(
        default=SecretStr(""), description="Key of that endpoint; never logged and never shown."
    )
