"""History as people walk it: undo, redo, one step taken back, corrections, files that are corrected or grow."""

from __future__ import annotations

from typing import Any

import pytest

P = "/api/v1/projects/default"


def plan(*steps: tuple[str, dict[str, Any]], title: str = "plan") -> dict[str, Any]:
    made = [{"id": f"s{n}", "op": op, "params": params} for n, (op, params) in enumerate(steps, 1)]
    return {"plan": {"plan": {"title": title, "steps": made}}}


def command(verb: str, **args: Any) -> dict[str, Any]:
    return {"command": {"verb": verb, "args": args}}


DROP = ("drop_columns", {"columns": ["备注"]})
YOUNG = ("filter_rows", {"where": {"column": "年龄", "op": "lt", "value": 20}, "mode": "drop"})
HIGH = ("set_value", {"column": "打分", "where": {"column": "打分", "op": "gt", "value": 9}, "value": None})


def head(service: Any, dataset: str) -> str:
    return str(service.get(f"{P}/datasets/{dataset}").json()["head"])


def root(service: Any, dataset: str, ref: str = "main") -> str:
    return str(service.get(f"{P}/datasets/{dataset}/commits/{ref}").json()["root"])


def done(task: dict[str, Any]) -> dict[str, Any]:
    assert task["phase"] == "Complete", task["status"]["failure"] or task["status"]
    result: dict[str, Any] = task["status"]["result"]
    return result


def test_undo_and_redo_restore_heads_and_say_when_there_is_nothing_left(service: Any) -> None:
    service.upload("walk")
    first = head(service, "walk")
    second = done(service.run("walk", plan(DROP)))["commit"]
    third = done(service.run("walk", plan(YOUNG)))["commit"]
    done(service.run("walk", command("undo", steps=2)))
    assert head(service, "walk") == first
    nothing = service.run("walk", command("undo"), lang="en")
    assert done(nothing)["commit"] == ""
    assert "nothing to undo" in nothing["status"]["message"]
    done(service.run("walk", command("redo")))
    assert head(service, "walk") == second
    done(service.run("walk", command("redo")))
    assert head(service, "walk") == third
    assert "没有可以恢复" in service.run("walk", command("redo"), lang="zh")["status"]["message"]


def test_an_edit_after_an_undo_keeps_the_abandoned_tip_as_a_tag(service: Any) -> None:
    service.upload("tagged")
    tip = done(service.run("tagged", plan(DROP)))["commit"]
    service.run("tagged", command("undo"))
    done(service.run("tagged", plan(YOUNG)))
    branches = service.get(f"{P}/datasets/tagged/branches").json()["items"]
    kept = [branch for branch in branches if branch["kind"] == "tag"]
    assert [(tag["name"], tag["head"]) for tag in kept] == [(f"kept-{tip[:12]}", tip)]


def test_a_tag_is_no_branch_that_something_could_be_done_on(service: Any) -> None:
    """Regression: a task or a talk on a tag moved it, and what it kept was gone."""
    service.upload("fixed")
    tip = done(service.run("fixed", plan(DROP)))["commit"]
    service.run("fixed", command("undo"))
    done(service.run("fixed", plan(YOUNG)))
    d, tag = f"{P}/datasets/fixed", f"kept-{tip[:12]}"
    asked = [
        service.http.post(f"{d}/tasks", json={"source": plan(HIGH), "branch": tag}),
        service.http.post(f"{d}/tasks", json={"source": plan(HIGH), "branch": "task/" + "0" * 32}),
        service.http.post(f"{d}/conversations", json={"branch": tag}),
        service.http.post(f"{d}/branches", json={"name": "kept-0123456789ab"}),
    ]
    for reply in asked:
        assert reply.status_code == 422, reply.text
        assert "branch" in reply.json()["errors"][0]["message"]
    switch = service.run("fixed", command("switch", name=tag))
    assert "is a tag, which does not move" in switch["status"]["failure"]["message"]
    branch = service.run("fixed", command("branch", name=tag))
    assert "is the name of a tag" in branch["status"]["failure"]["message"]
    assert service.http.post(f"{d}/branches", json={"name": "from", "source": tag}).status_code == 201
    assert head(service, "fixed") != service.get(f"{d}/branches/from").json()["head"] == tip


def test_one_step_is_taken_back_and_what_came_after_is_replayed(service: Any) -> None:
    service.upload("middle")
    done(service.run("middle", plan(DROP)))
    taken = done(service.run("middle", plan(YOUNG)))["commit"]
    old = done(service.run("middle", plan(HIGH)))["commit"]
    result = done(service.run("middle", command("undo_step", commit=taken)))
    expected = sum(1 for n in range(300) if n % 11 > 9)
    assert [one["after"]["cells_set_missing"] for one in result["data"]["replay"]] == [expected]
    info = service.get(f"{P}/datasets/middle").json()
    assert (info["rows"], info["columns"]) == (300, 4)
    commit = service.get(f"{P}/datasets/middle/commits/main").json()
    assert commit["kind"] == "replay"
    assert f"kept-{old[:12]}" in {
        b["name"] for b in service.get(f"{P}/datasets/middle/branches").json()["items"]
    }
    done(service.run("middle", command("undo")))  # one instruction, one undo
    assert head(service, "middle") == old


def test_one_step_of_an_instruction_with_several(service: Any) -> None:
    service.upload("several")
    both = done(service.run("several", plan(DROP, YOUNG)))["commit"]
    done(service.run("several", command("undo_step", commit=both, step="s2")))
    info = service.get(f"{P}/datasets/several").json()
    assert (info["rows"], info["columns"]) == (300, 4)
    missing = service.run("several", command("undo_step", commit=both, step="s9"))
    assert missing["phase"] == "Failed"


def test_a_replay_that_no_longer_fits_names_the_instruction_and_publishes_nothing(service: Any) -> None:
    service.upload("misfit")
    made = done(
        service.run(
            "misfit",
            plan(
                (
                    "flag_rows",
                    {"where": {"column": "年龄", "op": "lt", "value": 20}, "new_name": "年轻", "value": "1"},
                )
            ),
        )
    )["commit"]
    before = done(service.run("misfit", plan(("drop_columns", {"columns": ["年轻"]}), title="删除年轻列")))[
        "commit"
    ]
    task = service.run("misfit", command("undo_step", commit=made), lang="zh")
    assert task["phase"] == "Failed"
    assert "删除年轻列" in task["status"]["failure"]["message"]
    assert "年轻" in task["status"]["failure"]["message"]
    assert head(service, "misfit") == before


def test_restoring_an_earlier_version_is_a_new_one_with_the_same_root(service: Any) -> None:
    service.upload("back")
    first = head(service, "back")
    wanted = root(service, "back")
    done(service.run("back", plan(DROP)))
    result = done(service.run("back", {"restore": {"commit": first}}))
    assert result["commit"] != first
    assert root(service, "back") == wanted
    done(service.run("back", command("undo")))
    assert service.get(f"{P}/datasets/back").json()["columns"] == 4


def test_a_step_without_effect_makes_no_version_and_says_so(service: Any) -> None:
    service.upload("idle")
    before = head(service, "idle")
    never = ("filter_rows", {"where": {"column": "年龄", "op": "gt", "value": 900}, "mode": "drop"})
    task = service.run("idle", plan(never), lang="zh")
    assert done(task)["commit"] == ""
    assert "没有符合条件的行" in task["status"]["message"]
    assert head(service, "idle") == before


def table(rows: int, *, cities: tuple[str, ...] = ("上海", "北京", "北京"), shift: int = 0) -> bytes:
    lines = [f"{1000 + n},{cities[n % len(cities)]},{18 + (n + shift) % 40},{n % 11}," for n in range(rows)]
    return ("用户ID,城市,年龄,打分,备注\n" + "\n".join(lines) + "\n").encode()


def test_a_corrected_file_replays_every_instruction_and_reports_old_and_new_counts(service: Any) -> None:
    service.upload("corrected", table(300))
    done(service.run("corrected", plan(DROP)))
    tip = done(service.run("corrected", plan(YOUNG)))["commit"]
    file = table(400, cities=("上海", "北京", "重庆"), shift=5)
    result = done(service.upload("corrected", file, "neu.csv", mode="corrected"))
    report = result["data"]["replay"]
    old = sum(1 for n in range(300) if 18 + n % 40 < 20)
    new = sum(1 for n in range(400) if 18 + (n + 5) % 40 < 20)
    assert [(one["before"].get("rows_removed", 0), one["after"].get("rows_removed", 0)) for one in report] == [
        (0, 0), (old, new),
    ]  # fmt: skip
    assert {"column": "城市", "values": ["重庆"]} in result["data"]["unseen"]
    info = service.get(f"{P}/datasets/corrected").json()
    assert (info["rows"], info["columns"]) == (400 - new, 4)
    assert [c["kind"] for c in service.get(f"{P}/datasets/corrected/commits").json()["items"]] == [
        "replay", "replay", "import",
    ]  # fmt: skip
    diff = service.get(f"{P}/datasets/corrected/diff", params={"from": tip, "to": "main"}).json()
    assert (diff["tier"], diff["common"]) == ("key", "")
    done(service.run("corrected", command("undo")))
    assert head(service, "corrected") == tip


def test_a_corrected_file_that_lost_a_column_stops_at_the_first_misfit(service: Any) -> None:
    service.upload("lost", table(300))
    tip = done(service.run("lost", plan(YOUNG, title="去掉年轻人")))["commit"]
    task = service.upload("lost", "用户ID,城市\n1,北京\n2,上海\n".encode(), mode="corrected")
    assert task["phase"] == "Failed"
    assert "去掉年轻人" in task["status"]["failure"]["message"]
    assert head(service, "lost") == tip


def test_more_rows_are_appended_and_everything_is_replayed(service: Any) -> None:
    service.upload("grown", table(300))
    done(service.run("grown", plan(DROP)))
    done(service.upload("grown", table(50), "more.csv", mode="append"))
    info = service.get(f"{P}/datasets/grown").json()
    assert (info["rows"], info["columns"]) == (350, 4)


@pytest.mark.parametrize("mode", ["corrected", "append", "codebook"])
def test_a_file_for_a_dataset_that_is_not_there(service: Any, mode: str) -> None:
    reply = service.http.post(f"{P}/datasets/absent/uploads", content=b"a\n1\n", params={"mode": mode})
    assert (reply.status_code, reply.json()["code"]) == (404, "not-found")


def test_a_second_new_file_is_refused_and_nothing_changes(service: Any) -> None:
    service.upload("twice")
    before = head(service, "twice")
    task = service.upload("twice", table(10))
    assert task["phase"] == "Failed"
    assert "corrected" in task["status"]["failure"]["message"]
    assert head(service, "twice") == before


def test_a_codebook_gives_labels_to_the_columns_it_names(service: Any) -> None:
    service.upload("labelled")
    book = "变量,标签,取值\n打分,推荐意愿,0=完全不会;10=一定会\n没有这列,x,\n".encode()
    result = done(service.upload("labelled", book, "codebook.csv", mode="codebook"))
    assert any("没有这列" in note["text"] for note in result["data"]["notes"])
    schema = service.get(f"{P}/datasets/labelled/commits/main").json()["schema"]
    score = next(column for column in schema["columns"] if column["name"] == "打分")
    assert score["label"] == "推荐意愿"
    assert {"value": "10", "label": "一定会"} in score["value_labels"]


def test_answers_are_results_pinned_to_their_version_and_stale_once_it_moves(service: Any) -> None:
    service.upload("answers")
    source = plan(("value_counts", {"column": "城市"}), title="城市")
    result = done(service.run("answers", source))
    assert result["commit"] == ""
    found = service.get(f"{P}/results/{result['result']}").json()
    assert (found["commit"], found["stale"]) == (head(service, "answers"), False)
    page = service.get(f"{P}/results/{result['result']}/table").json()
    assert {row[0] for row in page["rows"]} >= {"北京", "上海"}
    file = service.get(f"{P}/results/{result['result']}/export", params={"format": "csv"})
    assert "北京" in file.text
    done(service.run("answers", plan(DROP)))
    assert service.get(f"{P}/results/{result['result']}").json()["stale"] is True
    name = page["columns"][1]["name"]
    sort = plan(("sort_rows", {"keys": [{"column": name, "descending": False}]}), title="sorted")
    sort["plan"]["result"] = result["result"]
    again = done(service.run("answers", sort))
    counts = [row[1] for row in service.get(f"{P}/results/{again['result']}/table").json()["rows"]]
    assert counts == sorted(counts)
