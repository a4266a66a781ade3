"""Spoken forms: courtesy, particles, contractions, numbers in words and verbs of the street, put the plain way.

Nothing here knows an operation: what is taken away means nothing in any sentence (谢谢, would you mind), what is
replaced means the same everywhere (干掉 is 删除, 去个重 is 去重, who's is who is). Columns and quotations are single
private characters by now, so a value in quotes is never touched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

from retort_planner.literals import chinese, english
from retort_planner.text import has_cjk

_COURTESY_ZH: Final = re.compile(
    r"^(?:(?:请问一?下?|请您|请你|请|麻烦您?你?|劳驾您?你?|拜托您?你?|辛苦您?你?|不好意思|打扰一?下?|抱歉|您好|你好|大家好|(?:老师|同学|师傅|亲)们?好?(?=[,。!])|哈喽|嗨|嘿|那个(?=,)|这样吧|要不然?|"
    r"嗯+|呃+|好的?(?=[,。!])|行(?=[,。!])|可以(?=[,。!])|对了|谢谢(?=[,。!])|方便的话|有空的话|可以的话|如果(?:可以|方便)的?话?|是否可以|能不能|能否|可不可以|可否|(?:你|您)?(?:可以|能)(?=请|帮|给|把|将|对|按|替|让|不)|"
    r"(?:我们?|咱们?)?(?:现在|还|就|只?是)?(?:想|希望|打算|需要|想要)(?:请|让|要)?(?:您|你)?(?=帮|给|把|将|对|按|看|知道|统计|算|查|了解|删|去|问)|(?:想)?(?:请?问|知道|了解)(?:一?下)?(?!载)|"
    r"帮(?:我们?|个?忙)(?:一下)?|给我们?(?=[看算统查出做列])|替我们?|(?:您|你|咱们?|我们?)(?=把|给|将|对|先把|帮)|那么?就?(?=[把将给对删去按])|先帮我)[,。!:~]?\s?)+"
)
_COURTESY_EN: Final = re.compile(
    r"^(?:(?:hi|hey|hello|hiya|good (?:morning|afternoon|evening)|excuse me|sorry(?: to bother you)?|ok(?:ay)?|alright|right(?=,)|well|so(?=,)|now|yes|sure|great|thanks?(?: you)?|"
    r"please|pls|plz|kindly|could you|can you|would you|will you|can we|could we|may i|can i|could i|let us|just(?= (?:drop|remove|delete|sort|trim|rename|fill|show|give))|"
    r"(?:please )?be so kind as to|(?:would|do) you mind|mind(?= [a-z]+ing\b)|i was wondering if you (?:could|can|would)|i wonder if you (?:could|can)|is it possible to|would it be possible to|it would be (?:great|good|nice) (?:if you (?:could|would)|to)|"
    r"i would like(?: you)? to|i want(?: you)? to|i need(?: you)? to|i would love to|we would like to|we want to|we need to|you (?:should|can)|go ahead and|help me(?: to)?|i need(?= the| an?\b)|tell me(?= how| what| the| which))(?![A-Za-z])[,.!:]?\s?)+",
    re.IGNORECASE,
)
_THANKS: Final = re.compile(
    r"[,。!;.~\s]*(?:谢谢(?:您|你|啦|了|老师)?|多谢(?:了|啦)?|感谢|辛苦(?:了|你|您)?|拜托(?:了)?|麻烦(?:了|你了)|thank you(?: so much| very much)?|thanks?(?: a lot| in advance)?|thx|please|pls|cheers|if (?:you can|possible|that is ok)|for me)[,。!.~]*$",
    re.IGNORECASE,
)
_ASKED: Final = re.compile(r"(?:,?(?:好吗|好不好|行吗|行不行|可以吗|可以不|能行吗|成吗))?[?]*$")
_PARTICLE: Final = re.compile(r"(?:吧|呗|哈|呀|哦|噢|喔|啊|嘛|吗|呢)+(?=[,;。!?]|$)")
_CONTRACTED: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), meant)
    for pattern, meant in (
        (r"’(?=[A-Za-z])", "'"),
        (r"\bcan't\b|\bcannot\b", "can not"),
        (r"\bwon't\b", "will not"),
        (r"\b(is|are|was|were|do|does|did|has|have|had|would|should|could)n't\b", r"\1 not"),
        (r"\blet's\b", "let us"),
        (r"\bi'm\b", "i am"),
        (r"\b(i|we|you|they|he|she|it|who|that)'(?:d|ll)\b", r"\1 would"),
        (r"\b(we|you|they|there|who)'re\b", r"\1 are"),
        (r"\b(who|that|what|how|there|where|it|which|he|she)'s\b", r"\1 is"),
        (r"\b(i|we|you|they|who)'ve\b", r"\1 have"),
        (r"\b(?:gonna)\b", "going to"),
        (r"\bwanna\b", "want to"),
        (r"(?<= to )(?:proper|real|actual|valid|correct|normal) (?=dates?|numbers?|text)", ""),
    )
)
# What stands for one plain verb or noun. Longer forms come first where one contains another.
_PLAIN_ZH: Final = tuple(
    (re.compile(pattern), meant)
    for pattern, meant in (
        (r"[咯啦喽](?=[,;。!]|$)", "了"),
        (
            r"(去|求|排|改|分|编|换|起|打|做|加|算|取)(?:一?个|一下|下)(重|和|序|名字?|组|码|标签|标记?|平均|均值|整|段|档|差)",
            r"\1\2",
        ),
        (r"(?<![十百千万统])一下子?|(?<=统一)下|(?<=[问看查说])下(?=[\u4e00-\u9fff\ue000-\ue7ff])", ""),
        (r"^(?:我们?|咱们?)(?=不要|不想|不需要|只要|只想|只看|仅)", ""),
        (r"往(?:前|后|左|右)面?(?=挪|移|放|调|搬)", ""),
        (r"(?<=[\ue000-\ue7ff])(?:能不能|可不可以|能|可以)(?=统一|改|删|换|转|去|排|补|填|算|标)", ""),
        (r"(?<=的)也(?=[置设改删去清填标])", ""),
        (r"(?<=[,;])(?:剩下|其余|余下|剩余)的?(?:数据|行|人)?(?=按|再|把)", ""),
        (r"每个?人的?(?=[\ue000-\ue7ff])", ""),
        (r"清一清|清清", "清理"),
        (r"(?P<n>记录|行|的人|样本|数据|答卷|问卷)(?P<all>都|全部?|给)*(?:清掉|抹掉)", r"\g<n>删掉"),
        (r"空格子儿?|空格儿|空的?格子", "空值"),
        (r"(?<=[\u4e00-\u9fff\ue000-\ue7ff])的话(?=[,就用把将填补删都]|$)", "的"),
        (r"男的(?=[和、跟与]?女)", "男"),
        (r"(?:瞧|瞅|瞄|望)(?:一眼|一下|一?[瞧瞅瞄])|看一眼|瞧瞧|瞅瞅", "看看"),
        (r"(?<!次)(?<!个)数一?数(?=[^据值字量学])", "统计"),
        (r"算一?算(?!法)", "算"),
        (r"查一?查", "查看"),
        (r"(?:捋|理)(?:一[捋理]|一下|一遍|顺)|捋", "整理"),
        (r"一块儿?|一起儿", "一起"),
        (r"头一(?=[条个次行])", "第一"),
        (r"统统|通通|通统|一股脑儿?|全给", "全部"),
        (r"里头|里边", "里"),
        (r"俩(?=列|个|字)", "两"),
        (r"仨", "三个"),
        (r"(?<=[\u4e00-\u9fff\ue800-\uefff])(?:这|那)?[一两二三四几]个?字(?=的|都|$|[换改替])", ""),
        (r"(?:干|扔|砍|踢|毙|剪|刷|丢|滤|划|撇|剔|抠)(?:掉|了|出去|走)", "删掉"),
        (r"(?:拿|移|挪|清)(?:走|出去)(?!到)|删(?:光|干净|一删|一下|一波)|剔出去?", "删掉"),
        (r"(?:捞|拎|抓|挑|拣|找|筛)(?:出来|出)", "筛选出"),
        (r"(?:设|弄|搞|整|变|改)(?:成|为)(?=[大小]写|文本|数字|数值|整数|小数|日期|空|字符)", "改成"),
        (r"(?:弄|搞|整)(?:齐|整齐|规范|统一|一致)", "统一"),
        (r"(?:劈|掰|切)(?:开|成)(?=成|为|[两三四2-5几]|$)", "拆"),
        (r"(?:搁|摆|挪|移|调)(?:到|在|至)", "移到"),
    )
)
_PLAIN_EN: Final = tuple(
    (re.compile(rf"(?<![A-Za-z])(?:{pattern})(?![A-Za-z])", re.IGNORECASE), meant)
    for pattern, meant in (
        (r"(?:chuck|toss|kick|throw|weed|cut|cross|filter|screen|sort) out(?! of)", "drop"),
        (r"toss|ditch|dump|scrap|axe|nuke|trash|chuck|get shot of|do away with|take (?:them |it )?out", "drop"),
        (r"(?:we |i )?(?:do|will) not (?:want|need)(?: to (?:keep|have|see))?|(?:we |i )?no longer (?:want|need)|(?:we |i )?would not keep", "drop"),
        (r"(?:we are|i am) (?:only |just )?(?:interested in|after)|(?:we |i )?(?:only|just) (?:want|need|care about)", "keep only"),
        (r"narrow (?:it |this |that |things )?down to|boil (?:it )?down to", "keep only"),
        (r"(?:tidy|clean) up(?= (?:the )?(?:extra |stray )?(?:white ?)?spaces)", "trim"),
        (r"(?:stick|pop|slide|shift|push)(?= (?:the )?[\ue000-\ue7ff])", "move"),
        (r"whoever|anyone who|anybody who", "everyone who"),
        (r"anybody|anyone|everybody", "everyone"),
        (r"any more|anymore", ""),
        (r"straight|right(?= (?:before|after|next|behind))|directly(?= (?:before|after|next))", ""),
        (r"chop|slice|carve", "cut"),
        (r"while (?:you|we) are at it,?", ""),
        (r"point out|identify|spot|call out", "mark"),
        (r"nothing but", "keep only"),
        (r"do something (?:with|about|to)", "handle"),
    )
)  # fmt: skip
_APART: Final = re.compile(
    r"^(?:throw|take|leave|filter|kick|cut|weed|screen|sort|get|strip) (?P<what>.{2,80}) out$|^no (?P<what2>(?:people|rows|records|respondents|users|one) .{2,80})$",
    re.IGNORECASE,
)
_PERCENT: Final = re.compile(r"百分之([0-9.]+|[一二两三四五六七八九十百点]+)")
_GERUND: Final = re.compile(
    r"^(sort|remov|delet|dropp|drop|renam|fill|trim+|keep|show|giv|tell|mov|replac|chang|mak|split+|merg|round|add|filter|convert)ing\b",
    re.IGNORECASE,
)
_STEMS: Final = {
    "remov": "remove", "delet": "delete", "dropp": "drop", "renam": "rename", "trimm": "trim", "giv": "give", "mov": "move",
    "replac": "replace", "chang": "change", "mak": "make", "splitt": "split", "merg": "merge",
}  # fmt: skip


def plainly(text: str) -> str:
    """`text` of one message without what is only said, and with plain words for the rest."""
    for pattern, meant in _CONTRACTED:
        text = pattern.sub(meant, text)
    text = _uncourteous(text.strip())
    if has_cjk(text):
        text = _PARTICLE.sub("", text)
        text = _PERCENT.sub(lambda m: f"{chinese(m.group(1)) or m.group(1)}%", text)
        for pattern, meant in _PLAIN_ZH:
            text = pattern.sub(meant, text)
    else:
        for pattern, meant in _PLAIN_EN:
            text = pattern.sub(meant, text)
        text = _APART.sub(lambda m: f"drop {m.group('what') or m.group('what2')}", text.strip())
        text = _GERUND.sub(lambda m: _STEMS.get(m.group(1).lower(), m.group(1)), text)
        text = english(text)
    return re.sub(r" {2,}", " ", text).strip(" ,")


def _uncourteous(text: str) -> str:
    """Without greeting, asking and thanking; never down to nothing."""
    asks = re.search(r"能|可以|可不可以", text) is not None
    for pattern in (_THANKS, _COURTESY_ZH, _COURTESY_EN):
        found = pattern.search(text)
        rest = pattern.sub("", text, count=1) if found else text
        text = rest if rest.strip() else text
    text = _ASKED.sub("", text) or text
    return re.sub(r"(?<=[\u4e00-\u9fff])不$", "", text) if asks else text


_OWN: Final = re.compile(
    r"删掉|筛选出|移到|统一|改成|整理|看看|统计|拆|\b(?:drop|keep only|trim|move|cut|everyone who)\b",
    re.IGNORECASE,
)


# Parameters whose words are the catalogue's own.
_CLOSED: Final = frozenset(
    ["mode", "op", "how", "keep", "unknown", "strategy", "match", "method", "action", "fn", "dtype", "on_error", "position", "style", "preset", "level", "order", "unmatched"]
)  # fmt: skip


def invented(params: dict[str, Any], said: str) -> bool:
    """Whether a value or name holds plain words that the person did not say: it was read out of a paraphrase."""
    folded = said.casefold()
    return any(_OWN.search(text) and text.casefold() not in folded for text in _strings(params))


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, item in value.items():
            if key not in _CLOSED:
                yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)
