"""Tokens of an identity provider, checked against keys it really serves; every way a token can be wrong is tried."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2 as httpx
import jwt
import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

from retort_api.access.keysets import BYTES, PAUSE_SECONDS, USABLE_SECONDS, KeySet
from retort_api.access.oidc import OLDEST, Oidc, Provider
from retort_api.access.settings import AccessSettings
from retort_api.kit.database import Database
from retort_api.mains.people import accounts
from retort_api.migrations import schema
from retort_core.errors import BadInput, Infrastructure, Unauthenticated

pytestmark = pytest.mark.asyncio
RSA = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)
EC = ec.generate_private_key(ec.SECP256R1())
ED = ed25519.Ed25519PrivateKey.generate()
AUDIENCE = "retort"


def public(kid: str, key: Any, **rest: str) -> dict[str, Any]:
    make = {rsa.RSAPrivateKey: RSAAlgorithm, ec.EllipticCurvePrivateKey: ECAlgorithm}.get(
        next(
            (kind for kind in (rsa.RSAPrivateKey, ec.EllipticCurvePrivateKey) if isinstance(key, kind)), None
        ),
        OKPAlgorithm,
    )
    return {**json.loads(make.to_jwk(key.public_key())), "kid": kid, **rest}


class Issuer:
    """A provider on loopback: discovery and keys, and how often they were asked for."""

    def __init__(self) -> None:
        self.keys: Any = [public("k1", RSA), public("k2", EC), public("k3", ED)]
        self.asked = 0
        self.broken: tuple[int, bytes] | None = None
        self.extra: dict[str, Any] = {}
        self.longer = 0
        issuer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                discovery = {"issuer": issuer.url, "jwks_uri": f"{issuer.url}/jwks", **issuer.extra}
                issuer.asked += self.path == "/jwks"
                body = json.dumps({"keys": issuer.keys} if self.path == "/jwks" else discovery).encode()
                status, body = issuer.broken or (200, body)
                self.send_response(status)
                self.send_header("Content-Length", str(len(body) + issuer.longer))
                self.send_header("Location", f"{issuer.url}/jwks")
                self.end_headers()
                self.wfile.write(body)
                if issuer.longer:
                    self.wfile.flush()
                    self.connection.recv(1)  # until the client gives up

            def log_message(self, *_: object) -> None:
                return

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    issuer = Issuer()
    thread = threading.Thread(target=issuer.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield issuer
    issuer.server.shutdown()
    thread.join()
    issuer.server.server_close()


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest_asyncio.fixture
async def oidc(issuer: Issuer, clock: Clock, tmp_path: Path) -> AsyncIterator[Oidc]:
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'retort.db'}")
    await schema.upgrade(database)
    async with httpx.AsyncClient(trust_env=False) as client:
        provider = Provider(issuer=issuer.url, audience=AUDIENCE, admin_group="oidc:admins")
        yield Oidc(provider, KeySet(issuer.url, client, clock), database)
    await database.close()


def token(issuer: Issuer, key: Any = RSA, kid: str = "k1", algorithm: str = "RS256", **claims: Any) -> str:
    now = int(time.time())
    body = {"iss": issuer.url, "aud": AUDIENCE, "sub": "anna", "iat": now, "exp": now + 600, **claims}
    body = {name: value for name, value in body.items() if value is not None}
    return jwt.encode(body, key, algorithm=algorithm, headers={"kid": kid})


async def test_a_token_made_for_us_names_its_bearer_under_the_prefix(oidc: Oidc, issuer: Issuer) -> None:
    caller = await oidc.caller(token(issuer, groups=["staff", "", 7, "x" * 500]))
    assert (caller.name, caller.groups, caller.kind, caller.admin) == (
        "oidc:anna",
        ("oidc:staff",),
        "oidc",
        False,
    )
    assert (await oidc.caller(token(issuer, groups=["admins"]))).admin


@pytest.mark.parametrize(("key", "kid", "algorithm"), [
    (RSA, "k1", "RS256"), (RSA, "k1", "RS512"), (RSA, "k1", "PS256"), (EC, "k2", "ES256"), (ED, "k3", "EdDSA"),
])  # fmt: skip
async def test_asymmetric_algorithms_are_accepted(
    oidc: Oidc, issuer: Issuer, key: Any, kid: str, algorithm: str
) -> None:
    assert (await oidc.caller(token(issuer, key, kid, algorithm))).name == "oidc:anna"


WRONG: dict[str, dict[str, Any]] = {
    "of another audience": {"aud": "somebody-else"},
    "of no audience": {"aud": None},
    "for several, and handed over by another": {"aud": [AUDIENCE, "other"], "azp": "other"},
    "of another issuer": {"iss": "https://elsewhere.example"},
    "of an issuer that begins like ours": {"iss": "http://127.0.0.1"},
    "expired": {"exp": int(time.time()) - 3600},
    "without an end": {"exp": None},
    "with an end that is no number": {"exp": "never"},
    "with an end at infinity": {"exp": 1e300},
    "made in the future": {"iat": int(time.time()) + 3600},
    "without a beginning": {"iat": None},
    "not valid yet": {"nbf": int(time.time()) + 3600},
    "made long ago, valid for years": {
        "iat": int(time.time() - OLDEST) - 60,
        "exp": int(time.time()) + 10**8,
    },
    "of nobody": {"sub": None},
    "of somebody with no name": {"sub": ""},
    "of somebody with an invisible name": {"sub": "an\nna"},
    "of somebody with an endless name": {"sub": "x" * 151},
}


@pytest.mark.parametrize("how", WRONG)
async def test_a_token_that_is_wrong_is_refused(oidc: Oidc, issuer: Issuer, how: str) -> None:
    with pytest.raises(Unauthenticated):
        await oidc.caller(token(issuer, **WRONG[how]))


async def test_nobody_of_a_provider_without_a_prefix_takes_the_name_of_an_account(
    oidc: Oidc, issuer: Issuer
) -> None:
    oidc.provider = replace(oidc.provider, prefix="")
    assert (await oidc.caller(token(issuer))).name == "anna"
    with pytest.raises(Unauthenticated, match="accounts of this service"):
        await oidc.caller(token(issuer, sub="retort:anna"))


@pytest.mark.parametrize("prefix", ["", "people-"])
async def test_without_a_cluster_a_prefix_has_a_colon(tmp_path: Path, prefix: str) -> None:
    """Accounts are called by their names alone then; `people-anna` could be one."""
    database = Database(f"sqlite+aiosqlite:///{tmp_path / 'retort.db'}")
    given = AccessSettings(oidc_issuer="http://127.0.0.1:9", oidc_audience=AUDIENCE, oidc_prefix=prefix)
    with pytest.raises(BadInput, match="RETORT_OIDC_PREFIX needs a colon"):
        async with accounts(given, tmp_path, database):
            pass
    await database.close()


async def test_forged_signatures_are_refused(oidc: Oidc, issuer: Issuer) -> None:
    good = token(issuer)
    head, body, mark = good.split(".")
    pem = jwt.PyJWK.from_dict(public("k1", RSA)).key
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    published = pem.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    import base64
    import hashlib
    import hmac

    def b64(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    # The old trick: the published key taken for a shared secret.
    confused = b64(json.dumps({"alg": "HS256", "kid": "k1"}).encode()) + "." + body
    confused += "." + b64(hmac.new(published, confused.encode(), hashlib.sha256).digest())
    none = b64(json.dumps({"alg": "none", "kid": "k1"}).encode()) + "." + body + "."
    for forged in (
        token(issuer, OTHER), token(issuer, OTHER, "k9"), token(issuer, EC, "k1", "ES256"), token(issuer, RSA, "k2"),
        confused, none, f"{head}.{body}.", f"{head}.{body}.{mark[:-4]}AAAA", "", "a.b.c", "[" * 9999,
    ):  # fmt: skip
        with pytest.raises(Unauthenticated):
            await oidc.caller(forged)


async def test_a_token_that_names_no_key_means_the_only_one_there_is(
    oidc: Oidc, issuer: Issuer, clock: Clock
) -> None:
    def nameless(key: Any) -> str:
        now = int(time.time())
        body = {"iss": issuer.url, "aud": AUDIENCE, "sub": "anna", "iat": now, "exp": now + 600}
        return jwt.encode(body, key, algorithm="RS256")

    with pytest.raises(Unauthenticated):
        await oidc.caller(nameless(RSA))
    issuer.keys = [public("k1", RSA)]
    clock.at += PAUSE_SECONDS
    assert (await oidc.caller(nameless(RSA))).name == "oidc:anna"
    with pytest.raises(Unauthenticated):
        await oidc.caller(nameless(OTHER))


async def test_an_address_counts_only_when_the_provider_verified_it(issuer: Issuer, oidc: Oidc) -> None:
    mail = Oidc(
        Provider(issuer=issuer.url, audience=AUDIENCE, name_claim="email"), oidc._keys, oidc._database
    )
    with pytest.raises(Unauthenticated, match="not verified"):
        await mail.caller(token(issuer, email="anna@example.org"))
    caller = await mail.caller(token(issuer, email="anna@example.org", email_verified=True))
    assert caller.name == "oidc:anna@example.org"


async def test_a_copy_is_worth_nothing_after_logging_out(oidc: Oidc, issuer: Issuer) -> None:
    mine, other = token(issuer), token(issuer, sub="otto")
    await oidc.caller(mine)
    async with oidc._database.write() as connection:
        await oidc.end(connection, mine)
    with pytest.raises(Unauthenticated, match="logged out"):
        await oidc.caller(mine)
    assert (await oidc.caller(other)).name == "oidc:otto"


async def test_keys_are_asked_for_once_and_again_only_so_often(
    oidc: Oidc, issuer: Issuer, clock: Clock
) -> None:
    await asyncio.gather(*(oidc.caller(token(issuer)) for _ in range(20)))
    assert issuer.asked == 1
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await oidc.caller(token(issuer, OTHER, f"unknown-{number}"))
    assert issuer.asked == 1
    clock.at += PAUSE_SECONDS
    for number in range(50):
        with pytest.raises(Unauthenticated):
            await oidc.caller(token(issuer, OTHER, f"unknown-{number}"))
    assert issuer.asked == 2


async def test_a_key_that_was_rotated_in_is_found_and_one_rotated_out_is_gone(
    oidc: Oidc, issuer: Issuer, clock: Clock
) -> None:
    await oidc.caller(token(issuer))
    issuer.keys = [public("new", OTHER)]
    clock.at += PAUSE_SECONDS
    assert (await oidc.caller(token(issuer, OTHER, "new"))).name == "oidc:anna"
    with pytest.raises(Unauthenticated):
        await oidc.caller(token(issuer))


@pytest.mark.parametrize("broken", [
    (500, b""), (200, b"no json"), (200, b"[]"), (302, b""), (200, b'{"issuer": "https://evil.example", "jwks_uri": "x"}'),
    (200, b" " * (BYTES + 1)), (200, b"[" * 100_000),
])  # fmt: skip
async def test_a_provider_that_answers_nonsense_keeps_the_known_keys_for_an_hour(
    oidc: Oidc, issuer: Issuer, clock: Clock, broken: tuple[int, bytes]
) -> None:
    await oidc.caller(token(issuer))
    issuer.broken = broken
    clock.at += USABLE_SECONDS - 1
    await oidc.caller(token(issuer))
    clock.at += PAUSE_SECONDS
    with pytest.raises(Infrastructure, match="does not answer"):
        await oidc.caller(token(issuer))


async def test_a_provider_that_never_finishes_its_answer_is_not_waited_for(
    oidc: Oidc, issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("retort_api.access.keysets.SECONDS", 0.2)
    issuer.broken = (200, b"{")
    issuer.longer = 100  # bytes that are announced and never come
    with pytest.raises(Infrastructure):
        await oidc.caller(token(issuer))


async def test_keys_are_not_fetched_from_where_anybody_could_listen(oidc: Oidc, issuer: Issuer) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for url in ("http://elsewhere.example", "ftp://127.0.0.1", "127.0.0.1", "", "http://"):
            with pytest.raises(BadInput):
                KeySet(url, client)
    issuer.extra = {"jwks_uri": "http://elsewhere.example/jwks"}
    with pytest.raises(Infrastructure):
        await oidc.caller(token(issuer))


async def test_symmetric_keys_and_keys_for_encryption_are_no_signing_keys(oidc: Oidc, issuer: Issuer) -> None:
    shared = {"kty": "oct", "kid": "k1", "k": "c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0c2U"}
    issuer.keys = [shared, public("k4", RSA, use="enc"), {"kty": "RSA", "kid": "k5", "n": "x"}, 7, {}]
    secret = "secretsecretsecretsecretsecretse"
    for forged in (
        jwt.encode({"iss": issuer.url, "aud": AUDIENCE, "sub": "anna", "iat": time.time(), "exp": time.time() + 60}, secret, algorithm="HS256", headers={"kid": "k1"}),
        token(issuer, RSA, "k4"), token(issuer, RSA, "k5"),
    ):  # fmt: skip
        with pytest.raises(Unauthenticated):
            await oidc.caller(forged)
