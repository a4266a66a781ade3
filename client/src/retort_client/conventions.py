"""What a project remembers, through the API: answers that hold from now on."""

from __future__ import annotations

from retort_client.session import Client
from retort_core.http import routes as paths
from retort_core.http.conventions import Convention


class Conventions:
    """Of one project."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self) -> list[Convention]:
        """Oldest first."""
        return list(self._client.pages(paths.CONVENTIONS, Convention))

    def forget(self, convention: str) -> None:
        """By id; its question is asked again the next time."""
        self._client.request("DELETE", paths.CONVENTION, names={"convention": convention})
