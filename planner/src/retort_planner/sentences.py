"""Sentences to click: what can be said, in both languages, with slots for columns and values.

Every sentence is understood by the rule planner as written, with any fitting column in its slot; a test says each of
them. Shown by front ends in the order of a cleaning: look, drop, tidy, mark, make, answer.
"""

from __future__ import annotations

from typing import Final

from retort_core.http.templates import Sentence, SentenceSlot
from retort_core.plans import Lang

_NUMBER: Final = ("integer", "number", "decimal")
_TEXT: Final = ("text",)
# id, family, operation, zh, en; a slot is {name:what:example zh|example en}, what = column, text, number or value.
_LINES: Final = (
    ("describe", "look", "describe", "描述一下{a:number:年龄|age}列", "describe {a:number:年龄|age}"),
    ("values", "look", "value_counts", "{a:text:城市|city}的分布", "count the values of {a:text:城市|city}"),
    ("drop-columns", "columns", "drop_columns", "删除{a:column:备注|notes}列", "drop the column {a:column:备注|notes}"),
    ("keep-columns", "columns", "select_columns", "只保留{a:column:用户ID|user_id}、{b:column:城市|city}这两列", "keep only the columns {a:column:用户ID|user_id} and {b:column:城市|city}"),
    ("rename", "columns", "rename_columns", "把{a:column:城市|city}列重命名为{v:value:所在地|place}", "rename {a:column:城市|city} to {v:value:所在地|place}"),
    ("first", "columns", "reorder_columns", "把{a:column:打分|score}列移到最前面", "move {a:column:打分|score} to the front"),
    ("drop-rows", "rows", "filter_rows", "删除{a:number:年龄|age}大于{v:value:60|60}的行", "drop rows where {a:number:年龄|age} is over {v:value:60|60}"),
    ("keep-rows", "rows", "filter_rows", "只保留{a:text:城市|city}是{v:value:上海|Shanghai}的行", "keep only rows where {a:text:城市|city} is {v:value:上海|Shanghai}"),
    ("between", "rows", "filter_rows", "只保留{a:number:年龄|age}在{v:value:18|18}到{w:value:35|35}之间的行", "keep rows where {a:number:年龄|age} is between {v:value:18|18} and {w:value:35|35}"),
    ("sort", "rows", "sort_rows", "按{a:column:年龄|age}从高到低排序", "sort by {a:column:年龄|age} descending"),
    ("duplicates", "rows", "drop_duplicates", "按{a:column:用户ID|user_id}去重，保留最后一条", "remove duplicates by {a:column:用户ID|user_id}, keep the last"),
    ("mark-duplicates", "rows", "mark_duplicates", "标记{a:column:用户ID|user_id}重复的行", "mark duplicates by {a:column:用户ID|user_id}"),
    ("drop-missing", "missing", "drop_missing", "删除{a:column:收入|income}为空的行", "drop rows where {a:column:收入|income} is missing"),
    ("codes", "missing", "normalize_missing", "{a:number:打分|score}的{v:value:98|98}算缺失", "treat {v:value:98|98} in {a:number:打分|score} as missing"),
    ("fill-value", "missing", "fill_missing", "把{a:text:城市|city}的空值填充为{v:value:未知|unknown}", "fill missing {a:text:城市|city} with {v:value:未知|unknown}"),
    ("fill-median", "missing", "fill_missing", "用中位数填充{a:number:收入|income}的缺失值", "fill missing {a:number:收入|income} with the median"),
    ("empty", "values", "set_value", "将{a:number:打分|score}列中所有大于{v:value:10|10}的值设置为空", "set {a:number:打分|score} to missing where it is over {v:value:10|10}"),
    ("replace", "values", "replace_values", "把{a:text:性别|gender}列的{v:value:男|male}替换为{w:value:M|M}", "replace {v:value:男|male} with {w:value:M|M} in {a:text:性别|gender}"),
    ("merge", "values", "merge_values", "把{a:text:城市|city}里的{v:value:beijing|beijing}合并到{w:value:北京市|Beijing City}", "merge {v:value:beijing|beijing} into {w:value:北京市|Beijing City} in {a:text:城市|city}"),
    ("trim", "text", "trim_text", "去掉{a:text:姓名|name}列的首尾空格", "trim spaces in {a:text:姓名|name}"),
    ("region", "text", "standardize_region", "把{a:text:城市|city}标准化到市", "standardize {a:text:城市|city} as city names"),
    ("out-of-range", "values", "set_value", "把{a:number:年龄|age}在{v:value:0|0}到{w:value:120|120}之外的值设为空", "set {a:number:年龄|age} to missing where it is not between {v:value:0|0} and {w:value:120|120}"),
    ("bands", "numbers", "bin_numeric", "把{a:number:年龄|age}分成18-24、25-34、35以上三段", "bin {a:number:年龄|age} into 18-24, 25-34 and 35+"),
    ("mean-of", "make", "derive_column", "计算{a:number:语文|reading}、{b:number:数学|math}、{c:number:英语|english}的平均分，存为{v:value:均分|average}", "add a column {v:value:均分|average} as the mean of {a:number:语文|reading}, {b:number:数学|math} and {c:number:英语|english}"),
    ("group-mean", "answer", "group_aggregate", "按{a:text:城市|city}统计{b:number:收入|income}的平均值", "average {b:number:收入|income} by {a:text:城市|city}"),
    ("crosstab", "answer", "crosstab", "{a:text:性别|gender}和{b:text:学历|education}的交叉表", "crosstab {a:text:性别|gender} by {b:text:学历|education}"),
    ("nps", "answer", "nps", "{a:number:打分|score}的NPS", "NPS of {a:number:打分|score}"),
)  # fmt: skip
OPERATION: Final = {line[0]: line[2] for line in _LINES}


def sentences(lang: Lang) -> tuple[Sentence, ...]:
    return tuple(_sentence(line[0], line[1], line[3 if lang == "zh" else 4], lang) for line in _LINES)


def _sentence(identifier: str, family: str, pattern: str, lang: Lang) -> Sentence:
    text, slots = "", []
    for piece in pattern.split("{"):
        inside, closed, rest = piece.partition("}")
        if not closed:
            text += inside
            continue
        name, what, examples = inside.split(":", 2)
        zh, _, en = examples.partition("|")
        slots.append(_slot(name, what, zh if lang == "zh" else en))
        text += "{" + name + "}" + rest
    return Sentence(id=identifier, family=family, text=text, slots=tuple(slots))


def _slot(name: str, what: str, example: str) -> SentenceSlot:
    if what == "value":
        return SentenceSlot(name=name, what="value", example=example)
    dtypes = {"number": _NUMBER, "text": _TEXT}.get(what, ())
    return SentenceSlot(name=name, what="column", example=example, dtypes=dtypes)
