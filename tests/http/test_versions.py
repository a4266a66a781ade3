"""A dataset over HTTP: upload, page, profile, branches, history, files."""

from __future__ import annotations

import io
from typing import Any

import polars as pl
import pytest

P = "/api/v1/projects/default"
S = f"{P}/datasets/survey"
ARROW = "application/vnd.apache.arrow.stream"
PARQUET = "application/vnd.apache.parquet"


@pytest.fixture(autouse=True)
def _loaded(survey: str) -> None:
    """Every test here reads the survey."""


def test_the_upload_became_the_first_version(service: Any) -> None:
    dataset = service.get(S).json()
    assert (dataset["rows"], dataset["columns"]) == (300, 5)
    commit = service.get(f"{S}/commits/main").json()
    assert (commit["kind"], commit["parents"], commit["generation"]) == ("import", [], 0)
    assert commit["branches"] == ["main"]
    assert [column["name"] for column in commit["schema"]["columns"]] == [
        "用户ID",
        "城市",
        "年龄",
        "打分",
        "备注",
    ]
    assert service.get(f"{S}/commits/{commit['id'][:6]}").json()["id"] == commit["id"]


def test_a_page_has_rows_in_order_and_says_why_cells_are_empty(service: Any) -> None:
    page = service.get(f"{S}/commits/main/table", params={"offset": 2, "limit": 2}).json()
    assert (page["offset"], page["total"], len(page["rows"])) == (2, 300, 2)
    assert page["rows"][0][:4] == ["1002", "北京", 20, 2] or page["rows"][0][:4] == [1002, "北京", 20, 2]
    marks = [(mark["row"], mark["column"], mark["state"], mark["reason"]) for mark in page["marks"]]
    assert marks == [(0, "备注", "missing", "empty"), (1, "备注", "missing", "empty")]


def test_columns_are_chosen_by_name_and_a_wrong_one_is_named(service: Any) -> None:
    page = service.get(f"{S}/commits/main/table", params={"columns": ["年龄", "城市"], "limit": 1}).json()
    assert [column["name"] for column in page["columns"]] == ["年龄", "城市"]
    assert page["rows"] == [[18, "上海"]]
    reply = service.get(f"{S}/commits/main/table", params={"columns": ["没有"]})
    assert (reply.status_code, reply.json()["code"]) == (404, "not-found")
    assert "没有" in reply.json()["detail"]


@pytest.mark.parametrize("media", [ARROW, PARQUET])
def test_programs_get_arrow_or_parquet_without_hidden_columns(service: Any, media: str) -> None:
    reply = service.get(f"{S}/commits/main/table", params={"limit": 100}, headers={"accept": media})
    assert reply.headers["content-type"] == media
    data = io.BytesIO(reply.content)
    table = pl.read_ipc_stream(data) if media == ARROW else pl.read_parquet(data)
    assert table.columns == ["用户ID", "城市", "年龄", "打分", "备注"]
    assert (table.height, table["年龄"].to_list()[:3]) == (100, [18, 19, 20])
    assert reply.headers["retort-total"] == "300"


@pytest.mark.parametrize("query", [{"offset": -1}, {"limit": 0}, {"limit": 10**9}, {"offset": "x"}])
def test_pages_beyond_bounds_are_bad_input(service: Any, query: dict[str, Any]) -> None:
    assert service.get(f"{S}/commits/main/table", params=query).json()["code"] == "bad-input"


def test_a_page_behind_the_end_is_empty(service: Any) -> None:
    assert service.get(f"{S}/commits/main/table", params={"offset": 5000}).json()["rows"] == []


@pytest.mark.parametrize(("form", "encoding"), [
    ("csv", "utf-8"), ("csv", "utf-8-sig"), ("csv", "gb18030"), ("xlsx", "utf-8"), ("parquet", "utf-8"),
])  # fmt: skip
def test_a_version_is_exported_as_a_file(service: Any, form: str, encoding: str) -> None:
    reply = service.get(f"{S}/commits/main/export", params={"format": form, "encoding": encoding})
    assert reply.status_code == 200
    assert int(reply.headers["content-length"]) == len(reply.content)
    assert f".{form}" in reply.headers["content-disposition"]
    if form == "csv":
        lines = reply.content.decode(encoding).splitlines()
        assert (lines[0], len(lines)) == ("用户ID,城市,年龄,打分,备注", 301)
    elif form == "parquet":
        assert pl.read_parquet(io.BytesIO(reply.content)).height == 300
    else:
        assert reply.content[:2] == b"PK"


def test_the_report_is_a_workbook(service: Any) -> None:
    reply = service.get(f"{S}/commits/main/report", params={"lang": "en"})
    assert (reply.status_code, reply.content[:2]) == (200, b"PK")


def test_profile_quality_and_suggestions(service: Any) -> None:
    profile = service.get(f"{S}/commits/main/profile").json()
    assert profile["rows"] == 300
    zh = service.get(f"{S}/commits/main/quality", params={"lang": "zh"}).json()
    en = service.get(f"{S}/commits/main/quality", params={"lang": "en"}).json()
    assert any("备注" in line and "100 %" in line for line in zh["sentences"])
    assert any("no value" in line for line in en["sentences"])
    items = service.get(f"{S}/commits/main/suggestions", params={"lang": "zh"}).json()["items"]
    assert any(item["plan"]["steps"][0]["op"] == "drop_columns" for item in items)


def test_branches_are_made_moved_and_never_lost(service: Any) -> None:
    service.upload("branches")
    d = f"{P}/datasets/branches"
    conversation = service.converse("branches")
    changed = service.say("branches", conversation, "删除备注列")["status"]["result"]
    reply = service.http.post(f"{d}/branches", json={"name": "试验", "source": "main~1"})
    assert reply.status_code == 201
    etag = reply.headers["etag"]
    first = reply.json()["head"]
    assert etag == f'"{first}"'
    assert changed["parent"] == first

    move = {"head": changed["commit"][:12]}
    assert service.http.put(f"{d}/branches/试验", json=move).status_code == 428
    stale = service.http.put(f"{d}/branches/试验", json=move, headers={"if-match": '"0000"'})
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition-failed")
    moved = service.http.put(f"{d}/branches/试验", json=move, headers={"if-match": etag})
    assert moved.json()["head"] == changed["commit"]
    log = service.get(f"{d}/reflog").json()["items"]
    assert [(line["name"], line["why"]) for line in log] == [
        ("main", "commit"), ("main", "commit"), ("试验", "create"), ("试验", "move"),
    ]  # fmt: skip
    names = [branch["name"] for branch in service.get(f"{d}/branches").json()["items"]]
    assert names == ["main", "试验"]
    pages = service.get(f"{d}/branches", params={"limit": 1}).json()
    more = service.get(f"{d}/branches", params={"limit": 1, "cursor": pages["next_cursor"]}).json()
    assert [pages["items"][0]["name"], more["items"][0]["name"], more["next_cursor"]] == ["main", "试验", ""]


def test_history_pages_and_the_graph_agree(service: Any) -> None:
    service.upload("history")
    d = f"{P}/datasets/history"
    conversation = service.converse("history")
    for text in ("删除备注列", "去掉年龄小于20的行", "撤销"):
        assert service.say("history", conversation, text)["phase"] == "Complete"
    first = service.get(f"{d}/commits", params={"limit": 1}).json()
    second = service.get(f"{d}/commits", params={"limit": 1, "cursor": first["next_cursor"]}).json()
    assert [first["items"][0]["kind"], second["items"][0]["kind"], second["next_cursor"]] == [
        "plan",
        "import",
        "",
    ]
    graph = service.get(f"{d}/graph").json()
    assert len(graph["commits"]) == 3  # also what was undone
    assert [branch["name"] for branch in graph["branches"]] == ["main"]


def test_a_diff_counts_and_pages(service: Any) -> None:
    service.upload("diffs")
    d = f"{P}/datasets/diffs"
    conversation = service.converse("diffs")
    service.say("diffs", conversation, "去掉年龄小于20的行")
    service.say("diffs", conversation, "将打分列中所有大于9的值设置为空")
    whole = service.get(f"{d}/diff", params={"from": "main~2", "to": "main", "limit": 500}).json()
    removed = sum(1 for n in range(300) if 18 + n % 40 < 20)
    emptied = sum(1 for n in range(300) if 18 + n % 40 >= 20 and n % 11 > 9)
    assert (whole["counts"]["rows_removed"], whole["counts"]["cells_set_missing"]) == (removed, emptied)
    assert whole["cells_by_column"] == {"打分": emptied}
    assert (len(whole["rows"]), len(whole["cells"])) == (removed, emptied)
    assert {(cell["column"], cell["before"], cell["after"]) for cell in whole["cells"]} == {
        ("打分", "10", None)
    }

    seen, cursor = [], ""
    while True:
        query = {"from": "main~2", "to": "main", "limit": 7, **({"cursor": cursor} if cursor else {})}
        page = service.get(f"{d}/diff", params=query).json()
        seen += [*page["rows"], *page["cells"]]
        cursor = page["next_cursor"]
        if not cursor:
            break
    assert seen == [*whole["rows"], *whole["cells"]]
    same = service.get(f"{d}/diff", params={"from": "main", "to": "main"}).json()
    assert (same["tier"], same["counts"]["cells_changed"], same["next_cursor"]) == ("same", 0, "")


def test_the_script_of_a_step_runs_outside_with_polars_alone(service: Any, tmp_path: Any) -> None:
    import subprocess
    import sys

    service.upload("scripts")
    d = f"{P}/datasets/scripts"
    service.say("scripts", service.converse("scripts"), "去掉年龄小于20的行")
    (tmp_path / "step.py").write_text(service.get(f"{d}/commits/main/script").text)
    before = service.get(f"{d}/commits/main~1/export", params={"format": "parquet"}).content
    (tmp_path / "in.parquet").write_bytes(before)
    subprocess.run([sys.executable, "-I", "step.py", "in.parquet", "out.parquet"], cwd=tmp_path, check=True)
    after = service.get(f"{d}/commits/main/export", params={"format": "parquet"}).content
    assert pl.read_parquet(tmp_path / "out.parquet").equals(pl.read_parquet(io.BytesIO(after)))
    plan = service.get(f"{d}/commits/main/plan").json()
    assert plan["plan"]["steps"][0]["op"] == "filter_rows"
    assert len(plan["explanation"]) == 1
