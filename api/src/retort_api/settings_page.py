"""The reference page of settings, from the fields of `Settings`."""

from __future__ import annotations

from retort_api.settings import Settings


def render() -> str:
    head = (
        "# Settings\n\nRead from the environment by `retort up`; `--home`, `--host` and `--port` override them.\n\n"
        "| variable | default | meaning |\n|---|---|---|\n"
    )
    rows = [
        f"| `RETORT_{name.upper()}` | `{field.default}` | {field.description} |"
        for name, field in Settings.model_fields.items()
    ]
    return head + "\n".join(rows) + "\n"
