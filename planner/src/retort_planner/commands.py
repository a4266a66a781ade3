"""Commands: what the product does itself, without a run: undo, branch, compare, export, answers to a card.

A message is a command only as a whole; 「好的，删除备注列」 is an instruction that begins politely.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

from retort_core.plans import Command, Declined, Lang, Outcome
from retort_planner import references, remembering
from retort_planner.linking import Linked
from retort_planner.literals import number
from retort_planner.requests import Request

_POLITE: Final = re.compile(
    r"^(?:请|麻烦|帮我|给我|我想|我要|那就|那|嗯|please |can you |could you |let's |i want to |just |ok,? |okay,? )+|(?:吧|一下|谢谢|呢|啊|,? please|,? thanks?)+$",
    re.IGNORECASE,
)
_UNDO: Final = r"撤销|撤消|撤回|回退|退回|还原|\bundo\b|\brevert\b|\broll ?back\b|\btake (?:it|that) back\b"
_LASTLY: Final = r"(?:上一步|上一次|上一个|刚才|刚刚|最后|最近)?(?:的)?(?:那个|那一?步|一次|一步|操作|修改|改动|步骤)?(?:的)?(?:操作|修改|改动)?|(?: (?:the |my )?(?:last|previous) (?:step|change|one|edit|operation|instruction)| (?:it|that|this))?"
_COUNT: Final = r"(?P<count>[0-9]{1,3}|[一二两三四五六七八九十]{1,3}|twice|two|three|four|five|once)?\s?(?:步|次|个操作|steps?|times|changes?)?"


def _undo(text: str) -> Command | None:
    parts = [part for part in re.split(r",|然后|接着|and then|then|and", text) if part.strip()]
    steps = 0
    for part in parts:
        match = re.fullmatch(
            rf"\s?(?:再|又|继续|again )?(?:往回|往前)?(?:{_UNDO})(?:{_LASTLY})\s?{_COUNT}(?:吧|again)?\s?",
            part.strip(),
            re.IGNORECASE,
        ) or re.fullmatch(
            r"(?:取消|撤掉)(?:刚才的?|上一步|上一次)(?:操作|修改)?|(?:回到|退到|返回)上一[步版](?:本)?|(?:go|step) back(?: one step)?|back one step|再来一次撤销|(?:do it )?again|再撤(?P<count>)",
            part.strip(),
            re.IGNORECASE,
        )
        if match is None:
            return None
        count = match.groupdict().get("count")
        steps += {"twice": 2, "once": 1}.get(count.lower(), int(number(count) or 1)) if count else 1
    return (
        Command(verb="undo", args={"steps": steps})
        if steps and re.search(_UNDO + r"|取消|回到|退|back|撤", text, re.IGNORECASE)
        else None
    )


def _redo(text: str) -> Command | None:
    match = re.fullmatch(
        rf"(?:恢复|重做|取消撤销|恢复撤销|恢复刚才撤销的(?:操作)?|redo|put it back|bring it back)(?:一下|回来|it|that)?\s?{_COUNT}",
        text,
        re.IGNORECASE,
    )
    if match is None:
        return None
    count = match.group("count")
    return Command(
        verb="redo",
        args={"steps": {"twice": 2, "once": 1}.get(count.lower(), int(number(count) or 1)) if count else 1},
    )


_BRANCH: Final = re.compile(
    r"(?:新?建立?|创建|开|拉|开出|新开|建)(?:一?个|一条)?(?:新的?)?分支(?:,)?(?:名字?(?:为|叫)|名为|叫做?|叫)?\s?[:]?(?P<zh>[^,\s]{1,60})|从这里开?分支(?:,?叫)?(?P<zh2>[^,\s]{1,60})"
    r"|(?:create|make|start|open|new)(?: a)?(?: new)? branch(?: called| named)?\s?(?P<en>[^,\s]{1,60})|branch off as (?P<en2>[^,\s]{1,60})",
    re.IGNORECASE,
)
_SWITCH: Final = re.compile(
    r"(?:切换?(?:回|到|至|换到)|转到|回到)(?P<word>分支)?\s?(?P<zh>[^,\s]{1,60}?)(?:(?P<tail>分支))?|(?:switch|check ?out|go)(?: back)?(?: to)?(?: the)?(?P<enword> branch)?\s?(?P<en>[^,\s]{1,60}?)(?P<entail> branch)?",
    re.IGNORECASE,
)


def _branch(text: str, linked: Linked) -> Command | None:
    match = _BRANCH.fullmatch(text)
    if match is None:
        return None
    return Command(verb="branch", args={"name": linked.plain(next(g for g in match.groups() if g))})


def _switch(text: str, linked: Linked) -> Command | None:
    match = _SWITCH.fullmatch(text)
    if match is None:
        return None
    name = linked.plain(match.group("zh") or match.group("en"))
    said = match.group("word") or match.group("tail") or match.group("enword") or match.group("entail")
    if not said and not re.match(r"切|转|switch|check", text, re.IGNORECASE):
        return None
    return Command(
        verb="switch", args={"name": {"主": "main", "主干": "main", "主线": "main"}.get(name, name)}
    )


_DIFF: Final = re.compile(
    r"(?:和|与|跟|同)?(?P<zh>.{1,40}?)(?:比较|对比|比一比|比)(?:一下|有什么(?:不同|区别|变化)|差异)?|(?:比较|对比)(?:一下)?(?:和|与|跟)?(?P<zh2>.{0,40}?)(?:的)?(?:差异|区别|不同|变化)?"
    r"|(?:看看?|显示|查看)?(?:跟|和|与|比)(?P<zh3>.{1,30}?)(?:有什么|有哪些|的)?(?:不同|区别|变化|差异|改动)|(?P<zh4>改了什么|有什么变化|改动了哪些|刚才改了什么|变化在哪)"
    r"|(?:compare|diff)(?: (?:it|this|the data))?(?: (?:with|to|against))?(?P<en> .{0,40})?|what(?:'s| has| is)? changed(?P<en2>.{0,30})|show (?:me )?the (?:diff|differences|changes)(?P<en3>.{0,30})",
    re.IGNORECASE,
)


def _diff(text: str, request: Request) -> Command | None:
    match = _DIFF.fullmatch(text)
    if match is None:
        return None
    said = next((group for group in match.groups() if group), "").strip()
    return references.comparison(said, request)


_EXPORT: Final = re.compile(
    r"导出|下载|另存|存为(?:excel|csv|xlsx|parquet)|\b(?:export|download|save (?:it |this |the data )?as)\b",
    re.IGNORECASE,
)
_FORMATS: Final = (
    ("parquet", "parquet"),
    ("xlsx?|excel|表格文件|电子表格|spreadsheet", "xlsx"),
    ("csv|逗号分隔", "csv"),
)
_ENCODINGS: Final = (
    (r"gb ?18030|gbk|gb2312|国标", "gb18030"),
    (r"bom|utf-?8-?sig|excel能打开|for excel", "utf-8-sig"),
    (r"utf-?8", "utf-8"),
)


def _export(text: str) -> Command | None:
    if not _EXPORT.search(text):
        return None
    left = _EXPORT.sub("", text)
    form = next((name for words, name in _FORMATS if re.search(words, left, re.IGNORECASE)), "csv")
    encoding = next((name for words, name in _ENCODINGS if re.search(words, left, re.IGNORECASE)), "utf-8")
    for words, _ in (*_FORMATS, *_ENCODINGS):
        left = re.sub(words, "", left, flags=re.IGNORECASE)
    left = re.sub(
        r"成|为|格式|文件|编码|带|的|数据|结果|把|将|这个|当前|全部|表|用|\(|\)|,|it|the|data|result|as|an?|file|to|with|in|encoding|format|this|current|encoded|version|版本?",
        "",
        left,
        flags=re.IGNORECASE,
    )
    args: dict[str, Any] = {"format": form, "encoding": encoding}
    return Command(verb="export", args=args) if not left.strip() else None


_FIXED: Final[tuple[tuple[str, str], ...]] = (
    ("history", r"(?:查看|看看?|显示|列出|打开)?(?:一下)?(?:版本|操作|修改|提交|改动|处理)?(?:的)?历史(?:记录|版本|操作)?|都做了什么|做过哪些(?:操作|修改|处理)|(?:show (?:me )?(?:the )?)?(?:history|log|versions?)|what (?:have|did) (?:we|i|you) (?:done|do)(?: so far)?"),
    ("suggest", r"(?:还)?(?:有|给)(?:我)?(?:什么|哪些|一?些|点)?(?:清洗|处理)?建议|建议(?:一下)?|(?:看一?看|看一?下|检查一?下?|查一?下)?(?:一下)?(?:数据|这份数据|这个表|表)?(?:里|中)?(?:还)?(?:有|存在)(?:没有)?(?:什么|哪些)?(?:质量)?(?:问题|毛病|异常)|(?:看一?看|看一?下|检查一?下?)(?:数据|这份数据)(?:质量)?|还有什么(?:要|需要)处理的|该怎么清洗|怎么清洗(?:好)?|(?:any )?suggestions?|what (?:should|can) (?:i|we) (?:clean|fix|do)(?: next)?|what(?:'s| is) wrong with (?:the|this|my) data|(?:check|show)(?: me)?(?: the| this| my)? data(?: for)? (?:problems|issues|quality)|(?:are there )?any (?:problems|issues)(?: (?:in|with) (?:the|this|my) data)?"),
    ("profile", r"(?:查看|看看?|给出|生成|显示)?(?:数据)?(?:质量报告|质量概况|画像|体检(?:报告)?|数据质量(?:怎么样|如何)?)|(?:show (?:me )?(?:the )?)?(?:data )?(?:quality(?: report)?|profile)"),
    ("remember", r"(?:以后|今后|往后)(?:都|也|就|一直)?(?:这样|这么(?:做|处理|办)|按这个(?:来|处理)?|照此)(?:处理|做|办)?|记住(?:这个|这样)?(?:做法|规则|选择)?|always (?:do )?(?:this|that|it)(?: way)?|remember (?:this|that)(?: choice)?|from now on(?: always)? (?:do )?(?:this|that)|do (?:this|that|it) (?:from now on|every time)"),
    ("approve", r"(?:我)?(?:批准|通过|确认执行|确认提交|确认|同意执行|准了|执行|提交)(?:这个|该)?(?:修改|结果|版本)?|approved?(?: it| this)?|confirm(?: it)?|i approve|go ahead and commit"),
    ("reject", r"(?:取消|拒绝|驳回|放弃|算了|不执行|不批准|不用了|不要了|别做了|先不做|不了|都不要|都不是|不同意)(?:这次|这个)?(?:操作|修改|执行)?|reject(?: it| this)?|cancel(?: it| that| this)?|never ?mind|no thanks|no,? thank you|forget it|don't do it|abort"),
)  # fmt: skip
_YES: Final = re.compile(
    r"(?:好的?|好啊|可以|行|没问题|嗯+|同意|是的|对|对的|要|就这样|就这么(?:办|做)|ok|okay|yes|yep|yeah|sure|do it|go ahead|sounds good|please do|fine|y)[吧啊的!.。,]?",
    re.IGNORECASE,
)
_REMEMBER_TAIL: Final = re.compile(
    r"[,;。]?\s?(?:并且?)?(?:以后都这样(?:处理)?|以后也这样|记住这个选择|and (?:always )?(?:remember (?:this|that)|from now on)|,? always)$",
    re.IGNORECASE,
)


def fixed(text: str) -> Command | None:
    for verb, pattern in _FIXED:
        if re.fullmatch(pattern, text, re.IGNORECASE):
            return Command(verb=verb, args={"column": ""} if verb == "profile" else {})
    return None


def agrees(text: str) -> bool:
    return _YES.fullmatch(text) is not None


def strip_polite(text: str) -> str:
    return _POLITE.sub("", text.strip(" 。.!,")).strip(" 。.!,")


def without_remember(text: str) -> tuple[str, bool]:
    """「第二个，以后都这样」: the answer, and that it is to be remembered."""
    match = _REMEMBER_TAIL.search(text)
    return (text[: match.start()], True) if match and match.start() else (text, False)


def command(request: Request, linked: Linked, lang: Lang) -> Outcome | None:
    """The command that the whole message is, or None."""
    text = strip_polite(linked.text)
    if not text or len(text) > 120:
        return None
    attempts: tuple[Callable[[], Outcome | None], ...] = (
        lambda: remembering.remembered(text, linked),
        lambda: references.selective(text, request, linked, lang),
        lambda: _guarded(_undo(text), request, lang),
        lambda: _redo(text),
        lambda: _branch(text, linked),
        lambda: references.going_back(text, request, linked, lang),
        lambda: _switch(text, linked),
        lambda: fixed(text),
        lambda: _diff(text, request),
        lambda: _export(text),
    )
    return next((found for attempt in attempts if (found := attempt()) is not None), None)


def _guarded(found: Command | None, request: Request, lang: Lang) -> Outcome | None:
    """With nothing to undo it says so."""
    if found is None or references.undoable(request) or not request.history:
        return found
    return Declined(
        reason="没有可以撤销的操作了。" if lang == "zh" else "There is nothing left to undo.",
        nearest="恢复" if lang == "zh" else "redo",
    )
