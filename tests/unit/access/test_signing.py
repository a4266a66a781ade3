"""Tokens of our own: only what the ring signed, only as long as it lives, whatever the token says of itself."""

from __future__ import annotations

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import jwt
import pytest

from retort_api.access import signing
from retort_api.access.signing import KeyRing, issuer_of, rotated, secret_of
from retort_core.errors import Infrastructure, Unauthenticated

AUDIENCE = "retort"


class Clock:
    def __init__(self) -> None:
        self.at = 1_700_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets" / "signing.json"


@pytest.fixture
def ring(path: Path, clock: Clock) -> KeyRing:
    return KeyRing(path, clock)


def sign(ring: KeyRing, **claims: Any) -> str:
    return ring.sign(AUDIENCE, 60, **{"sub": "a1", "sid": "s1", **claims})


def parts(token: str) -> list[dict[str, Any]]:
    return [json.loads(base64.urlsafe_b64decode(part + "==")) for part in token.split(".")[:2]]


def b64(value: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_what_was_signed_is_read_back(ring: KeyRing) -> None:
    claims = ring.verify(sign(ring, gen=3), AUDIENCE)
    assert (claims["sub"], claims["sid"], claims["gen"]) == ("a1", "s1", 3)


def test_a_token_lives_until_it_expires(ring: KeyRing, clock: Clock) -> None:
    token = sign(ring)
    clock.at += 59
    ring.verify(token, AUDIENCE)
    clock.at += 1
    with pytest.raises(Unauthenticated, match="expired"):
        ring.verify(token, AUDIENCE)


def test_a_token_of_another_purpose_is_refused(ring: KeyRing) -> None:
    with pytest.raises(Unauthenticated):
        ring.verify(sign(ring), "retort-refresh")


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return f"{b64({**header, 'alg': 'none'})}.{b64(claims)}."


def other_key(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(claims, b"x" * 32, algorithm="HS256", headers={"kid": header["kid"]})


def other_algorithm(header: dict[str, Any], claims: dict[str, Any]) -> str:
    return jwt.encode(claims, b"x" * 64, algorithm="HS512", headers={"kid": header["kid"]})


def swapped_subject(header: dict[str, Any], claims: dict[str, Any], token: str) -> str:
    return f"{token.split('.', maxsplit=1)[0]}.{b64({**claims, 'sub': 'a2'})}.{token.split('.')[2]}"


def test_forged_tokens_are_refused(ring: KeyRing) -> None:
    token = sign(ring)
    header, claims = parts(token)
    forged = [
        unsigned(header, claims),
        other_key(header, claims),
        other_algorithm(header, claims),
        swapped_subject(header, claims, token),
        token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1],
        token.rsplit(".", 1)[0] + ".",
        jwt.encode(claims, b"x" * 32, algorithm="HS256", headers={"kid": "none"}),
        jwt.encode(claims, b"x" * 32, algorithm="HS256"),
        "", ".", "..", "a.b.c", "\x00", "ey" * 4000, b64({"a": []}) + "." + "[" * 3000,
    ]  # fmt: skip
    for one in forged:
        with pytest.raises(Unauthenticated):
            ring.verify(one, AUDIENCE)


@pytest.mark.parametrize("missing", ["exp", "iat", "iss", "aud", "sub", "sid"])
def test_a_token_of_our_own_key_without_a_claim_is_refused(ring: KeyRing, path: Path, missing: str) -> None:
    """Even a leaked signing routine cannot make a token that never ends."""
    header, claims = parts(sign(ring))
    key = signing._read(path).keys[0].raw
    del claims[missing]
    with pytest.raises(Unauthenticated):
        ring.verify(jwt.encode(claims, key, algorithm="HS256", headers={"kid": header["kid"]}), AUDIENCE)


@pytest.mark.parametrize("expiry", ["tomorrow", None, 1e400, True, [9_999_999_999]])
def test_an_expiry_that_is_no_time_is_refused(ring: KeyRing, path: Path, expiry: Any) -> None:
    header, claims = parts(sign(ring))
    key = signing._read(path).keys[0].raw
    token = jwt.encode({**claims, "exp": 1}, key, algorithm="HS256", headers={"kid": header["kid"]})
    head, body, _ = token.split(".")
    text = json.dumps({**claims, "exp": expiry}).encode()
    body = base64.urlsafe_b64encode(text).decode().rstrip("=")
    mac = jwt.algorithms.HMACAlgorithm(jwt.algorithms.HMACAlgorithm.SHA256).sign(
        f"{head}.{body}".encode(), key
    )
    with pytest.raises(Unauthenticated):
        ring.verify(f"{head}.{body}.{base64.urlsafe_b64encode(mac).decode().rstrip('=')}", AUDIENCE)


def test_keys_rotate_without_logging_anybody_out(path: Path, ring: KeyRing, monkeypatch) -> None:
    monkeypatch.setattr(signing, "LOOK_SECONDS", 0.0)
    before = sign(ring)
    rotated(path)
    after = sign(ring)
    assert parts(before)[0]["kid"] != parts(after)[0]["kid"]
    ring.verify(before, AUDIENCE)
    ring.verify(after, AUDIENCE)
    for _ in range(signing.KEPT):
        rotated(path)
    with pytest.raises(Unauthenticated, match="key this service does not have"):
        ring.verify(before, AUDIENCE)


def test_secrets_are_files_of_their_owner_only(path: Path, ring: KeyRing) -> None:
    old = os.umask(0)
    secret_of(path.parent / "audit.key")
    for file in path.parent.iterdir():
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    os.umask(old)
    assert secret_of(path.parent / "audit.key") == secret_of(path.parent / "audit.key")


@pytest.mark.parametrize(
    "damage", [b"", b"{}", b'{"keys": []}', b'{"keys": [{"kid": "abcd", "secret": "short"}]}', b"\xff"]
)
def test_a_damaged_ring_is_said_and_never_replaced(path: Path, damage: bytes) -> None:
    KeyRing(path)
    path.write_bytes(damage)
    with pytest.raises(Infrastructure, match="cannot be read"):
        KeyRing(path)
    assert path.read_bytes() == damage


def test_the_issuer_of_anything_can_be_asked(ring: KeyRing) -> None:
    assert issuer_of(sign(ring)) == "retort"
    nobody = f"{b64({'alg': 'none'})}.{b64({'iss': ['a']})}."
    for text in ("", "rtk_x", "a.b.c", "[" * 10_000, nobody):
        assert issuer_of(text) == ""
