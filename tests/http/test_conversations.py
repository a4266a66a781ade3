"""What is said: questions and answers, approvals by words, languages, branches, corrections, suggestions."""

from __future__ import annotations

from typing import Any

P = "/api/v1/projects/default"


def talk(service: Any, dataset: str) -> Any:
    service.upload(dataset)
    conversation = service.converse(dataset)
    return lambda text: service.say(dataset, conversation, text), conversation


def test_a_question_is_answered_by_a_click(service: Any) -> None:
    say, conversation = talk(service, "asked")
    task = say("处理一下年龄列")
    question = task["status"]["question"]
    assert task["phase"] == "AwaitingInput"
    state = service.get(f"{P}/datasets/asked/conversations/{conversation}").json()
    assert (state["task"], state["question"]["id"]) == (task["uid"], question["id"])
    choice = "+".join(slot["options"][0]["id"] for slot in question["slots"])
    bad = service.http.post(f"{P}/tasks/{task['uid']}/answer", json={"choice": "nonsense"})
    assert bad.status_code == 422
    assert service.http.post(f"{P}/tasks/{task['uid']}/answer", json={"choice": choice}).status_code == 200
    assert service.finish(task["uid"])["phase"] in ("Complete", "AwaitingInput")


def test_a_new_instruction_takes_the_place_of_an_open_question(service: Any) -> None:
    say, conversation = talk(service, "superseded")
    asked = say("处理一下年龄列")
    assert say("删除备注列")["phase"] == "Complete"
    assert service.finish(asked["uid"])["status"]["failure"]["code"] == "cancelled"
    assert service.get(f"{P}/datasets/superseded/conversations/{conversation}").json()["task"] == ""


def test_a_yes_in_words_approves_what_waits(service: Any) -> None:
    say, _ = talk(service, "yes")
    waiting = say("只保留年龄大于90的行")
    assert waiting["phase"] == "AwaitingInput"
    followed = service.run(
        "yes", {"command": {"verb": "approve", "args": {}}}, conversation=waiting["conversation"]
    )
    assert followed["status"]["result"]["follow"] == waiting["uid"]
    assert service.finish(waiting["uid"])["phase"] == "Complete"
    assert service.get(f"{P}/datasets/yes").json()["rows"] == 0


def test_replies_are_in_the_language_of_the_message(service: Any) -> None:
    say, conversation = talk(service, "languages")
    assert "减少 1 列" in say("删除备注列")["status"]["message"]
    assert "rows removed" in say("drop rows where 年龄 is under 20")["status"]["message"].lower()
    items = service.get(f"{P}/datasets/languages/conversations/{conversation}/messages").json()["items"]
    assert [item["lang"] for item in items] == ["zh", "en"] or [item["lang"] for item in items] == [
        "zh",
        "zh",
    ]
    assert all(item["phase"] == "Complete" and item["commit"] for item in items)


def test_branching_by_words_switches_the_conversation(service: Any) -> None:
    say, conversation = talk(service, "forked")
    assert say("新建分支 试验")["phase"] == "Complete"
    state = service.get(f"{P}/datasets/forked/conversations/{conversation}").json()
    assert state["branch"] == "试验"
    say("删除备注列")
    assert service.get(f"{P}/datasets/forked").json()["columns"] == 5  # main is as it was
    assert len(service.get(f"{P}/datasets/forked/commits/试验").json()["schema"]["columns"]) == 4


def test_what_cannot_be_done_is_declined_with_a_reason(service: Any) -> None:
    say, _ = talk(service, "declined")
    task = say("把满意率做到90%")
    assert (task["phase"], task["status"]["failure"]["code"]) == ("Failed", "declined")
    assert task["status"]["message"]


def test_words_of_ten_thousand_characters_and_none_are_answered(service: Any) -> None:
    _, conversation = talk(service, "words")
    path = f"{P}/datasets/words/conversations/{conversation}/messages"
    assert service.http.post(path, json={"text": "x" * 10_001}).json()["code"] == "bad-input"
    assert service.http.post(path, json={"text": "   "}).json()["code"] == "bad-input"
    for text in ("请" * 10_000, "'; import os", "\u202e删除", "Bonjour, supprimez tout"):
        task = service.say("words", conversation, text)
        assert task["phase"] in ("Complete", "AwaitingInput", "Failed")
        assert task["status"]["message"]
    assert service.get(f"{P}/datasets/words").json()["rows"] == 300


def test_a_suggestion_is_accepted_by_its_id(service: Any) -> None:
    say, _ = talk(service, "suggested")
    del say
    items = service.get(f"{P}/datasets/suggested/commits/main/suggestions").json()["items"]
    wanted = next(item for item in items if item["plan"]["steps"][0]["op"] == "drop_columns")
    task = service.run("suggested", {"command": {"verb": "accept", "args": {"suggestion": wanted["id"]}}})
    assert task["phase"] == "Complete"
    assert service.get(f"{P}/datasets/suggested").json()["columns"] == 4
    again = service.run("suggested", {"command": {"verb": "accept", "args": {"suggestion": wanted["id"]}}})
    assert again["status"]["failure"]["code"] == "not-found"


def test_a_correction_replaces_the_last_instruction(service: Any) -> None:
    say, _ = talk(service, "corrections")
    first = service.get(f"{P}/datasets/corrections").json()["head"]
    wrong = say("去掉年龄大于30的行")["status"]["result"]["commit"]
    right = say("不对，是大于40")
    assert right["phase"] == "Complete", right["status"]
    commit = service.get(f"{P}/datasets/corrections/commits/main").json()
    assert commit["parents"] == [first]
    tags = {b["name"] for b in service.get(f"{P}/datasets/corrections/branches").json()["items"]}
    assert f"kept-{wrong[:12]}" in tags
    assert service.get(f"{P}/datasets/corrections").json()["rows"] == sum(
        1 for n in range(300) if 18 + n % 40 <= 40
    )
    say("撤销")
    assert service.get(f"{P}/datasets/corrections").json()["head"] == first
