"""What is asked of a Kubernetes API server: whose token is this, may they; and plain calls. A small client of its own.

`authentication.k8s.io` TokenReview and `authorization.k8s.io` SubjectAccessReview here, other objects where they are
made (`cluster.objects`, `cluster.namespaces`), over one connection pool that trusts the cluster's CA only. The service's own token is read for every request, because the kubelet
replaces it every hour. Anything but a clear answer is `Infrastructure`: then nobody comes in and nothing is allowed.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import Any, Final

import httpx2 as httpx

from retort_core.errors import Infrastructure

SECONDS: Final = 5.0
TOKENS: Final = "/apis/authentication.k8s.io/v1/tokenreviews"
ACCESS: Final = "/apis/authorization.k8s.io/v1/subjectaccessreviews"
SILENT_CALL: Final = "The Kubernetes API does not answer; try again."
SILENT: Final = "The Kubernetes API does not answer, so nobody can be let in; try again."


def in_pod(environment: dict[str, str] | None = None) -> str:
    """Address of the API server as a Pod knows it."""
    found = os.environ if environment is None else environment
    host, port = found.get("KUBERNETES_SERVICE_HOST", ""), found.get("KUBERNETES_SERVICE_PORT", "443")
    if not host:
        raise Infrastructure("This is no Pod: KUBERNETES_SERVICE_HOST is not set. Name RETORT_CLUSTER_URL.")
    return f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"


class Cluster:
    def __init__(self, url: str, folder: Path) -> None:
        trusted = (
            ssl.create_default_context(cafile=str(folder / "ca.crt")) if url.startswith("https") else False
        )
        self._token = folder / "token"
        self._client = httpx.AsyncClient(
            base_url=url, verify=trusted, timeout=SECONDS, follow_redirects=False, trust_env=False
        )

    async def close(self) -> None:
        await self._client.aclose()

    async def token_review(self, token: str, audience: str) -> dict[str, Any]:
        """`status` of the review."""
        return await self._review(
            TOKENS, "TokenReview", "authentication.k8s.io/v1", {"token": token, "audiences": [audience]}
        )

    async def access_review(self, spec: dict[str, Any]) -> bool:
        status = await self._review(ACCESS, "SubjectAccessReview", "authorization.k8s.io/v1", spec)
        return status.get("allowed") is True and status.get("denied") is not True

    async def call(
        self, method: str, path: str, body: dict[str, Any] | None = None
    ) -> tuple[int, dict[str, Any]]:
        """Status and object of the answer, whatever it says; raises Infrastructure when there is none."""
        try:
            reply = await self._client.request(method, path, json=body, headers=self._headers())
            found = reply.json()
        except (httpx.HTTPError, OSError, ValueError):
            raise Infrastructure(SILENT_CALL) from None
        return reply.status_code, found if isinstance(found, dict) else {}

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self._token.read_text('utf-8').strip()}"}

    async def _review(self, path: str, kind: str, version: str, spec: dict[str, Any]) -> dict[str, Any]:
        body = {"apiVersion": version, "kind": kind, "spec": spec}
        try:
            reply = await self._client.post(path, json=body, headers=self._headers())
            found = reply.json() if reply.status_code in (200, 201) else None
        except (httpx.HTTPError, OSError, ValueError):
            raise Infrastructure(SILENT) from None
        status = found.get("status") if isinstance(found, dict) else None
        if not isinstance(status, dict):
            raise Infrastructure(SILENT, answered=reply.status_code)
        return status
