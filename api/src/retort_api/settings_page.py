"""The reference page of settings, from the fields of every settings class of the service."""

from __future__ import annotations

from pydantic_settings import BaseSettings

from retort_api.access.settings import AccessSettings
from retort_api.cluster.settings import ClusterSettings
from retort_api.kit.postgres.settings import PostgresSettings
from retort_api.kit.watching.settings import WatchSettings
from retort_api.settings import Settings
from retort_api.storage import StorageSettings

HEAD = """# Settings

Read from the environment by `retort up`; `--home`, `--host` and `--port` override them.
"""
PEOPLE = """
## Where people log in

Read with `--accounts`, and by the service in a cluster.
"""
SERVERS = """
## PostgreSQL and S3

Read by `retort serve`, `retort migrate` and `retort fsck`, and by the service in a cluster. Passwords and keys come from the
environment or from files, never from a command line.
"""
CLUSTER = """
## In a cluster

Read by the service (`retort_api.mains.cluster`) and the broker (`retort_api.mains.broker`); the charts set them.
"""
WATCH = """
## Looking at it

Read by every process; see [Watch a service](../how-to/watch-a-service.md). Traces are set by OpenTelemetry's own variables
(`OTEL_EXPORTER_OTLP_ENDPOINT`, `OTEL_SERVICE_NAME`, `OTEL_TRACES_SAMPLER`, …).
"""
TABLE = "\n| variable | default | meaning |\n|---|---|---|\n"


def render() -> str:
    servers = SERVERS + _table(PostgresSettings) + _table(StorageSettings).removeprefix(TABLE)
    cluster = CLUSTER + _table(ClusterSettings)
    watch = WATCH + _table(WatchSettings)
    return HEAD + _table(Settings) + PEOPLE + _table(AccessSettings) + servers + cluster + watch


def _table(settings: type[BaseSettings]) -> str:
    rows = [
        f"| `RETORT_{name.upper()}` | `{'' if field.default is None else field.default}` | {field.description} |"
        for name, field in settings.model_fields.items()
    ]
    return TABLE + "\n".join(rows) + "\n"
