"""What the terminal shows: data stays data, marks are visible, signs carry the meaning without colour."""

from __future__ import annotations

import io

from rich.console import Console

from retort_client import rendering
from retort_core.changes import Changes
from retort_core.http.versions import CellChange, Diff, Mark, TablePage
from retort_core.lifecycle.statuses import AskedQuestion, Counts
from retort_core.plans import Option, Slot
from retort_core.profiles import ColumnProfile, Numbers, Profile, ValueCount
from retort_core.schema import Column, DType, Kind, Schema


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


def wide(columns: int, rows: int = 2) -> TablePage:
    made = tuple(
        Column(id=f"c{n}", name=f"column{n}", dtype=DType.integer, kind=Kind.numeric) for n in range(columns)
    )
    return TablePage(columns=made, rows=((1,) * columns,) * rows, offset=0, total=rows)


def test_a_table_wider_than_the_terminal_shows_what_fits_and_says_what_does_not() -> None:
    lines = shown(rendering.table_page(wide(10_000), "en")).splitlines()
    title = next(line for line in lines if "column0" in line)
    assert title.split() == [f"column{n}" for n in range(len(title.split()))]
    assert len(title.split()) > 5
    assert f"{10_000 - len(title.split()):,} more columns" in " ".join(lines)
    assert max(map(len, lines)) <= 100


def test_an_answer_wider_than_the_terminal_is_shown_whole() -> None:
    text = shown(rendering.result_table(wide(30), "en", "mean of many"))
    assert all(f"column{n}" in text.split() for n in range(30))
    assert "more columns" not in text


def test_the_words_at_the_left_of_an_answer_stand_in_every_block_of_it() -> None:
    page = wide(30)
    question = Column(id="q", name="question", dtype=DType.text, kind=Kind.text)
    page = TablePage(columns=(question, *page.columns), rows=(("q5", *page.rows[0]),), offset=0, total=1)
    text = shown(rendering.result_table(page, "en"))
    assert text.count("question") == text.count("q5") > 1


def test_a_long_title_of_a_small_answer_is_not_squeezed_into_its_width() -> None:
    title = "q5_1 by gender, side by side, column % on valid answers"
    assert title in shown(rendering.result_table(page(((1,),)), "en", title))


def test_shares_are_shown_as_percent_but_not_the_means_below_them() -> None:
    column = Column(id="c1", name="total", dtype=DType.number, kind=Kind.numeric)
    rows: tuple[tuple[object, ...], ...] = ((0.25,), (1.0,), (3.5,))
    found = TablePage(columns=(column,), rows=rows, offset=0, total=3, shares=("total",), other_rows=(2,))
    text = shown(rendering.result_table(found, "en")).split()
    assert {"25%", "100%", "3.50"} <= set(text)


def test_a_new_order_and_a_new_name_are_said_when_nothing_else_changed() -> None:
    assert rendering.counts(Counts(rows_moved=7), "en").plain == "~ 7 rows moved"
    assert rendering.counts(Counts(columns_changed=1), "zh").plain == "~ 改动 1 列的名称、类型、说明或次序"
    assert rendering.counts(Counts(columns_changed=1, cells_changed=2), "en").plain == "~ 2 cells changed"


def test_a_count_of_one_is_singular() -> None:
    assert (
        rendering.counts(Counts(rows_removed=1, cells_changed=21), "en").plain
        == "− 1 row removed  ~ 21 cells changed"
    )


def test_the_profile_shows_no_mean_of_ids_and_codes() -> None:
    kinds = {"id": Kind.id, "code": Kind.single, "age": Kind.numeric}
    columns = tuple(Column(id=n, name=n, dtype=DType.integer, kind=k) for n, k in kinds.items())
    numbers = Numbers(min=1, max=3, mean=2, sd=1, median=2, q1=1.5, q3=2.5, sum=6)
    seen = tuple(
        ColumnProfile(column=n, rows=3, valid=3, missing=0, invalid=0, distinct=3, numbers=numbers,
                      values=(ValueCount(value="1", count=1),))
        for n in kinds
    )  # fmt: skip
    lines = shown(
        rendering.profile(Profile(rows=3, columns=seen), Schema(columns=columns), "en")
    ).splitlines()
    assert [("mean" in line) for line in lines[1:4]] == [False, False, True]
