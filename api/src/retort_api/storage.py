"""Where objects are kept: the settings of an S3, and the store they describe with a folder of this machine in front."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from retort_core.errors import BadInput
from retort_tables.objects.cached import CachedObjects
from retort_tables.objects.s3 import Bucket, S3Objects

GIB = 1 << 30
MIB = 1 << 20


class StorageSettings(BaseSettings):
    model_config = SettingsConfigDict(env_prefix="RETORT_", extra="ignore")

    s3_endpoint: str = Field(
        default="",
        description="Address of the object store, `https://host:port`; `http://` only where the network is trusted. "
        "Empty = the folder `objects` in the home.",
    )
    s3_bucket: str = Field(default="retort", description="Bucket; it must exist.")
    s3_prefix: str = Field(default="", description="In front of all names in the bucket, to share it.")
    s3_region: str = Field(default="us-east-1", description="Region that requests are signed for.")
    s3_path_style: bool = Field(
        default=True, description="Bucket in the path; `false` = in the host's name, as AWS wants it."
    )
    s3_ca: Path | None = Field(
        default=None,
        description="File with the authority of the store's certificate; empty = those of the system.",
    )
    s3_access_key: SecretStr = Field(
        default=SecretStr(""), description="Access key; never logged and never shown."
    )
    s3_secret_key: SecretStr = Field(
        default=SecretStr(""), description="Secret key; never logged and never shown."
    )
    s3_session_token: SecretStr = Field(default=SecretStr(""), description="Session token of temporary keys.")
    s3_access_key_file: Path | None = Field(
        default=None, description="File with the access key, instead of it."
    )
    s3_secret_key_file: Path | None = Field(
        default=None, description="File with the secret key, instead of it."
    )
    s3_seconds: float = Field(
        default=10.0, gt=0, description="Longest silence of the object store, in seconds; three tries."
    )
    s3_part_bytes: int = Field(
        default=8 * MIB, ge=5 * MIB, description="Size of the parts in which large objects go up, in bytes."
    )
    cache_bytes: int = Field(
        default=10 * GIB,
        ge=64 * MIB,
        description="Objects of the store kept as files in `cache` of the home, in bytes; the oldest go first. Leave room "
        "beside it for the spool; the chart takes two fifths of the Pod's volume.",
    )

    @property
    def bucket(self) -> Bucket:
        place = urlsplit(self.s3_endpoint)
        if place.scheme not in ("http", "https") or not place.netloc or place.path.strip("/"):
            raise BadInput(f"RETORT_S3_ENDPOINT must look like https://host:port, not {self.s3_endpoint!r}.")
        return Bucket(
            endpoint=place.netloc,
            name=self.s3_bucket,
            access_key=_secret("S3_ACCESS_KEY", self.s3_access_key, self.s3_access_key_file),
            secret_key=_secret("S3_SECRET_KEY", self.s3_secret_key, self.s3_secret_key_file),
            session_token=self.s3_session_token.get_secret_value() or None,
            secure=place.scheme == "https",
            region=self.s3_region,
            prefix=self.s3_prefix,
            path_style=self.s3_path_style,
            ca=self.s3_ca,
            seconds=self.s3_seconds,
            part_bytes=self.s3_part_bytes,
        )


def remote(settings: StorageSettings, home: Path) -> CachedObjects:
    """Blocking: raises Unavailable unless the bucket is there."""
    store = S3Objects(settings.bucket)
    store.check()
    return CachedObjects(store, home / "cache", settings.cache_bytes)


def _secret(name: str, given: SecretStr, file: Path | None) -> str:
    if file is None:
        value = given.get_secret_value()
    else:
        try:
            value = file.read_text().strip()
        except OSError as error:
            raise BadInput(f"RETORT_{name}_FILE {file} cannot be read ({error.strerror}).") from None
    if not value:
        raise BadInput(f"The object store needs RETORT_{name} or RETORT_{name}_FILE.")
    return value
