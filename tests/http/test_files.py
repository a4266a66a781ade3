"""Files on their way in and out: what their reader found is told, what they are to the data is proposed."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

P = "/api/v1/projects/default"
BASE = "编号,城市,打分\n" + "".join(f"{n},{'北京' if n % 2 else '上海'},{n % 11}\n" for n in range(1, 41))


def notes(task: dict[str, Any]) -> list[str]:
    assert task["phase"] == "Complete", task["status"]["failure"]
    return [note["text"] for note in task["status"]["result"]["data"].get("notes", [])]


def test_what_the_reader_found_is_told_with_the_upload_and_in_the_quality_report(service: Any) -> None:
    data = "2024 年调查,,\n" + BASE + "合计,,99\n"
    told = notes(service.upload("told", data.encode("gb18030"), "t.csv", lang="zh"))
    assert any("2024 年调查" in text for text in told)
    assert any("合计" in text for text in told)
    report = service.get(f"{P}/datasets/told/commits/main/quality", params={"lang": "en"}).json()
    assert any("totals" in sentence for sentence in report["file"])
    service.run("told", {"plan": {"plan": {"title": "x", "steps": [
        {"id": "s1", "op": "drop_columns", "params": {"columns": ["城市"]}}]}}})  # fmt: skip
    later = service.get(f"{P}/datasets/told/commits/main/quality", params={"lang": "en"}).json()
    assert later["file"] == report["file"], "a later version still says how its file was read"


def test_broken_bytes_in_the_middle_are_told_with_their_line(service: Any) -> None:
    data = BASE.encode().replace("北京".encode(), b"\xff\xfe", 1)
    assert any(
        "utf-8" in text and "（第 2 行）" in text
        for text in notes(service.upload("broken-bytes", data, lang="zh"))
    )


@pytest.mark.parametrize(
    ("data", "proposed"),
    [
        (BASE.replace("40,上海,7", "40,上海,9"), "corrected"),
        ("编号,城市,打分\n" + "".join(f"{n},广州,5\n" for n in range(900, 940)), "append"),
        ("x,y\n1,2\n3,4\n", "another name"),
    ],
    ids=["the same again", "more rows", "another table"],
)
def test_a_file_for_a_dataset_with_data_is_compared_and_a_way_is_proposed(
    service: Any, data: str, proposed: str
) -> None:
    name = f"related-{proposed.replace(' ', '-')}"
    service.upload(name, BASE.encode())
    head = service.get(f"{P}/datasets/{name}").json()["head"]
    task = service.upload(name, data.encode(), "second.csv", lang="en")
    assert task["phase"] == "Failed"
    assert proposed in task["status"]["failure"]["message"]
    assert service.get(f"{P}/datasets/{name}").json()["head"] == head


def test_a_corrected_file_is_compared_with_the_one_it_replaces_by_its_key(service: Any) -> None:
    service.upload("compared", BASE.encode())
    fixed = BASE.replace("40,上海,7", "40,上海,9") + "41,广州,3\n"
    task = service.upload("compared", fixed.encode(), "fixed.csv", mode="corrected", lang="en")
    told = [text for text in notes(task) if "replaces" in text]
    assert told == ["Against the file it replaces (by “编号”): 1 cells changed, 1 rows added, 0 rows gone."]


def test_a_type_in_a_codebook_that_a_column_cannot_have_costs_only_that_type(service: Any) -> None:
    service.upload("described", BASE.encode())
    book = "variable,label,values,type\n城市,Town,,numeric\n打分,Score,1=bad;10=good,\nnope,x,,\n"
    task = service.upload("described", book.encode(), "book.csv", mode="codebook", lang="en")
    told = notes(task)
    assert any("城市" in text and "numeric" in text for text in told)
    assert any("nope" in text for text in told)
    columns = service.get(f"{P}/datasets/described/commits/main").json()["schema"]["columns"]
    labels = {column["name"]: (column["label"], column["kind"]) for column in columns}
    assert labels["城市"][0] == "Town"
    assert labels["城市"][1] != "numeric"
    assert labels["打分"][0] == "Score"


def test_what_a_format_cannot_hold_as_it_is_is_told_with_the_file(service: Any) -> None:
    service.upload("odd-texts", "id,t\n1,=1+1\n2,𠮷野家\n3,-5\n".encode())
    reply = service.get(f"{P}/datasets/odd-texts/commits/main/export", params={"encoding": "gb18030"})
    assert reply.headers["retort-notes"] == "guarded=1,not-in-gbk=1"
    assert reply.content.decode("gb18030").splitlines()[1:] == ["1,'=1+1", "2,𠮷野家", "3,-5"]


@pytest.mark.parametrize("format_", ["csv", "xlsx", "parquet"])
def test_chosen_columns_come_in_their_order(service: Any, survey: str, format_: str) -> None:
    asked = {"columns": ["打分", "城市"], "format": format_}
    reply = service.get(f"{P}/datasets/{survey}/commits/main/export", params=asked)
    assert reply.status_code == 200, reply.text
    if format_ == "csv":
        assert reply.text.splitlines()[:2] == ["打分,城市", "0,上海"]
    if format_ == "parquet":
        assert pl.read_parquet(io.BytesIO(reply.content)).columns == ["打分", "城市"]
    missing = service.get(f"{P}/datasets/{survey}/commits/main/export", params={"columns": ["省份"]})
    assert missing.status_code == 404


def test_a_file_beyond_what_the_service_writes_is_refused_with_a_way_out(
    start_service: Callable[..., Any], tmp_path: Path
) -> None:
    service = start_service(tmp_path, RETORT_EXPORT_BYTES="2048")
    try:
        service.upload("wide", b"a,b,c\n" + b"1,2,a word or two\n" * 200)
        path = f"{P}/datasets/wide/commits/main/export"
        for format_ in ("csv", "xlsx"):
            reply = service.get(path, params={"format": format_})
            assert (reply.status_code, reply.json()["code"]) == (413, "limit-exceeded")
            assert "200 rows × 3 columns" in reply.json()["detail"]
            assert "RETORT_EXPORT_BYTES" in reply.json()["detail"]
        assert service.get(path, params={"columns": ["a"]}).status_code == 200
        assert not list((service.home / "spool").iterdir())
    finally:
        service.http.close()
        with service.process as process:
            process.terminate()


def test_the_pages_of_an_answer_say_which_figures_are_shares(service: Any, survey: str) -> None:
    asked = {
        "title": "c",
        "steps": [{"id": "s1", "op": "crosstab", "params": {"rows": ["打分"], "banner": ["城市"]}}],
    }
    result = service.run(survey, {"plan": {"plan": asked}})["status"]["result"]["result"]
    page = service.get(f"{P}/results/{result}/table").json()
    names = [column["name"] for column in page["columns"]]
    assert set(names) - set(page["shares"]) == set(names[:2])
    values = [row[1] for row in page["rows"]]
    assert [values[at] for at in page["other_rows"]] == [v for v in values if v in ("mean", "均值")] != []
    sorting = {
        "title": "s",
        "steps": [{"id": "s1", "op": "sort_rows", "params": {"keys": [{"column": names[2]}]}}],
    }
    sorted_ = service.run(survey, {"plan": {"plan": sorting, "result": result}})["status"]["result"]["result"]
    assert service.get(f"{P}/results/{sorted_}/table").json()["shares"] == page["shares"]
