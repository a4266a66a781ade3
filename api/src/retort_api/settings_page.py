"""The reference page of settings, from the fields of `Settings` and `AccessSettings`."""

from __future__ import annotations

from pydantic_settings import BaseSettings

from retort_api.access.settings import AccessSettings
from retort_api.settings import Settings

HEAD = """# Settings

Read from the environment by `retort up`; `--home`, `--host` and `--port` override them.
"""
PEOPLE = """
## Where people log in

Read with `--accounts`, and by the service in a cluster.
"""
TABLE = "\n| variable | default | meaning |\n|---|---|---|\n"


def render() -> str:
    return HEAD + _table(Settings) + PEOPLE + _table(AccessSettings)


def _table(settings: type[BaseSettings]) -> str:
    rows = [
        f"| `RETORT_{name.upper()}` | `{field.default}` | {field.description} |"
        for name, field in settings.model_fields.items()
    ]
    return TABLE + "\n".join(rows) + "\n"
