"""Questions, commands, corrections, references, suggestions and what is declined."""

from __future__ import annotations

import pytest

from retort_core.plans import Step
from retort_planner.eval import tables
from retort_planner.requests import Turn
from retort_planner.suggestions import suggest
from retort_plans.simulation import simulate

HISTORY = (
    Turn(instruction="删除备注列", title="删除列 备注", commit="b", parent="a", steps=(Step(id="s1", op="drop_columns", params={"columns": ["备注"]}),)),
    Turn(instruction="去重", title="去重", commit="c", parent="b", steps=(Step(id="s1", op="drop_duplicates", params={"columns": [], "keep": "identical", "ignore": []}),)),
    Turn(
        instruction="删除年龄大于5的行", title="删除", commit="d", parent="c",
        steps=(Step(id="s1", op="filter_rows", params={"where": {"column": "年龄", "op": "gt", "value": 5}, "mode": "drop", "unknown": "default"}),),
    ),
)  # fmt: skip
ANSWERED = (
    *HISTORY,
    Turn(
        instruction="各城市平均收入", read_only=True, result="r1",
        steps=(Step(id="s1", op="group_aggregate", params={"by": ["城市"], "aggregations": [{"column": "收入", "fn": "mean", "as": "收入_均值"}], "weight": "", "where": None}),),
    ),
)  # fmt: skip


def options(question) -> list[str]:
    return [option.label for slot in question.slots for option in slot.options]


def test_a_bare_verb_asks_with_counts_and_plans(say) -> None:
    outcome = say("处理一下年龄列")
    assert outcome.outcome == "question"
    assert outcome.slots[0].options[0].rows == 8
    assert len(options(outcome)) >= 4
    for candidate in outcome.candidates:
        if candidate.plan is not None:
            simulate(candidate.plan, tables.schema("zh"))


@pytest.mark.parametrize(
    "text",
    [
        "只保留北京",
        "保留城市是广洲的",
        "删除备住列",
        "按年令统计打分均值",
        "按用户ID去重",
        "删除年龄和收入为空的行",
        "把城市改成北京",
    ],
)
def test_what_matters_is_asked(say, text: str) -> None:
    outcome = say(text)
    assert outcome.outcome == "question", outcome
    assert 1 <= len(outcome.slots) <= 3
    assert any(candidate.plan for candidate in outcome.candidates)


def test_one_card_for_the_whole_instruction(say) -> None:
    outcome = say("好的，删除备注列，并把用户ID列的重复项去掉")
    assert outcome.outcome == "question"
    assert len(outcome.slots) == 1
    assert all(
        [step.op for step in c.plan.steps] == ["drop_columns", "drop_duplicates"] for c in outcome.candidates
    )


def test_destructive_ways_are_never_preselected(say) -> None:
    for text in ("处理一下年龄列", "按用户ID去重", "删除年龄和收入为空的行", "只保留北京"):
        outcome = say(text)
        chosen = [o.id for slot in outcome.slots for o in slot.options if o.default]
        for candidate in outcome.candidates:
            if candidate.choice in chosen and candidate.plan:
                assert {step.op for step in candidate.plan.steps} <= {"describe", "standardize_date"}


def test_an_exact_value_without_variants_runs_at_once(say) -> None:
    assert say("只保留广州").outcome == "planned"


def test_the_next_clause_sees_the_columns_of_the_one_before(say) -> None:
    outcome = say("新增一列总分=语文+数学，然后按总分降序排列")
    assert outcome.outcome == "planned", outcome
    assert [step.op for step in outcome.plan.steps] == ["derive_column", "sort_rows"]


@pytest.mark.parametrize(
    ("text", "verb", "args"),
    [
        ("撤销", "undo", {"steps": 1}), ("撤销，再撤销", "undo", {"steps": 2}), ("undo", "undo", {"steps": 1}), ("撤销两步", "undo", {"steps": 2}),
        ("恢复", "redo", {"steps": 1}), ("redo", "redo", {"steps": 1}), ("只撤销去重", "undo_step", {"commit": "c", "step": "s1"}),
        ("undo only the dedupe", "undo_step", {"commit": "c", "step": "s1"}), ("回到去重之前", "undo", {"steps": 2}), ("回到最初", "undo", {"steps": 3}),
        ("建分支 试验", "branch", {"name": "试验"}), ("切到main", "switch", {"name": "main"}), ("和上一版比较", "diff", {"from": "c", "to": "HEAD"}),
        ("导出CSV GBK", "export", {"format": "csv", "encoding": "gb18030"}), ("导出Excel", "export", {"format": "xlsx", "encoding": "utf-8"}),
        ("历史", "history", {}), ("以后都这样", "remember", {}), ("批准", "approve", {}), ("取消", "reject", {}),
    ],
)  # fmt: skip
def test_commands(say, text: str, verb: str, args: dict) -> None:
    outcome = say(text, history=HISTORY)
    assert outcome.outcome == "command", outcome
    assert (outcome.verb, outcome.args) == (verb, args)


def test_nothing_left_to_undo_is_said(say) -> None:
    gone = tuple(turn.model_copy(update={"undone": True}) for turn in HISTORY)
    assert say("撤销", history=gone).outcome == "declined"


@pytest.mark.parametrize(
    ("text", "op", "value"),
    [("不对，是大于10", "gt", 10), ("不对，应该是小于3", "lt", 3), ("no, I meant at least 7", "ge", 7)],
)
def test_a_correction_replaces_the_last_instruction(say, text: str, op: str, value: int) -> None:
    outcome = say(text, history=HISTORY)
    assert (outcome.outcome, outcome.base) == ("planned", "c")
    assert outcome.plan.steps[0].params["where"] == {"column": "年龄", "op": op, "value": value}
    assert outcome.plan.steps[0].params["mode"] == "drop"


def test_after_an_answer_a_column_only_it_has_means_it(say) -> None:
    outcome = say("按收入_均值降序排列", history=ANSWERED)
    assert (outcome.outcome, outcome.result) == ("planned", "r1")


def test_cleaning_after_an_answer_means_the_dataset(say) -> None:
    outcome = say("删除评论列", history=ANSWERED)
    assert (outcome.outcome, outcome.result) == ("planned", "")


def test_answers_by_position_word_and_default(say) -> None:
    pending = say("按用户ID去重")
    assert say("第二个", pending=pending).args == {"choice": "q1b"}
    assert say("保留最后一条", pending=pending).args == {"choice": "q1b"}
    assert say("第一个，以后都这样", pending=pending).args == {"choice": "q1a", "remember": True}
    assert say("好的", pending=pending).outcome == "question"  # nothing is preselected
    assert say("删除备注列", pending=pending).outcome == "planned"


def test_suggestions_are_accepted_by_words(say) -> None:
    shown = suggest(tables.schema("zh"), tables.profile("zh"), "zh")
    assert say("好的", suggestions=shown).args == {"suggestion": shown[0].id}
    assert say("第二个", suggestions=shown).args == {"suggestion": shown[1].id}


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_suggestions_run_and_never_merge_opposites(lang) -> None:
    shown = suggest(tables.schema(lang), tables.profile(lang), lang)
    kinds = {item.id.partition(":")[0] for item in shown}
    assert {"sparse", "range", "codes", "duplicates"} | ({"variants"} if lang == "zh" else set()) <= kinds
    for item in shown:
        simulate(item.plan, tables.schema(lang))
        assert not (
            item.plan.steps[0].op == "merge_values"
            and item.plan.steps[0].params["column"] in ("满意度", "satisfaction")
        )
    assert [item.id for item in shown] == [
        item.id for item in suggest(tables.schema(lang), tables.profile(lang), lang)
    ]


@pytest.mark.parametrize(
    ("text", "lang"),
    [
        ("把满意度做到90%", "zh"), ("编一些数据", "zh"), ("看看别的公司的数据", "zh"), ("把结果发邮件给老板", "zh"), ("删除历史记录", "zh"),
        ("画个柱状图", "zh"), ("", "zh"), ("？？？", "zh"), ("asdf qwer zxcv", "en"), ("supprimez la colonne notes", "en"), ("make up some data", "en"),
        ("删除薪水列", "zh"), ("delete the history", "en"), ("Удали столбец", "en"), ("删" * 10_000, "zh"),
    ],
)  # fmt: skip
def test_declined_with_a_reason(say, text: str, lang: str) -> None:
    outcome = say(text, lang)
    assert outcome.outcome == "declined", outcome
    assert outcome.reason


def test_reply_follows_the_language_of_the_message(say) -> None:
    assert "drop" in say("drop column 备注").plan.title
    assert "删除" in say("删除notes列", "en").plan.title


def test_figures_without_missing_codes_say_so_and_offer_the_other(say) -> None:
    outcome = say("打分均值")
    assert outcome.plan.assumptions
    assert outcome.alternatives[0].plan.steps[0].params["where"] is None


def test_a_goal_is_a_checklist(say) -> None:
    outcome = say("分析不同城市用户的打分")
    assert outcome.outcome == "question"
    assert all(any(option.default for option in slot.options) for slot in outcome.slots)
    assert all(candidate.plan.steps[-1].op == "group_aggregate" for candidate in outcome.candidates)


def test_codes_of_several_measures_are_left_out_column_by_column(say) -> None:
    outcome = say("打分和收入的均值")
    assert [step.op for step in outcome.plan.steps] == ["normalize_missing", "group_aggregate"]
    assert outcome.plan.steps[0].params["columns"] == ["打分"]
    assert outcome.plan.steps[1].params["where"] is None
    assert simulate(outcome.plan, tables.schema("zh")).yields == "answer"
