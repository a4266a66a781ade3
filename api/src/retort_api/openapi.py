"""The OpenAPI document as text, the same bytes every time: `api/openapi.json` is made from it."""

from __future__ import annotations

import json
from contextlib import AbstractAsyncContextManager

from retort_api.app import create_app
from retort_api.services import Services


def _never_opened() -> AbstractAsyncContextManager[Services]:
    raise RuntimeError("only the description of the routes is asked for")


def render() -> str:
    app = create_app(_never_opened, hosts=("localhost",), body_bytes=1024)
    return json.dumps(app.openapi(), ensure_ascii=False, indent=1, sort_keys=True) + "\n"
