"""From nobody to somebody and back: the first account, sessions, what ends them, keys."""

from __future__ import annotations

import stat
import time
from pathlib import Path
from typing import Any

import pytest

A = "/api/v1"
PASSWORD = "correct horse battery"


def refused(reply: Any, status: int = 401, code: str = "unauthenticated") -> dict[str, Any]:
    assert reply.status_code == status, reply.text
    assert reply.headers["content-type"] == "application/problem+json"
    body: dict[str, Any] = reply.json()
    assert body["code"] == code
    assert body["detail"]
    if status == 401:
        assert reply.headers["www-authenticate"].startswith("Bearer")
    return body


def stranger(house: Any) -> Any:
    return house.stranger()


def test_nobody_gets_in_without_a_token(house: Any) -> None:
    body = refused(stranger(house).get(f"{A}/projects"))
    assert "retort login" in body["detail"]


def test_the_first_account_is_opened_by_a_file_that_only_its_owner_reads(house: Any) -> None:
    file = house.home / "secrets" / "first-admin"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    body = {"name": "second", "password": PASSWORD, "invitation": file.read_text().strip()}
    refused(stranger(house).post(f"{A}/accounts", body), 403, "denied")


def test_there_is_no_registration_without_an_invitation_unless_it_is_allowed(
    house: Any, own_house: Any
) -> None:
    body = {"name": "walk-in", "password": PASSWORD}
    refused(stranger(house).post(f"{A}/accounts", body), 403, "denied")
    free = own_house(RETORT_SELF_REGISTRATION="1")
    assert stranger(free).made("POST", f"{A}/accounts", body)["admin"] is False
    assert free.login("walk-in").get(f"{A}/projects").json()["items"] == []


def test_an_invitation_is_good_once_and_for_what_it_says(house: Any) -> None:
    house.project("invited")
    token = house.root.made("POST", f"{A}/projects/invited/invitations", {"role": "analyst"})["token"]
    body = {"name": "guest", "password": PASSWORD, "invitation": token}
    stranger(house).made("POST", f"{A}/accounts", body)
    refused(stranger(house).post(f"{A}/accounts", {**body, "name": "guest2"}), 403, "denied")
    me = house.login("guest").get(f"{A}/auth/me").json()
    assert me["projects"] == [{"project": "invited", "role": "analyst"}]
    assert me["kind"] == "account"
    assert me["admin"] is False


def test_an_invitation_to_a_project_makes_no_system_administrator(house: Any) -> None:
    house.project("modest")
    reply = house.root.post(f"{A}/projects/modest/invitations", {"role": "admin", "admin": True})
    refused(reply, 422, "bad-input")


@pytest.mark.parametrize(
    "name", ["oidc:anna", "system:admin", "a/b", "..", "", "a b", "x" * 101, "-a", "a\nb", "_x"]
)
def test_names_that_could_be_taken_for_something_else(house: Any, name: str) -> None:
    token = house.root.made("POST", f"{A}/invitations", {})["token"]
    reply = stranger(house).post(f"{A}/accounts", {"name": name, "password": PASSWORD, "invitation": token})
    refused(reply, 422, "bad-input")


def test_one_spelling_one_account(house: Any) -> None:
    house.invited("Ａnna.王")
    assert house.login("anna.王").get(f"{A}/auth/me").json()["name"] == "anna.王"
    token = house.root.made("POST", f"{A}/invitations", {})["token"]
    reply = stranger(house).post(
        f"{A}/accounts", {"name": "ANNA.王", "password": PASSWORD, "invitation": token}
    )
    refused(reply, 409, "conflict")
    # The name was taken, so the invitation is still good.
    stranger(house).made(
        "POST", f"{A}/accounts", {"name": "anna2", "password": PASSWORD, "invitation": token}
    )


@pytest.mark.parametrize("password", ["short", "x" * 201, "weak-one1", "WEAK-ONE"])
def test_passwords_that_are_none(house: Any, password: str) -> None:
    token = house.root.made("POST", f"{A}/invitations", {})["token"]
    reply = stranger(house).post(
        f"{A}/accounts", {"name": "weak-one", "password": password, "invitation": token}
    )
    refused(reply, 422, "bad-input")
    assert password not in reply.text


def test_a_wrong_password_and_an_unknown_name_look_and_last_the_same(house: Any) -> None:
    house.invited("timed")
    person, took = stranger(house), {"timed": [], "nobody-of-that-name": []}
    bodies = set()
    for _ in range(4):
        for name, times in took.items():
            started = time.perf_counter()
            reply = person.post(f"{A}/auth/login", {"name": name, "password": "wrong wrong wrong"})
            times.append(time.perf_counter() - started)
            bodies.add(refused(reply)["detail"])
    assert len(bodies) == 1
    # An unknown name that cost no hash would answer in a tenth of the time.
    assert min(took["nobody-of-that-name"]) > min(took["timed"]) / 3


def test_wrong_passwords_lock_the_name_for_longer_and_longer(house: Any) -> None:
    house.invited("locked")
    person = stranger(house)
    for _ in range(5):
        refused(person.post(f"{A}/auth/login", {"name": "locked", "password": "wrong wrong wrong"}))
    reply = person.post(f"{A}/auth/login", {"name": "LOCKED", "password": PASSWORD})
    assert refused(reply, 429, "too-many")["retryable"] is True
    assert 1 <= int(reply.headers["retry-after"]) <= 15
    house.invited("not-locked")


def test_a_refresh_token_is_good_once_and_its_copy_ends_the_session(house: Any) -> None:
    thief = house.invited("robbed")
    first = thief.refresh
    second = thief.made("POST", f"{A}/auth/refresh", {"refresh_token": first})
    thief.token = second["access_token"]
    assert thief.get(f"{A}/auth/me").status_code == 200
    body = refused(thief.post(f"{A}/auth/refresh", {"refresh_token": first}))
    assert "used before" in body["detail"]
    refused(thief.get(f"{A}/auth/me"))
    refused(thief.post(f"{A}/auth/refresh", {"refresh_token": second["refresh_token"]}))
    assert house.login("robbed").get(f"{A}/auth/me").status_code == 200


def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(house: Any) -> None:
    person = house.invited("mixed-up")
    refused(person.post(f"{A}/auth/refresh", {"refresh_token": person.token}))
    person.token = person.refresh
    refused(person.get(f"{A}/auth/me"))


def test_logging_out_ends_this_session_or_all(house: Any) -> None:
    one, two, three = house.invited("leaving"), house.login("leaving"), house.login("leaving")
    assert one.post(f"{A}/auth/logout").status_code == 204
    refused(one.get(f"{A}/auth/me"))
    refused(one.post(f"{A}/auth/refresh", {"refresh_token": one.refresh}))
    assert two.get(f"{A}/auth/me").status_code == 200
    assert two.post(f"{A}/auth/logout", params={"everywhere": "true"}).status_code == 204
    refused(three.get(f"{A}/auth/me"))


def test_a_new_password_ends_every_other_session(house: Any) -> None:
    here, elsewhere = house.invited("careful"), house.login("careful")
    wrong = {"old": "not this one at all", "new": "a new one of mine"}
    refused(here.put(f"{A}/auth/password", wrong))
    assert here.put(f"{A}/auth/password", {"old": PASSWORD, "new": "a new one of mine"}).status_code == 204
    assert here.get(f"{A}/auth/me").status_code == 200
    refused(elsewhere.get(f"{A}/auth/me"))
    refused(stranger(house).post(f"{A}/auth/login", {"name": "careful", "password": PASSWORD}))
    house.login("careful", "a new one of mine")


def test_a_disabled_account_is_out_at_once_with_all_it_has(house: Any) -> None:
    person = house.invited("dismissed")
    key = person.made("POST", f"{A}/auth/keys", {"title": "ci", "scopes": ["read"]})["key"]
    robot = stranger(house)
    robot.token = key
    assert robot.get(f"{A}/auth/me").json()["kind"] == "key"
    house.root.made("PATCH", f"{A}/accounts/dismissed", {"disabled": True})
    refused(person.get(f"{A}/auth/me"))
    refused(robot.get(f"{A}/auth/me"))
    refused(stranger(house).post(f"{A}/auth/login", {"name": "dismissed", "password": PASSWORD}))


def test_the_last_system_administrator_stays(own_house: Any) -> None:
    house = own_house()
    for change in ({"admin": False}, {"disabled": True}):
        refused(house.root.request("PATCH", f"{A}/accounts/root", json=change), 409, "conflict")
    assert house.root.get(f"{A}/accounts").json()["items"][0]["admin"] is True


def test_a_key_is_shown_once_and_never_more_than_it_says(house: Any, two: Any) -> None:
    analyst, robot = house.login("ours-analyst", project="ours"), stranger(house)
    made = analyst.made("POST", f"{A}/auth/keys", {"title": "reports", "scopes": ["read"], "project": "ours"})
    robot.token, robot.project = made["key"], "ours"
    listed = analyst.get(f"{A}/auth/keys").json()["items"]
    assert [one["id"] for one in listed] == [made["id"]]
    assert made["key"] not in str(listed)
    assert robot.get(f"{robot.p}/datasets").status_code == 200
    refused(robot.post(f"{robot.p}/datasets", {"name": "by-key"}), 403, "denied")
    refused(robot.post(f"{A}/auth/keys", {"title": "more", "scopes": ["admin"]}), 403, "denied")
    refused(robot.put(f"{A}/auth/password", {"old": PASSWORD, "new": "another password"}), 403, "denied")
    assert analyst.delete(f"{A}/auth/keys/{made['id']}").status_code == 204
    refused(robot.get(f"{robot.p}/datasets"))
    assert analyst.delete(f"{A}/auth/keys/{made['id']}").status_code == 404


def test_a_key_of_one_project_opens_no_other(house: Any) -> None:
    for name in ("first", "second"):
        house.project(name)
    key = house.root.made("POST", f"{A}/auth/keys", {"title": "x", "scopes": ["admin"], "project": "first"})[
        "key"
    ]
    robot = stranger(house)
    robot.token = key
    assert robot.get(f"{A}/projects/first").status_code == 200
    refused(robot.get(f"{A}/projects/second"), 404, "not-found")
    assert [one["name"] for one in robot.get(f"{A}/projects").json()["items"]] == ["first"]
    refused(robot.get(f"{A}/accounts"), 403, "denied")


def test_nobody_ends_the_key_of_somebody_else(house: Any) -> None:
    mine = house.root.made("POST", f"{A}/auth/keys", {"title": "x", "scopes": ["read"]})
    other = house.invited("curious")
    refused(other.delete(f"{A}/auth/keys/{mine['id']}"), 404, "not-found")
    robot = stranger(house)
    robot.token = mine["key"]
    assert robot.get(f"{A}/auth/me").status_code == 200


def test_secrets_are_in_no_file_of_the_home(house: Any) -> None:
    """Passwords, tokens, keys and invitations: not in the database, not anywhere else."""
    person = house.invited("planted")
    planted = "a planted secret pass"
    assert person.put(f"{A}/auth/password", {"old": PASSWORD, "new": planted}).status_code == 204
    key = person.made("POST", f"{A}/auth/keys", {"title": "x", "scopes": ["read"]})["key"]
    invitation = house.root.made("POST", f"{A}/invitations", {})["token"]
    stranger(house).post(f"{A}/auth/login", {"name": "planted", "password": "a planted wrong one"})
    stranger(house).post(f"{A}/auth/login", {"name": "a planted password as name", "password": "x"})
    secrets = [
        planted, key, invitation, "a planted wrong one", "a planted password as name",
        person.token, person.refresh, person.token.rsplit(".", 1)[1],
    ]  # fmt: skip
    files = [path for path in Path(house.home).rglob("*") if path.is_file()]
    assert files
    for path in files:
        data = path.read_bytes()
        assert not [secret for secret in secrets if secret.encode() in data], path
