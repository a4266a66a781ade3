"""Settings of a service with accounts, from the environment (`RETORT_…`)."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class AccessSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RETORT_", extra="ignore")

    secrets: str = Field(
        default="",
        description="Folder of `signing.json`, `audit.key` and `first-admin`; empty = `secrets` in the home. "
        "Replicas share it; what is missing is made, with mode 0600.",
    )
    hosts: tuple[str, ...] = Field(
        default=(), description="Names this service answers to besides loopback, as a JSON list."
    )
    access_seconds: int = Field(
        default=900, ge=30, le=86_400, description="Life of an access token in seconds."
    )
    session_days: int = Field(
        default=30, ge=1, le=366, description="Longest session in days, however active."
    )
    self_registration: bool = Field(
        default=False, description="Whether people may register without an invitation."
    )
    project_creators: Literal["admins", "everyone"] = Field(
        default="admins", description="Who may make projects: system administrators, or whoever is logged in."
    )
    oidc_issuer: str = Field(default="", description="Issuer of an OpenID Connect provider; empty = none.")
    oidc_audience: str = Field(default="", description="Audience its tokens must be made for.")
    oidc_name_claim: str = Field(
        default="sub", description="Claim that names a person; it must be unique and stable."
    )
    oidc_groups_claim: str = Field(default="groups", description="Claim with the groups of a person.")
    oidc_prefix: str = Field(
        default="oidc:",
        description="In front of names and groups of that provider; with a colon, but in a cluster that knows the same one.",
    )
    oidc_admin_group: str = Field(
        default="",
        description="Group (with the prefix) whose members administer the whole system; empty = none.",
    )
    oidc_ca: str = Field(
        default="", description="File with the CA of that provider; empty = those of the system."
    )
    cluster: bool = Field(
        default=False, description="Accept tokens of the Kubernetes cluster this runs in (TokenReview)."
    )
    cluster_url: str = Field(
        default="", description="Address of the Kubernetes API; empty = that of the Pod."
    )
    cluster_folder: Path = Field(
        default=Path("/var/run/secrets/kubernetes.io/serviceaccount"),
        description="Folder with `token` and `ca.crt` for the Kubernetes API.",
    )
    cluster_audience: str = Field(
        default="retort", description="Audience that tokens of the cluster must have."
    )
    authorisation: Literal["grants", "cluster"] = Field(
        default="grants",
        description="Who decides: members and roles kept here, or the cluster's RBAC (SubjectAccessReview).",
    )
    caller_per_minute: int = Field(
        default=1200, ge=0, description="Requests of one caller a minute; 0 = any number."
    )
    login_per_minute: int = Field(
        default=20, ge=0, description="Log-ins, registrations and refused tokens from one address a minute."
    )
    quota_storage_bytes: int = Field(
        default=0,
        ge=0,
        description="Bytes a project may hold unless it has a quota of its own; 0 = any number.",
    )
    quota_running_tasks: int = Field(
        default=0, ge=0, description="Tasks of a project at work at once, likewise; 0 = any number."
    )
    quota_pending_tasks: int = Field(
        default=0,
        ge=0,
        description="Tasks of a project that wait to start or for a person, likewise; 0 = any number.",
    )
    trusted_proxies: str = Field(
        default="",
        description="Addresses of reverse proxies whose X-Forwarded-For is believed, separated by commas.",
    )
    first_admin: SecretStr = Field(
        default=SecretStr(""),
        description="Token that opens the first account; empty = one is made and written to `first-admin`.",
    )
