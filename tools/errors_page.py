"""The reference page of errors, from the tree in `retort_core.errors`."""

from __future__ import annotations

from retort_core.errors import all_errors


def render() -> str:
    rows = [
        f"| `{error.code}` | {error.status} | {'yes' if error.retryable else 'no'} | `{error.reason}` | {(error.__doc__ or error.__name__).strip().splitlines()[0]} |"
        for error in all_errors()
    ]
    head = "# Errors\n\nEvery problem carries `code`; HTTP answers are `application/problem+json`.\n\n"
    return (
        head
        + "| code | HTTP | retried | condition reason | class |\n|---|---|---|---|---|\n"
        + "\n".join(rows)
        + "\n"
    )
