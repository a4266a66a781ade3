"""Work whose branch moved meanwhile: done again on the new head where both changed different things, else a conflict."""

from __future__ import annotations

import csv
import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

P = "/api/v1/projects/default"


def plan(op: str, **params: Any) -> dict[str, Any]:
    step = {"id": "s1", "op": op, "params": params}
    return {"plan": {"plan": {"title": op, "steps": [step]}}}


def where(column: str, value: Any) -> dict[str, Any]:
    return {"column": column, "op": "eq", "value": value}


def set_value(column: str, row: str, value: str) -> dict[str, Any]:
    return plan("set_value", column=column, where=where("用户ID", row), value=value)


def rename(old: str, new: str) -> dict[str, Any]:
    return plan("rename_columns", mapping=[{"from": old, "to": new}])


def head(service: Any, dataset: str) -> str:
    return str(service.get(f"{P}/datasets/{dataset}").json()["head"])


def table(service: Any, dataset: str, ref: str = "main") -> list[dict[str, str]]:
    reply = service.get(f"{P}/datasets/{dataset}/commits/{ref}/export", params={"format": "csv"})
    assert reply.status_code == 200, reply.text
    return list(csv.DictReader(io.StringIO(reply.content.decode("utf-8-sig"))))


def two(service: Any, dataset: str, first: dict[str, Any], second: dict[str, Any]) -> tuple[str, str, dict]:
    """Both asked for the same version; the second comes when the first is on the branch."""
    service.upload(dataset)
    base = head(service, dataset)
    assert service.run(dataset, first)["phase"] == "Complete"
    theirs = head(service, dataset)
    return base, theirs, service.run(dataset, second, base=base)


@pytest.mark.parametrize(("name", "first", "second"), [
    ("columns", plan("drop_columns", columns=["备注"]), plan("drop_columns", columns=["城市"])),
    ("cells", set_value("城市", "1003", "广州"), set_value("城市", "1004", "深圳")),
    ("same-row", set_value("城市", "1003", "广州"), plan("set_value", column="打分", where=where("用户ID", "1003"), value=7)),
    ("rows-and-cells", plan("filter_rows", where=where("用户ID", "1003"), mode="drop"), set_value("城市", "1004", "深圳")),
    ("renamed-by-the-second", set_value("城市", "1003", "广州"), rename("城市", "城")),
])  # fmt: skip
def test_changes_that_meet_nowhere_are_both_kept(
    service: Any, name: str, first: dict[str, Any], second: dict[str, Any]
) -> None:
    base, theirs, task = two(service, f"rebase-{name}", first, second)
    assert task["phase"] == "Complete", task["status"]
    assert task["status"]["rebases"] == 1
    result = task["status"]["result"]
    commit = service.get(f"{P}/datasets/rebase-{name}/commits/{result['commit']}").json()
    assert commit["parents"] == [theirs]
    assert (result["parent"], head(service, f"rebase-{name}")) == (theirs, result["commit"])
    assert theirs[:12] in task["status"]["message"]
    # The same two, one after the other from the start, give the same data.
    service.upload(f"serial-{name}")
    for source in (first, second):
        assert service.run(f"serial-{name}", source)["phase"] == "Complete"
    assert table(service, f"serial-{name}") == table(service, f"rebase-{name}")
    undone = service.run(f"rebase-{name}", {"command": {"verb": "undo", "args": {}}})
    assert undone["status"]["result"]["commit"] == theirs
    assert base != theirs


@pytest.mark.parametrize(("name", "first", "second", "overlap"), [
    ("same-cell", set_value("城市", "1003", "广州"), set_value("城市", "1003", "深圳"), "cells"),
    ("row-gone", plan("filter_rows", where=where("用户ID", "1003"), mode="drop"), set_value("城市", "1003", "深圳"), "rows"),
    ("column-gone", plan("drop_columns", columns=["城市"]), set_value("城市", "1003", "深圳"), "columns"),
    ("renamed-before", rename("城市", "城"), set_value("城市", "1003", "深圳"), "misfit"),
    ("order", plan("sort_rows", keys=[{"column": "打分", "descending": True}]), plan("sort_rows", keys=[{"column": "年龄", "descending": True}]), "order"),
])  # fmt: skip
def test_changes_that_meet_are_a_conflict_with_both_heads_and_nobody_loses_anything(
    service: Any, name: str, first: dict[str, Any], second: dict[str, Any], overlap: str
) -> None:
    base, theirs, task = two(service, f"meet-{name}", first, second)
    failure = task["status"]["failure"]
    assert (task["phase"], failure["code"]) == ("Failed", "conflict")
    assert (failure["details"]["expected"], failure["details"]["head"]) == (base, theirs)
    assert failure["details"]["overlap"] == overlap
    assert base[:12] in failure["message"]
    assert theirs[:12] in failure["message"]
    assert head(service, f"meet-{name}") == theirs
    refs = service.get(f"{P}/datasets/meet-{name}/branches").json()["items"]
    assert [ref["name"] for ref in refs] == ["main"]


def test_what_is_worked_out_from_cells_that_changed_is_worked_out_again(service: Any) -> None:
    """A merge would keep the value of the old score; a plan is run on what is there now."""
    doubled = plan(
        "derive_column", new_name="双倍", expression={"fn": "mul", "args": [{"column": "打分"}, {"value": 2}]}
    )
    better = plan("set_value", column="打分", where=where("用户ID", "1003"), value=10)
    _, _, task = two(service, "derived", better, doubled)
    assert task["phase"] == "Complete", task["status"]
    row = next(row for row in table(service, "derived") if row["用户ID"] == "1003")
    assert (row["打分"], row["双倍"]) == ("10", "20")


def test_what_the_second_would_take_away_of_the_first_is_a_conflict(service: Any) -> None:
    """Run again on the new head it removes a row that the first had just changed."""
    first = plan("set_value", column="打分", where=where("用户ID", "1003"), value=10)
    second = plan("filter_rows", where=where("打分", 10), mode="drop")
    _, theirs, task = two(service, "beyond", first, second)
    assert task["status"]["failure"]["details"]["overlap"] == "rows"
    assert head(service, "beyond") == theirs


def test_a_yes_holds_for_the_version_that_was_shown_and_for_no_other(service: Any) -> None:
    service.upload("rebased-yes")
    gone = plan("filter_rows", where=where("用户ID", "1003"), mode="drop")
    reply = service.http.post(f"{P}/datasets/rebased-yes/tasks", json={"source": gone, "review": "Always"})
    task = service.finish(reply.json()["uid"])
    assert task["phase"] == "AwaitingInput"
    shown = task["status"]["staged"]["commit"]
    assert service.run("rebased-yes", set_value("城市", "1004", "深圳"))["phase"] == "Complete"
    theirs = head(service, "rebased-yes")

    service.http.post(f"{P}/tasks/{task['uid']}/approval", json={"commit": shown})
    task = service.finish(task["uid"])
    assert task["phase"] == "AwaitingInput"
    again = task["status"]["staged"]["commit"]
    assert again != shown
    assert head(service, "rebased-yes") == theirs
    service.http.post(f"{P}/tasks/{task['uid']}/approval", json={"commit": again})
    task = service.finish(task["uid"])
    assert (task["phase"], head(service, "rebased-yes")) == ("Complete", again)
    assert theirs[:12] in task["status"]["message"]


def test_many_at_once_on_one_branch_all_arrive(service: Any) -> None:
    """Twelve people change a cell each, all at the same time: no change is lost, none is refused."""
    service.upload("crowd")

    def change(number: int) -> dict[str, Any]:
        return service.run("crowd", set_value("城市", str(1000 + number), f"城{number}"))  # type: ignore[no-any-return]

    with ThreadPoolExecutor(12) as crowd:
        tasks = list(crowd.map(change, range(12)))
    assert [task["phase"] for task in tasks] == ["Complete"] * 12, [
        task["status"]["message"] for task in tasks
    ]
    rows = {row["用户ID"]: row["城市"] for row in table(service, "crowd")}
    assert [rows[str(1000 + number)] for number in range(12)] == [f"城{number}" for number in range(12)]
    commits = service.get(f"{P}/datasets/crowd/commits").json()["items"]
    assert len(commits) == 13
