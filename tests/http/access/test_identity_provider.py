"""Log-ins by a real OpenID Connect server: codes are exchanged for tokens there, tokens are shown here."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
import servers

A = "/api/v1"
BACK = "http://127.0.0.1/back"


@dataclass
class IdentityProvider:
    url: str
    process: subprocess.Popen[bytes]
    http: httpx.Client

    def token(self, name: str, client: str = "retort", **claims: Any) -> str:
        """What a browser and a client do: authorize, come back with a code, exchange it."""
        self.http.put(f"/users/{name}", json=claims).raise_for_status()
        asked = {"client_id": client, "redirect_uri": BACK, "response_type": "code", "scope": "openid email"}
        gone = self.http.post("/oauth2/authorize", params=asked, data={"sub": name})
        code = parse_qs(urlsplit(gone.headers["location"]).query)["code"][0]
        body = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "client_id": client}
        reply = self.http.post("/oauth2/token", data={**body, "client_secret": "any"})
        return str(reply.raise_for_status().json()["id_token"])


def started(port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(
        [sys.executable, "-m", "oidc_provider_mock", "--port", str(port)],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "AUTHLIB_INSECURE_TRANSPORT": "1"},
    )
    assert process.stderr is not None
    for line in process.stderr:
        if b"running on" in line:
            return process
    raise AssertionError("the identity provider did not start")


def stopped(process: subprocess.Popen[bytes]) -> None:
    assert process.stderr is not None
    process.kill()
    process.wait(10)
    process.stderr.close()


@pytest.fixture
def provider() -> Iterator[IdentityProvider]:
    port = servers.free_port()
    url = f"http://127.0.0.1:{port}"
    with httpx.Client(base_url=url, trust_env=False) as http:
        provider = IdentityProvider(url, started(port), http)
        yield provider
        stopped(provider.process)


def person(house: Any, token: str) -> Any:
    found = house.stranger()
    found.token = token
    return found


def test_people_of_a_provider_are_members_by_name_or_by_group(
    provider: IdentityProvider, own_house: Any
) -> None:
    house = own_house(
        RETORT_OIDC_ISSUER=provider.url, RETORT_OIDC_AUDIENCE="retort", RETORT_OIDC_ADMIN_GROUP="oidc:admins"
    )
    anna = person(house, provider.token("anna", groups=["staff"]))
    me = anna.get(f"{A}/auth/me").json()
    assert (me["name"], me["kind"], me["groups"], me["admin"]) == ("oidc:anna", "oidc", ["oidc:staff"], False)
    house.project("shared")
    anna.project = "shared"
    assert anna.get(anna.p).status_code == 404
    house.root.made("PUT", f"{A}/projects/shared/members", {"subject": "group:oidc:staff", "role": "member"})
    assert anna.get(anna.p).status_code == 200
    assert anna.post(f"{anna.p}/datasets", {"name": "d"}).status_code == 403
    house.root.made("PUT", f"{A}/projects/shared/members", {"subject": "oidc:anna", "role": "analyst"})
    assert anna.post(f"{anna.p}/datasets", {"name": "d"}).status_code == 201
    assert person(house, provider.token("otto", groups=["admins"])).get(f"{A}/accounts").status_code == 200
    # Keys and passwords belong to accounts of this service.
    assert anna.post(f"{A}/auth/keys", {"title": "x", "scopes": ["read"]}).status_code == 403

    # A token that the same provider made for another service opens nothing here.
    assert person(house, provider.token("anna", client="payroll")).get(f"{A}/auth/me").status_code == 401
    # A copy is worth nothing once its owner has logged out.
    copy = person(house, anna.token)
    assert anna.post(f"{A}/auth/logout").status_code == 204
    assert copy.get(f"{A}/auth/me").status_code == 401

    # The provider comes back with new keys: old tokens end when the keys are looked at again, at the latest.
    port = urlsplit(provider.url).port
    assert port is not None
    stopped(provider.process)
    provider.process = started(port)
    forged = person(house, provider.token("anna", groups=["admins"]))
    assert forged.get(f"{A}/auth/me").status_code == 401  # looked at less than 30 seconds ago


def test_a_provider_that_is_away_locks_nobody_else_out(own_house: Any) -> None:
    house = own_house(RETORT_OIDC_ISSUER="http://127.0.0.1:9", RETORT_OIDC_AUDIENCE="retort")
    import base64
    import json

    def b64(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")

    token = f"{b64({'alg': 'RS256', 'kid': 'k'})}.{b64({'iss': 'http://127.0.0.1:9'})}.AAAA"
    reply = person(house, token).get(f"{A}/auth/me")
    assert (reply.status_code, reply.json()["code"]) == (503, "infrastructure")
    assert house.root.get(f"{A}/auth/me").status_code == 200
