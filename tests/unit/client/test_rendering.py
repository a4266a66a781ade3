"""What the terminal shows: data stays data, marks are visible, signs carry the meaning without colour."""

from __future__ import annotations

import io

from rich.console import Console

from retort_client import rendering
from retort_core.changes import Changes
from retort_core.http.versions import CellChange, Diff, Mark, TablePage
from retort_core.lifecycle.statuses import AskedQuestion, Counts
from retort_core.plans import Option, Slot
from retort_core.schema import Column, DType, Kind


def shown(renderable: object) -> str:
    console = Console(file=io.StringIO(), width=100, color_system=None)
    console.print(renderable)
    return console.file.getvalue()


def page(rows: tuple[tuple[object, ...], ...], marks: tuple[Mark, ...] = ()) -> TablePage:
    column = Column(id="c1", name="年龄", dtype=DType.integer, kind=Kind.numeric)
    return TablePage(columns=(column,), rows=rows, marks=marks, offset=0, total=len(rows))


def test_markup_and_escape_sequences_in_cells_are_text() -> None:
    text = shown(rendering.table_page(page((("[red]x[/red]",), ("\x1b[2Jgone",))), "en"))
    assert "[red]x[/red]" in text
    assert "\x1b" not in text


def test_an_invalid_cell_shows_its_raw_text_and_a_missing_code_its_code() -> None:
    marks = (
        Mark(row=0, column="c1", state="invalid", raw="十八"),
        Mark(row=1, column="c1", state="missing", raw="98"),
    )
    text = shown(rendering.table_page(page(((None,), (None,), (30,)), marks), "zh"))
    assert "十八" in text
    assert "98" in text


def test_counts_say_what_was_lost_with_signs() -> None:
    text = rendering.counts(Counts(rows_removed=57, columns_removed=1), "zh").plain
    assert text == "− 删除 57 行  − 删除 1 列"


def test_no_change_is_said() -> None:
    assert rendering.counts(Counts(), "en").plain == "no data changed"


def test_a_question_shows_every_button_with_its_count() -> None:
    options = (Option(id="o1", label="设为空", rows=12), Option(id="o2", label="删除这些行", rows=12))
    text = shown(
        rendering.question(
            AskedQuestion(id="q", text="怎么处理？", slots=(Slot(id="s", text="", options=options),)), "zh"
        )
    )
    assert "[o1] 设为空  (12)" in text
    assert "[o2] 删除这些行  (12)" in text


def test_a_difference_lists_cells_with_both_values() -> None:
    change = CellChange(row=3, column="年龄", before="199", after=None, after_state="missing")
    found = Diff(
        older="a" * 64,
        newer="b" * 64,
        counts=Counts(cells_changed=1),
        changes=Changes(),
        columns=(),
        cells_by_column={"年龄": 1},
        cells=(change,),
    )
    text = shown(rendering.diff(found, "zh"))
    assert "199" in text
    assert "缺失" in text


def test_equal_versions_are_said_to_be_equal() -> None:
    text = shown(
        rendering.diff(
            Diff(older="a" * 64, newer="b" * 64, counts=Counts(), changes=Changes(), columns=()), "en"
        )
    )
    assert "equal" in text
