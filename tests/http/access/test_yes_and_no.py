"""Who may change data, and whose yes counts: members propose, analysts decide, protected branches need an administrator."""

from __future__ import annotations

from typing import Any

import pytest

A = "/api/v1"
CHANGE = {"instruction": {"text": "keep only the rows where city is Rome"}}
SCRIPT = {"script": {"source": "def run(table):\n    return table.head(10)\n"}}


@pytest.fixture
def team(house: Any, request: pytest.FixtureRequest) -> Any:
    """A project of its own for one test, with a dataset `d`."""
    name = f"team-{abs(hash(request.node.name)) % 10**9}"
    house.project(name)

    class Team:
        admin = house.invited(f"{name}-admin", name, "admin")
        analyst = house.invited(f"{name}-analyst", name, "analyst")
        member = house.invited(f"{name}-member", name, "member")

    assert Team.admin.upload("d")["phase"] == "Complete"
    return Team


def approve(person: Any, task: dict[str, Any]) -> Any:
    commit = task["status"]["staged"]["commit"]
    return person.post(f"{person.p}/tasks/{task['uid']}/approval", {"commit": commit})


def test_a_member_asks_and_is_answered_at_once(team: Any) -> None:
    task = team.member.run("d", {"instruction": {"text": "mean of age by city"}})
    assert task["phase"] == "Complete", task["status"]
    assert task["status"]["result"]["result"]


def test_what_a_member_would_change_waits_for_somebody_who_may(team: Any) -> None:
    before = team.admin.head("d")
    task = team.member.run("d", CHANGE, review="Auto")
    assert task["phase"] == "AwaitingInput", task["status"]
    reply = approve(team.member, task)
    assert (reply.status_code, reply.json()["code"]) == (403, "denied")
    assert team.admin.head("d") == before
    assert approve(team.analyst, task).status_code == 200
    task = team.analyst.finish(task["uid"])
    assert task["phase"] == "Complete", task["status"]
    assert team.admin.head("d") == task["status"]["result"]["commit"] != before
    assert task["requester"] == team.member.name


def test_a_member_does_not_say_yes_in_words_either(team: Any) -> None:
    conversation = team.member.converse("d")
    waiting = team.member.say("d", conversation, CHANGE["instruction"]["text"])
    assert waiting["phase"] == "AwaitingInput"
    said = team.member.run("d", {"command": {"verb": "approve"}}, conversation=conversation)
    assert (said["phase"], said["status"]["failure"]["failure"]) == ("Failed", "Policy"), said["status"]
    assert team.admin.finish(waiting["uid"])["phase"] == "AwaitingInput"
    # No is one's own to say.
    said = team.member.run("d", {"command": {"verb": "reject"}}, conversation=conversation)
    assert said["phase"] == "Complete", said["status"]
    assert team.admin.finish(waiting["uid"])["phase"] == "Failed"


@pytest.mark.parametrize("command", [
    {"verb": "undo"}, {"verb": "redo"}, {"verb": "branch", "args": {"name": "mine"}}, {"verb": "undo_step", "args": {"commit": "main"}},
    {"verb": "remember"},
])  # fmt: skip
def test_a_member_moves_nothing_by_command(team: Any, command: dict[str, Any]) -> None:
    assert team.analyst.run("d", CHANGE)["phase"] == "Complete"
    before = team.admin.get(f"{team.admin.p}/datasets/d/graph").json()
    task = team.member.run("d", {"command": command})
    assert (task["phase"], task["status"]["failure"]["code"]) == ("Failed", "denied"), task["status"]
    assert "data analyst" in task["status"]["message"] or "数据分析员" in task["status"]["message"]
    assert team.admin.get(f"{team.admin.p}/datasets/d/graph").json() == before
    (line,) = [
        one
        for one in team.admin.audit()
        if one["retort"].get("task") == task["uid"] and one["requestURI"] == ""
    ]
    assert (line["responseStatus"], line["user"]["username"]) == (
        {"code": 403, "reason": "denied"},
        team.member.name,
    )
    assert line["sourceIPs"] == ["127.0.0.1"]


def test_a_member_runs_no_code_of_their_own(team: Any) -> None:
    reply = team.member.post(f"{team.member.p}/datasets/d/tasks", {"source": SCRIPT})
    assert (reply.status_code, reply.json()["details"]) == (403, {"verb": "run", "resource": "scripts"})
    assert team.analyst.run("d", SCRIPT)["phase"] in ("Complete", "AwaitingInput")


def test_others_tasks_and_talks_are_not_a_members_business(team: Any) -> None:
    conversation = team.analyst.converse("d")
    waiting = team.analyst.run("d", CHANGE, review="Always", conversation=conversation)
    assert waiting["phase"] == "AwaitingInput"
    tried = [
        team.member.post(f"{team.member.p}/tasks/{waiting['uid']}/cancel"),
        team.member.post(f"{team.member.p}/tasks/{waiting['uid']}/answer", {"text": "yes"}),
        team.member.post(
            f"{team.member.p}/datasets/d/conversations/{conversation}/messages", {"text": "drop age"}
        ),
        team.member.post(
            f"{team.member.p}/datasets/d/tasks", {"source": CHANGE, "conversation": conversation}
        ),
    ]
    assert [reply.status_code for reply in tried] == [403] * 4, [reply.text for reply in tried]
    assert team.analyst.finish(waiting["uid"])["phase"] == "AwaitingInput"
    # Read, yes.
    assert team.member.get(f"{team.member.p}/tasks/{waiting['uid']}").status_code == 200


def protect(team: Any, branch: str = "main") -> None:
    reply = team.admin.put(f"{team.admin.p}/datasets/d/branches/{branch}/protection")
    assert reply.json()["protected"] is True, reply.text


def test_a_protected_branch_needs_an_administrators_yes(team: Any) -> None:
    protect(team)
    before = team.admin.head("d")
    for person in (team.analyst, team.admin):
        task = person.run("d", CHANGE, review="Auto")
        assert task["phase"] == "AwaitingInput", task["status"]
        reply = approve(team.analyst, task)
        assert (reply.status_code, reply.json()["details"]["resource"]) == (403, "branches/protected")
        assert team.admin.head("d") == before
        team.admin.post(f"{team.admin.p}/tasks/{task['uid']}/cancel")
    task = team.analyst.run("d", CHANGE)
    assert approve(team.admin, task).status_code == 200
    assert team.admin.finish(task["uid"])["phase"] == "Complete"
    assert team.admin.head("d") != before


def test_a_protected_branch_is_not_moved_around_the_yes(team: Any) -> None:
    first = team.admin.head("d")
    assert team.analyst.run("d", CHANGE)["phase"] == "Complete"
    protect(team)
    head = team.admin.head("d")
    conversation = team.analyst.converse("d")
    reply = team.analyst.put(
        f"{team.analyst.p}/datasets/d/branches/main", {"head": first}, headers={"if-match": f'"{head}"'}
    )
    assert (reply.status_code, reply.json()["details"]["resource"]) == (403, "branches/protected")
    for text in ("undo", "撤销"):
        task = team.analyst.say("d", conversation, text)
        assert (task["phase"], task["status"]["failure"]["failure"]) == ("Failed", "Policy"), task["status"]
    waiting = team.analyst.say("d", conversation, "drop the age column")
    assert waiting["phase"] == "AwaitingInput"
    said = team.analyst.run("d", {"command": {"verb": "approve"}}, conversation=conversation)
    assert said["status"]["failure"]["code"] == "denied", said["status"]
    for verb in ("PUT", "DELETE"):
        reply = team.analyst.request(verb, f"{team.analyst.p}/datasets/d/branches/main/protection")
        assert reply.status_code == 403
    assert team.admin.head("d") == head
    # An administrator may, in words too.
    conversation = team.admin.converse("d")
    assert team.admin.say("d", conversation, "undo")["phase"] == "Complete"
    assert team.admin.head("d") == first


def test_protecting_catches_what_is_already_under_way(team: Any) -> None:
    task = team.analyst.run("d", CHANGE, review="Always")
    assert task["phase"] == "AwaitingInput"
    protect(team)
    assert approve(team.analyst, task).status_code == 403
    assert approve(team.admin, task).status_code == 200
    assert team.admin.finish(task["uid"])["phase"] == "Complete"


def test_lifting_the_protection_gives_analysts_their_branch_back(team: Any) -> None:
    protect(team)
    reply = team.admin.delete(f"{team.admin.p}/datasets/d/branches/main/protection")
    assert reply.json()["protected"] is False
    assert team.analyst.run("d", CHANGE)["phase"] == "Complete"
    assert team.admin.delete(f"{team.admin.p}/datasets/d/branches/main/protection").status_code == 404


def test_another_branch_is_free(team: Any) -> None:
    protect(team)
    team.analyst.made("POST", f"{team.analyst.p}/datasets/d/branches", {"name": "trial"})
    assert team.analyst.run("d", CHANGE, branch="trial")["phase"] == "Complete"
    shown = {
        one["name"]: one["protected"]
        for one in team.member.get(f"{team.member.p}/datasets/d/branches").json()["items"]
    }
    assert shown == {"main": True, "trial": False}


def test_who_loses_their_role_loses_it_for_what_is_under_way(team: Any) -> None:
    waiting = team.analyst.run("d", CHANGE, review="Always")
    team.admin.made("PUT", f"{team.admin.p}/members", {"subject": team.analyst.name, "role": "member"})
    assert approve(team.analyst, waiting).status_code == 403
    assert team.admin.finish(waiting["uid"])["phase"] == "AwaitingInput"
    assert (
        team.admin.delete(f"{team.admin.p}/members", params={"subject": team.analyst.name}).status_code == 204
    )
    assert team.analyst.get(f"{team.analyst.p}/datasets").status_code == 404
    assert approve(team.admin, waiting).status_code == 200
    assert team.admin.finish(waiting["uid"])["phase"] == "Complete"


def test_an_open_stream_ends_when_its_listener_is_put_out(team: Any, monkeypatch: Any) -> None:
    """Asked again every 15 seconds; the account is disabled while the stream is open."""
    with team.member.http.stream(
        "GET", f"{team.member.p}/events", headers={"authorization": f"Bearer {team.member.token}"}
    ) as reply:
        lines = reply.iter_lines()
        assert next(lines).startswith("id:")
        team.admin.delete(f"{team.admin.p}/members", params={"subject": team.member.name})
        for _ in lines:
            pass
    assert reply.status_code == 200
