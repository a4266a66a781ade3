"""Two stories: a messy survey whose truth is known, and real answers. Each figure is checked as it appears."""

from __future__ import annotations

import subprocess
import sys

import real
import survey
from stage import Stage, column

from retort_client import rendering
from retort_core.http.versions import Commit

LIMIT = 400  # rows of a page: every table asked for here is smaller


def number(stage: Stage, text: str) -> float:
    """The single figure of a read-only answer: the first cell of its table."""
    value = stage.table_of(stage.say(text)).rows[0][0]
    if not isinstance(value, int | float):
        raise TypeError(f"{text}: {value!r} is not a number")
    return float(value)


def cleaning(stage: Stage) -> None:
    """Chapter 1: from a file that misleads to figures that are right, with one mistake taken back."""
    typed, right = survey.survey(), survey.truth(survey.survey())
    mean, nps = survey.spreadsheet_view(typed)
    stage.chapter(
        "1 · 一份脏问卷 / a messy survey",
        f"{len(typed.rows):,} 行，GB18030。电子表格直接算：打分均值 {mean:.2f}，NPS {nps:+.1f} —— 都是错的。\n"
        f"A spreadsheet says mean {mean:.2f} and NPS {nps:+.1f}. Both are wrong; here is how it becomes right.",
    )
    loaded = stage.open("满意度调查", typed.encoded(), "满意度调查.csv")
    stage.check(
        "rows loaded", loaded.status.result and loaded.status.result.counts.rows_after, len(typed.rows)
    )
    stage.console.print(rendering.suggestions(stage.dataset.suggestions("main", "zh"), "zh"))

    dropped = stage.say("好的，删除备注列，并把用户ID列的重复项去掉", answer="最后")
    surplus = typed.faults.identical_duplicates + typed.faults.conflicting_duplicates
    stage.check("duplicates removed", counts(dropped).rows_removed, surplus)
    stage.say("97、98算缺失")
    stage.say("-999也算缺失")
    emptied = stage.say("将打分列中所有大于10的值设置为空")
    stage.check("scores over 10 set empty", counts(emptied).cells_set_missing, typed.faults.score_over_10)
    ages = stage.say("处理一下年龄列", answer="设为空")
    stage.check(
        "ages set empty", counts(ages).cells_set_missing, typed.faults.age_199 + typed.faults.age_minus_5
    )
    stage.say("standardize the 城市 column")
    stage.say("把提交日期统一成日期格式")

    stage.chapter("2 · 反悔 / a mistake taken back", "去重时留错了一份：只撤销那一步，后面的步骤自动重放。")
    stage.say("只撤销去重")
    stage.check("rows after taking back one step", stage.dataset.info().rows, len(typed.rows))
    again = stage.say("把用户ID列的重复项去掉，保留第一条")
    stage.check("rows", counts(again).rows_after, right.rows)
    figures(stage, right)


def counts(task: object) -> object:
    return task.status.result.counts  # type: ignore[attr-defined]


def figures(stage: Stage, right: survey.Truth) -> None:
    """The survey's figures against the planted truth."""
    stage.check("mean", number(stage, "打分均值"), right.score_mean)
    stage.check("NPS", number(stage, "打分的NPS"), right.nps)
    stage.check("age mean", number(stage, "年龄均值"), right.age_mean)
    cities = stage.table_of(stage.say("按城市统计人数"))
    counted = dict(zip(column(cities, "城市"), column(cities, "人数"), strict=True))
    stage.check("cities", {k: v for k, v in counted.items() if k in right.cities}, right.cities)
    schema = stage.dataset.commit("main").schema_
    stage.check("the cell that orders deletion deleted nothing", "评论" in schema.names, True)


def branching(stage: Stage) -> None:
    """Chapter 3: a branch, a comparison, and a script that needs no Retort."""
    stage.chapter("3 · 分支与比较 / branch and compare")
    right = survey.truth(survey.survey())
    stage.say("建分支 北京")
    stage.say("切换到北京")
    kept = stage.say("只保留北京")
    stage.check("rows of the branch", counts(kept).rows_after, right.cities["北京"])
    found = stage.dataset.diff("main", "北京", limit=5)
    stage.console.print(rendering.diff(found, "zh"))
    stage.check("rows only in main", found.counts.rows_removed, right.rows - right.cities["北京"])
    stage.say("切换到main")
    outside(stage)


def outside(stage: Stage) -> None:
    """The last version's script, run by a bare Python with polars on the exported parent, gives the same table."""
    head = next(iter(stage.dataset.commits("main")))
    base, script, out = (stage.folder / name for name in ("base.parquet", "step.py", "out.parquet"))
    with base.open("wb") as target:
        stage.dataset.export(head.parents[0], target, format="parquet", hidden="true")
    script.write_text(stage.dataset.script(head.id), "utf-8")
    subprocess.run([sys.executable, "-I", str(script), str(base), str(out)], check=True)
    code = f"import polars as pl; print(pl.read_parquet({str(out)!r}).height)"
    rows = int(
        subprocess.run([sys.executable, "-I", "-c", code], check=True, capture_output=True, text=True).stdout
    )
    stage.check("rows of the script run outside", rows, stage.dataset.info().rows)
    stage.line(f"  脚本在产品外用 polars 重跑：{rows:,} 行，一致 / the script alone gives the same table")


def replaying(stage: Stage) -> None:
    """Chapter 4: the client sends a corrected file; every step is replayed on it."""
    stage.chapter(
        "4 · 更正后的文件 / a corrected file", "三个打分改了，一个没见过的城市：所有步骤在新文件上重放。"
    )
    fixed = survey.corrected(survey.survey())
    path = stage.folder / "满意度调查-更正.csv"
    path.write_bytes(fixed.encoded())
    task = stage.settle(stage.dataset.upload(path, mode="corrected"))
    stage.check("replayed", task.phase, "Complete")
    stage.check("the unseen city is reported", "雄安" in task.model_dump_json(), True)
    figures(stage, survey.truth(fixed))
    stage.chapter("历史 / history")
    stage.console.print(rendering.history(stage.dataset.graph(), "zh"))
    waterfall(stage, list(stage.dataset.commits("main")))
    report = stage.folder / "report.xlsx"
    with report.open("wb") as target:
        stage.dataset.report("main", target)
    stage.check("the report is a workbook", report.read_bytes()[:2], b"PK")


def waterfall(stage: Stage, commits: list[Commit]) -> None:
    """Sample waterfall: how many rows each version kept."""
    stage.chapter("样本瀑布 / sample waterfall")
    most = max(commit.counts.rows_after for commit in commits)
    for commit in reversed(commits):
        bar = "█" * round(40 * commit.counts.rows_after / most)
        stage.console.print(rendering.plain(f"  {commit.counts.rows_after:>6,} {bar} {commit.title}"))


def personality(stage: Stage) -> None:
    """Chapter 5: real answers; each figure equals an independent calculation."""
    text = real.bfi()
    right = real.figures(text)
    stage.chapter("5 · 真实的人 / real answers: bfi.csv, 2,800 × 28")
    stage.open("bfi", text.encode(), "bfi.csv")
    for item in real.ITEMS[:2]:
        stage.check(f"mean of {item}", number(stage, f"mean of {item}"), right.item_means[item])
    stage.say("create column A1r as 7 - A1")
    stage.say("create column agreeableness as the mean of A1r, A2, A3, A4, A5")
    stage.check("scale mean", number(stage, "mean of agreeableness"), right.scale_mean)
    stage.say("bin age into 18-24, 25-34, 35-49, 50+")
    bands = stage.table_of(stage.say("count age_band"))
    found = dict(zip(column(bands, "value"), column(bands, "n"), strict=True))
    stage.check("bands", {k: v for k, v in found.items() if k in right.bands}, right.bands)
    banner = stage.table_of(stage.say("crosstab A2 by gender and age_band"))
    for head, share in (("gender: 1", right.share_a2_6_men), ("gender: 2", right.share_a2_6_women)):
        shares = dict(zip(column(banner, "value"), column(banner, head), strict=True))
        stage.check(f"share of 6 in {head}", shares["6"], share)


def telling(stage: Stage) -> None:
    cleaning(stage)
    branching(stage)
    replaying(stage)
    personality(stage)
    stage.chapter(
        "轮到你 / your turn",
        "retort up                               # 另开一个终端 / in another terminal\n"
        "retort load 你的文件.csv\n"
        "retort say 看看有什么问题\n"
        "retort say 把重复的行去掉\n"
        "retort say 年龄小于18的删掉，然后按城市统计人数",
    )
