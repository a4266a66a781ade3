"""References to what was said and done: 只撤销去重, 回到去重之前, 不对，是大于10, 刚才的结果, that column.

They are resolved against the history of the request, by operation, by title and by the words of the instruction.
"""

from __future__ import annotations

import re
from typing import Any, Final

from rapidfuzz import fuzz

from retort_core.plans import Candidate, Command, Declined, Lang, Option, Outcome, Question, Slot, Step
from retort_planner.linking import Linked
from retort_planner.literals import number
from retort_planner.requests import Request, Turn

# Words by which people call what an operation did.
NOUNS: Final[dict[str, str]] = {
    "drop_duplicates": r"去重|重复|dedup\w*|de-?duplicat\w*|duplicates?",
    "mark_duplicates": r"标记重复|mark\w* duplicates?",
    "drop_columns": r"删(?:除|掉)?列|删(?:除|掉)?.*列|dropp?(?:ing)? .*columns?|column drop|deleting .*column",
    "select_columns": r"选列|选择列|select\w* columns?",
    "filter_rows": r"筛选|过滤|只?保留|filter\w*|剔除|keep\w*",
    "drop_missing": r"删除?缺失|去缺失|dropp?(?:ing)? missing",
    "normalize_missing": r"缺失值?(?:代码|码|声明|标记)|算缺失|missing codes?",
    "fill_missing": r"填充|填补|补全|fill\w*|imput\w*",
    "sort_rows": r"排序|sort\w*",
    "set_value": r"设为?空|设置为空|置空|设值|赋值|set\w* (?:to )?(?:empty|values?)",
    "replace_values": r"替换|replac\w*",
    "merge_values": r"合并(?:取值|写法|城市)?|merg\w*",
    "recode_values": r"编码|重编码|recod\w*|反向计分",
    "trim_text": r"去?空格|trim\w*",
    "change_case": r"大小写|大写|小写|case",
    "standardize_region": r"(?:城市|地区|省份)?(?:标准化|统一)|standardi[sz]\w*",
    "standardize_date": r"日期(?:统一|标准化|格式)|dates?",
    "handle_outliers": r"异常值?|离群|outliers?",
    "bin_numeric": r"分段|分组|分箱|bins?|binning|bands?",
    "rename_columns": r"改名|重命名|renam\w*",
    "reorder_columns": r"移动列?|列顺序|reorder\w*|mov\w*",
    "derive_column": r"新增列|计算列|派生|deriv\w*",
    "conditional_column": r"条件列|分类列|conditional",
    "split_column": r"拆分|split\w*",
    "merge_columns": r"合并列|拼接|concat\w*|combin\w*",
    "cast_type": r"类型转换|转换类型|转成数字|cast\w*|conver\w*",
    "extract_text": r"提取|extract\w*",
    "flag_rows": r"标记|flag\w*|mark\w*",
    "annotate_columns": r"标签|label\w*",
}  # fmt: skip


def undoable(request: Request) -> tuple[Turn, ...]:
    """Instructions that changed data and stand, newest first."""
    return tuple(turn for turn in reversed(request.history) if not turn.read_only and not turn.undone)


def last_change(request: Request) -> Turn | None:
    return next(iter(undoable(request)), None)


def last_result(request: Request) -> Turn | None:
    """The read-only turn the conversation is at: nothing has changed since."""
    standing = [turn for turn in request.history if not turn.undone]
    return standing[-1] if standing and standing[-1].read_only and standing[-1].result else None


_SELECTIVE: Final = re.compile(
    r"(?:只|仅|单独|就)(?:撤销|撤消|撤回|取消|还原|去掉)(?P<zh>.{1,40})|(?:撤销|撤消|撤回|取消|还原)(?:掉)?(?P<zh2>.{1,40})|(?:只)?把(?P<zh3>.{1,40})(?:那一?步|这一?步)?(?:撤销|撤消|撤回|取消|还原)(?:掉)?"
    r"|(?:only undo|undo only|undo just|just undo|take back only|revert only|undo|revert|take back)(?: the)? (?P<en>.{1,60})",
    re.IGNORECASE,
)


def selective(text: str, request: Request, linked: Linked, lang: Lang) -> Outcome | None:
    """只撤销去重: one step, whatever came after it is replayed."""
    match = _SELECTIVE.fullmatch(text)
    if match is None:
        return None
    said = linked.plain(next(group for group in match.groups() if group))
    said = re.sub(
        r"(?:的)?(?:那|这)?(?:一|个)?(?:步骤|操作|步)$|^(?:the )|(?: step| operation| part| one)$",
        "",
        said.strip(),
        flags=re.IGNORECASE,
    )
    if not said or re.fullmatch(
        r"上|上一|刚才|刚刚|最后|last|previous|it|that|two|three|again|twice|once|[0-9]+.*|[一二两三四五]+|(?:last|previous) .*|,?再.*|.*撤销.*",
        said,
        re.IGNORECASE,
    ):
        return None
    found = steps_called(said, request)
    if not found:
        only = re.match(r"只|仅|单独|only|just|.*only", text, re.IGNORECASE)
        return _not_found(said, lang) if only or request.history else None
    if len(found) == 1:
        return _undo_step(*found[0])
    return _which(found, lang)


def _undo_step(turn: Turn, step: Step) -> Command:
    return Command(verb="undo_step", args={"commit": turn.commit, "step": step.id})


def _which(found: list[tuple[Turn, Step]], lang: Lang) -> Question:
    text = (
        "有几步都符合，撤销哪一步？" if lang == "zh" else "Several steps fit. Which one should be taken back?"
    )
    options = tuple(
        Option(id=f"q1{chr(97 + n)}", label=_called(turn, step)) for n, (turn, step) in enumerate(found[:8])
    )
    candidates = tuple(
        Candidate(choice=option.id, command=_undo_step(*pair))
        for option, pair in zip(options, found, strict=False)
    )
    return Question(text=text, slots=(Slot(id="q1", text=text, options=options),), candidates=candidates)


def _called(turn: Turn, step: Step) -> str:
    return (
        f"{turn.title or turn.instruction} · {step.id}"
        if len(turn.steps) > 1
        else turn.title or turn.instruction
    )


def _not_found(said: str, lang: Lang) -> Declined:
    if lang == "zh":
        return Declined(
            reason=f"历史里没有叫「{said}」的步骤。", nearest="说「历史」可以看到每一步，再说「只撤销…」。"
        )
    return Declined(
        reason=f"No step in the history is called “{said}”.",
        nearest="Say “history” to see every step, then “undo only …”.",
    )


def steps_called(said: str, request: Request) -> list[tuple[Turn, Step]]:
    """Standing steps that `said` may mean, newest first; the position 第2步 counts within the last instruction."""
    position = re.fullmatch(r"第?([0-9一二三四五六七八九十]+)(?:步|个)?|(?:step )([0-9]+)", said)
    turns = undoable(request)
    if position and turns:
        index = int(number(position.group(1) or position.group(2)) or 0) - 1
        return [(turns[0], turns[0].steps[index])] if 0 <= index < len(turns[0].steps) else []
    ops = [op for op, pattern in NOUNS.items() if re.search(rf"(?:{pattern})", said, re.IGNORECASE)]
    exact = [(turn, step) for turn in turns for step in turn.steps if step.op in ops]
    named = [pair for pair in exact if _columns_named(said, pair[1])] or exact
    return named or [(turn, turn.steps[0]) for turn in turns if turn.steps and _titled(said, turn)]


def _columns_named(said: str, step: Step) -> bool:
    return any(isinstance(name, str) and len(name) > 1 and name in said for name in _strings(step.params))


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in _strings(item)]
    return [text for item in value for text in _strings(item)] if isinstance(value, list | tuple) else []


def _titled(said: str, turn: Turn) -> bool:
    return (
        any(
            said in words or fuzz.partial_ratio(said, words) >= 85
            for words in (turn.title, turn.instruction)
            if words
        )
        and len(said) > 1
    )


_BACK: Final = re.compile(
    r"(?:回到|退回到?|返回到?|恢复到|还原到|回退到|撤回到)(?P<zh>.{1,40}?)(?P<when>之前|以前|前|之后|以后)?(?:的)?(?:版本|状态|时候|样子)?|(?:go back|return|back|revert|roll ?back|restore)(?: it)? to (?:the (?:state|version) )?(?P<when2>before|after)?(?: we| i| the)? ?(?P<en>.{1,60})",
    re.IGNORECASE,
)
_ROOT: Final = re.compile(
    r"最初|最开始|一开始|原始(?:数据|版本|文件|表)?|开头|初始(?:状态|版本)?|the (?:very )?(?:beginning|start|original)(?: data| version| file)?|(?:the )?original(?: data| version| file)?|raw data|scratch",
    re.IGNORECASE,
)


def going_back(text: str, request: Request, linked: Linked, lang: Lang) -> Outcome | None:
    """回到去重之前: as many undo steps as lie between."""
    match = _BACK.fullmatch(text)
    if match is None or text.endswith(("分支", "branch")):
        return None
    said = linked.plain(match.group("zh") or match.group("en")).strip()
    turns = undoable(request)
    if _ROOT.fullmatch(said):
        return Command(verb="undo", args={"steps": len(turns)}) if turns else _nothing(lang)
    if re.fullmatch(
        r"上一(?:步|版|个版本)|上个版本|(?:the )?(?:last|previous) (?:step|version)", said, re.IGNORECASE
    ):
        return Command(verb="undo", args={"steps": 1}) if turns or not request.history else _nothing(lang)
    when = match.group("when") or match.group("when2")
    found = steps_called(said, request)
    if not when or not found:
        return _not_found(said, lang) if when else None
    back = turns.index(found[0][0]) + (0 if when in ("之后", "以后", "after") else 1)
    return Command(verb="undo", args={"steps": back}) if back else _nothing(lang)


def _nothing(lang: Lang) -> Declined:
    return Declined(
        reason="已经在那个版本了，没有要撤销的。"
        if lang == "zh"
        else "The data is already at that version; there is nothing to undo."
    )


def comparison(said: str, request: Request) -> Command | None:
    """The two versions a comparison means; commit ids where the history knows them, else HEAD~1 and ROOT."""
    turns = undoable(request)
    said = re.sub(r"^(?:with|to|against|和|与|跟|since)\s?|的$", "", said, flags=re.IGNORECASE)
    if _ROOT.fullmatch(said):
        first = next((turn.parent for turn in request.history if turn.parent), "") or "ROOT"
        return Command(verb="diff", args={"from": first, "to": "HEAD"})
    if not said or re.fullmatch(
        r"上一?个?(?:版本?|步)|上一次|之前|前一版本?|改了什么|有什么变化|改动了哪些|刚才改了什么|变化在哪|(?:the )?(?:last|previous)(?: version| step| one)?|before|(?:in )?the last (?:step|change)",
        said,
        re.IGNORECASE,
    ):
        return Command(
            verb="diff", args={"from": (turns[0].parent if turns else "") or "HEAD~1", "to": "HEAD"}
        )
    before = re.fullmatch(r"(.{1,30}?)(之前|以前|前)|before (?:the )?(.{1,40})", said, re.IGNORECASE)
    found = steps_called(before.group(1) or before.group(3), request) if before else []
    if found:
        return Command(verb="diff", args={"from": found[0][0].parent or "HEAD~1", "to": "HEAD"})
    name = re.fullmatch(
        r"(?:分支|the |branch )?\s?([A-Za-z0-9_\-/\u4e00-\u9fff]{1,40}?)(?:分支|\sbranch)?", said
    )
    branchy = "分支" in said or "branch" in said or (name and name.group(1).isascii())
    return (
        Command(verb="diff", args={"from": {"主": "main"}.get(name.group(1), name.group(1)), "to": "HEAD"})
        if name and branchy
        else None
    )
