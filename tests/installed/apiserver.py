"""The cluster's API over one HTTP client, for what a process of kubectl would be too slow for: streams, timed requests."""

from __future__ import annotations

import base64
import json
import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx2 as httpx
import yaml

AWAY = (httpx.HTTPError, json.JSONDecodeError)  # what a request to one that comes and goes may raise


def tasks_of(project: str) -> str:
    return f"/apis/retort.dev/v1alpha1/namespaces/{project}/agenttasks"


@contextmanager
def api_server() -> Iterator[httpx.Client]:
    """With the rights of the kubeconfig; a request may name somebody else by `Impersonate-User`."""
    told = yaml.safe_load(Path(os.environ["KUBECONFIG"]).read_text())
    cluster, user = told["clusters"][0]["cluster"], told["users"][0]["user"]
    with tempfile.TemporaryDirectory() as folder:
        paths = {}
        for name, source, key in (
            ("ca", cluster, "certificate-authority"),
            ("cert", user, "client-certificate"),
            ("key", user, "client-key"),
        ):
            data = source.get(f"{key}-data")
            paths[name] = Path(folder) / name
            paths[name].write_bytes(base64.b64decode(data) if data else Path(source[key]).read_bytes())
        context = ssl.create_default_context(cafile=str(paths["ca"]))
        context.load_cert_chain(paths["cert"], paths["key"])
        with httpx.Client(base_url=cluster["server"], verify=context, timeout=30, trust_env=False) as client:
            yield client
