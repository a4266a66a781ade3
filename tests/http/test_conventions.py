"""以后都这样: an answer that holds from now on in the project, is said when it is used, and can be forgotten."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from retort_client.conventions import Conventions
from retort_client.session import Client

P = "/api/v1/projects/default"
ROWS = "编号,城市,打分\n" + "".join(f"{n},{'北京' if n % 2 else '上海'},{n % 11}\n" for n in range(60))
# Each of five numbers comes a second time with another score: conflicting, so a rule is asked for.
REPEATS = ROWS + "".join(f"{n},{'北京' if n % 2 else '上海'},{(n + 5) % 11}\n" for n in range(5))


@pytest.fixture(scope="module")
def forgetful(start_service: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A service of its own: what is remembered here must not answer other tests' questions."""
    service = start_service(tmp_path_factory.mktemp("conventions"))
    yield service
    service.http.close()
    with service.process as process:
        process.terminate()
        process.wait(20)


@pytest.fixture
def fresh(forgetful: Any) -> Any:
    for one in forgetful.get(f"{P}/conventions").json()["items"]:
        assert forgetful.http.delete(f"{P}/conventions/{one['id']}").status_code == 204
    return forgetful


def talk(service: Any, dataset: str) -> Callable[[str], Any]:
    assert service.upload(dataset, REPEATS.encode())["phase"] == "Complete"
    conversation = service.converse(dataset)
    return lambda text: service.say(dataset, conversation, text)


def test_an_answer_given_for_good_is_not_asked_again_in_any_dataset(fresh: Any) -> None:
    say = talk(fresh, "first wave")
    asked = say("按编号去重")
    assert asked["phase"] == "AwaitingInput"
    assert asked["status"]["question"]["remember"] is True
    done = fresh.http.post(
        f"{P}/tasks/{asked['uid']}/answer", json={"choice": "q1b", "remember": True}
    ).json()
    assert fresh.finish(done["uid"])["phase"] == "Complete"
    (known,) = fresh.get(f"{P}/conventions").json()["items"]
    assert (known["key"], known["rule"], known["label"]) == ("duplicates:编号", "last", "保留最后一条")
    again = talk(fresh, "second wave")("按编号去重")
    assert again["phase"] == "Complete", again["status"]
    plan = again["status"]["plan"]
    assert plan["steps"][0]["params"]["keep"] == "last"
    assert any("保留最后一条" in note and "忘掉这个做法" in note for note in plan["assumptions"])
    assert "保留第一条" in [one["label"] for one in plan["alternatives"]]


@pytest.mark.parametrize(
    ("words", "again"),
    [("最后一条，以后都这样", "按编号去重"), ("the last one, and remember that", "dedupe by 编号")],
)
def test_words_can_answer_for_good(fresh: Any, words: str, again: str) -> None:
    name = "said for good " + ("zh" if "以后" in words else "en")
    say = talk(fresh, name)
    assert say("按编号去重" if "以后" in words else "dedupe by 编号")["phase"] == "AwaitingInput"
    said = say(words)
    followed = fresh.finish(said["status"]["result"]["follow"])
    assert followed["phase"] == "Complete", followed["status"]
    assert [one["rule"] for one in fresh.get(f"{P}/conventions").json()["items"]] == ["last"]
    assert talk(fresh, name + " again")(again)["phase"] == "Complete"


def test_said_after_the_answer_it_remembers_that_answer_even_one_in_words(fresh: Any) -> None:
    say = talk(fresh, "afterwards")
    asked = say("按编号去重")
    fresh.http.post(f"{P}/tasks/{asked['uid']}/answer", json={"text": "第一条"})
    assert fresh.finish(asked["uid"])["phase"] == "Complete"
    told = say("以后都这样")
    assert "保留第一条" in told["status"]["message"]
    assert [one["rule"] for one in fresh.get(f"{P}/conventions").json()["items"]] == ["first"]


def test_what_is_remembered_is_listed_and_forgotten_in_words(fresh: Any) -> None:
    say = talk(fresh, "listed")
    assert "没有记住" in say("有哪些做法")["status"]["message"]
    asked = say("按编号去重")
    fresh.http.post(f"{P}/tasks/{asked['uid']}/answer", json={"choice": "q1a", "remember": True})
    fresh.finish(asked["uid"])
    assert "1. " in say("记住了什么")["status"]["message"]
    assert "编号" in say("忘掉关于编号的做法")["status"]["message"]
    assert fresh.get(f"{P}/conventions").json()["items"] == []
    assert talk(fresh, "asked again")("按编号去重")["phase"] == "AwaitingInput"
    assert (
        "none" in say("forget convention 3")["status"]["message"].lower()
        or "没有" in say("忘掉第3个做法")["status"]["message"]
    )


def test_an_unknown_convention_is_not_there_to_be_forgotten(fresh: Any) -> None:
    reply = fresh.http.delete(f"{P}/conventions/nothing")
    assert (reply.status_code, reply.json()["code"]) == (404, "not-found")


def test_the_client_lists_and_forgets(fresh: Any) -> None:
    say = talk(fresh, "by client")
    asked = say("按编号去重")
    fresh.http.post(f"{P}/tasks/{asked['uid']}/answer", json={"choice": "q1c", "remember": True})
    fresh.finish(asked["uid"])
    with Client(fresh.url, "default") as client:
        (known,) = Conventions(client).all()
        assert known.rule == "complete"
        Conventions(client).forget(known.id)
        assert Conventions(client).all() == []
