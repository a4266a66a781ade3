"""Turns of phrase and what they mean in the usual order: a table, applied from top to bottom before any verb is looked for.

Only shapes that mean one thing stand here. Columns and quotations are single private characters in the patterns.
"""

from __future__ import annotations

import re
from typing import Final

from retort_planner.frames.base import COLUMNS
from retort_planner.text import NAME, C, L

_COLS: Final = rf"(?P<cols>{COLUMNS})"
_REMARK_ZH: Final = (
    r"(?:都|太|有点|也)*(?:没什么用|没有用处?|没用处?|用不[到上着]|不重要|涉及隐私|是隐私|"
    r"(?:名字?|写法|格式|名称|叫法|形式){0,2}(?:都|很|太|有点)?(?:不统一|不一致|不规范|不齐|乱))了?"
)
_REMARK_EN: Final = (
    r"(?:is|are)(?: all| both)? (?:useless|not needed|unneeded|unnecessary|not useful|of no use|messy|inconsistent|"
    r"private|sensitive)[,;:]?(?: so| please| and| but)*"
)
TURNS: Final[tuple[tuple[re.Pattern[str], str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), meant)
    for pattern, meant in (
        (r"(?:其实|实际上|事实上)(?=应?该?[是算为])|^(?:simply|basically) ", ""),
        (r",?\s?\b(?:please|thanks|thank you)[.!]?$", ""),
        # What is only remarked: the columns stay, or what follows says which.
        (
            rf"^(?:把|将)?{_COLS}(?:里|中)?的?(?:.{{0,4}})(?:基本|几乎|大多|大部分|全|都|差不多)+(?:都)?(?:是)?(?:空|缺失|没填|空白)的?(?:值)?了?,(?=.{{0,4}}(?:删|去|不要|扔|拿))(?P<rest>.*?)(?:它们?|这一?列)?$",
            r"\g<rest>\g<cols>列",
        ),
        (
            r"^[^,;\ue000-\ue7ff]{1,12}(?:太|很|有点|都|也|不太)*(?:不统一|不一致|不规范|不齐|乱|有问题|没(?:什么)?(?:用|意义))了?,(?=.*[\ue000-\ue7ff])",
            "",
        ),
        # A remark on the columns before what is to be done with them; to keep them as they are is nothing to do.
        (rf"^(?:把|将)?{_COLS}{_REMARK_ZH},(?:.{{0,6}}(?:保留|留着|留下|不动)(?:着|吧)*)$", ""),
        (rf"^(?:the )?{_COLS} {_REMARK_EN} (?:keep|retain|leave|save) .{{0,20}}$", ""),
        (rf"^(?:把|将)?{_COLS}{_REMARK_ZH},(?!.*(?:留|别|不|勿))", r"\g<cols>"),
        (
            rf"^(?:the )?{_COLS} {_REMARK_EN} (?P<verb>(?!not|hide)[a-z]+(?: up)?) (?:them|it|these)(?: all)?$",
            r"\g<verb> \g<cols>",
        ),
        (
            r"的(?:都|就)?(?:算作?|是|视为|当作?|属于)(?:异常|离群|无效|错误|错|有问题|不合理|不合法|不正常)值?的?,",
            "的",
        ),
        (r"(?:那几个|那些|这些|的)*(?:都)?(?:是|属于)?(?:瞎|乱|胡乱?|随便|错)填的?,", "的"),
        (r"(?:抹掉|清掉|清空|删掉|去掉|拿掉),?(?:变|改|设|置|弄|搞)[成为](?:空值?|空白|缺失)的?$", "设为空"),
        (
            r"的(?:都|就|一律)*(?:按|当)(?:作|成)?\s?(?P<n>[0-9.]+[万千百]?|[一二两三四五六七八九十百千万]+)(?:元|块|分)?(?:来)?(?:算|计算|处理)$",
            r"的改成\g<n>",
        ),
        (
            r"是(?:一回事|一个意思|同一个(?:意思|东西|城市|地方|地儿)?|一样的),?(?:就|都)?(?:统一|合并)?(?:写成?|叫|为|成|改成|用)",
            "合并为",
        ),
        (
            r"有(?:任意|任何|其中)?[一1][门个项列题科](?:没有?|缺|空|未)(?:成绩|分数?|填写?|值|数据|答案?|回答|失|着)?的?",
            "任一缺失的",
        ),
        (
            rf"^(?:把|将|用)?(?P<v>{L}|[\u4e00-\u9fffA-Za-z0-9]{{1,12}}?),?(?:填|补|写|放)(?:到|进|入|在|去)(?P<where>.*(?:空|缺|没填).*)$",
            r"\g<where>填\g<v>",
        ),
        (rf"^往(?P<cols>{COLUMNS})的?(?=.*[填补写])", r"\g<cols>"),
        (
            rf"^(?P<cols>{COLUMNS})(?:做|来)?交叉(?:来|着)?(?:看|分析|统计)(?P<b>{COLUMNS})$",
            r"按\g<cols>统计\g<b>",
        ),
        (
            rf"^(?:reverse|invert|flip)(?: the)? (?P<col>{C})(?: by)? subtracting (?:it|{C}) from [0-9]+$",
            r"reverse \g<col>",
        ),
        (
            r"^(?:what|how) does (?:the|this|my) (?:data|table|dataset|file) look(?: like)?$",
            "describe the data",
        ),
        (rf"^(?:add up|sum up|total up)(?: the)? (?=.*{COLUMNS})", "compute the sum of "),
        (
            rf"^average(?: the)?(?: [a-z]+){{0,3}} (?P<cols>{COLUMNS}) (?=into|as|in|to)",
            r"compute the mean of \g<cols> ",
        ),
        (
            rf"^(?:make|turn|put)(?: the)? (?P<cols>{COLUMNS}) into (?:one|a single) (?:new )?column",
            r"combine \g<cols> into one column",
        ),
        (
            rf"^(?:the )?{_COLS}(?: columns?)? (?:is|are) (?:not|no longer) (?:needed|necessary|required|wanted|useful|relevant)(?: any ?more)?$",
            r"drop \g<cols>",
        ),
        (r"^(?P<who>[^,;]+?) (?:must|can|could) (?:all )?go$", r"remove \g<who>"),
        (
            r"^(?P<who>(?!.*\b(?:drop|remove|delete|exclude|keep|fill|set|replace)\b)[^,;]+?) only$",
            r"keep only \g<who>",
        ),
        (r"的(?:数值|值|内容|单元格)(?:都|全部?|统统|一律)*(?:清除|清掉|清理掉|抹掉)$", "的设为空"),
        (
            rf"^(?:the )?(?P<cols>{COLUMNS}) (?P<v>[+\-]?[0-9.]+(?:(?:,| and) [+\-]?[0-9.]+)*) (?:should|must|is to|are to)(?: be)? (?:count|counted|treated|considered|regarded|taken)(?: as)? missing$",
            r"treat \g<v> in \g<cols> as missing",
        ),
        (
            rf"^(?P<head>(?:re)?code(?: the)? {C}(?: as)?) (?P<a>[0-9]+) for (?P<b>[^,;]{{1,20}}?)(?:,| and|, and) (?P<c>[0-9]+) for (?P<d>[^,;]{{1,20}})$",
            r"\g<head>: \g<b>=\g<a>, \g<d>=\g<c>",
        ),
        # Round two: who is meant, what is asked for, where it goes.
        (
            r"^(?:.{0,8}里面?,?)?(?:我们?)?(?:用得上|用得着|要用|需要|想要|关心|在意|想看|要看)的(?:列|字段|数据|样本)?(?:就是|只有|只是|就|是)+",
            "只保留",
        ),
        (
            rf"^用{_COLS}(?:列)?(?:来)?(?:给|对|为)(?P<what>.+?)(?:做|进行)?加权$",
            r"\g<what>用\g<cols>加权",
        ),
        (
            rf"^在(?P<c>{C})(?:列)?的?(?P<w>后面|之后|右边|前面|之前|左边)(?:插入?|加|新增|增加|添加|补)(?:一|1)?个?(?:新的?)?(?:列|字段)(?:叫|名为)?\s?(?P<n>{NAME})(?P<body>[:,=为].+)$",
            r"新增列\g<n>\g<body>;把\g<n>移到\g<c>\g<w>",
        ),
        (
            r"(?:归(?:到|在|为|成)?(?:一块儿?|一起|一堆|一类|一组)|合(?:并)?(?:起来|在一起|成一[类组])),?(?:就)?(?:叫做?|名为|算作?|为|成)",
            "合并为",
        ),
        (rf"^(?:我们?)?(?:要|留|保留){C},(?:只是|就是|但是?|除了?)*(?=不要|不用|删|去)", ""),
        (rf"^(?:看看?|关于|对于){_COLS}(?:列)?,(?=.)", r"\g<cols>"),
        (r"(?<=清空|置空|删掉|去掉|删除)(?:它们?|他们|这些)$", ""),
        (
            r"(?:限制|限定|控制)(?:在|到|为)?(?P<low>[0-9.]+)(?:到|至|-|~)(?P<high>[0-9.]+)(?:之间|以内|之内)?,?(?:超出|超过|不在|之外|其余|以外)(?:范围|的)*(?:都|就|全部?)*(?=清空|设为空|置空|删|去掉|标)",
            r"不在\g<low>到\g<high>的",
        ),
        (
            rf"^(?:[一二两三四五几0-9]+[门个项科道列](?:成绩|分数|题|课)?)(?P<v>[^:]+?):(?P<cols>{COLUMNS})$",
            r"\g<cols>\g<v>",
        ),
        (
            r"^(?:这(?:个|份)?(?:表|数据))?(?:总共|一共|共|总计)?(?:有)?(?:几|多少)[行条](?:数据|记录)?[,、]?(?:(?:几|多少)[列个字段]+)?$",
            "数据概况",
        ),
        (
            r"^how many rows(?: and columns)?(?: (?:are there|do i have|does it have|in (?:the|this) (?:data|table|file)))?$",
            "describe the data",
        ),
        (
            rf"^(?:all |the )?(?:blank|missing|empty)(?: values?| cells?)?(?: (?:in|of|for))?(?: the)? {_COLS} (?:should|must|have to|need to|ought to) (?:read|say|be|show|become|get|contain) (?P<v>{L}|[a-z]{{1,30}})$",
            r"fill missing \g<cols> with \g<v>",
        ),
        (rf"^(?P<a>{C}) ?[×x*] ?(?P<b>{C})$", r"crosstab \g<a> by \g<b>"),
        (rf"^(?P<a>[a-z]+) and (?P<b>[a-z]+)(?P<o>(?: the)? {COLUMNS})$", r"\g<a>\g<o> and \g<b>\g<o>"),
        (
            rf"^(?:when|whenever|where|if) (?P<cond>(?:the )?(?P<c>{C}) .+?),? (?:then )?(?P<v>set|make|turn|change) it (?:to |as |into )?(?P<val>.+)$",
            r"\g<v> \g<c> to \g<val> where \g<cond>",
        ),
        (
            rf"^(?P<n>[a-z_][a-z0-9_]*) (?:is|becomes|gets|shows) (?P<v>{L}|[a-z0-9]+) (?P<if>(?:when|if|where) .+?),? (?:else|otherwise|and) (?P<e>{L}|[a-z0-9]+)(?: otherwise| else)?$",
            r"add column \g<n>: \g<v> \g<if>, otherwise \g<e>",
        ),
        (
            rf" and (?:put|store|save|write) (?:it|them|that|the results?) (?:into|in|to|under|as)(?: a\b)?(?: new\b)?(?: column\b)?(?: called\b| named\b)? (?P<n>{NAME})(?: column)?$",
            r" into \g<n>",
        ),
        (
            rf"^there (?:are|is) (?:some |many |lots of |a lot of )?(?:extra |stray |leading |trailing |unnecessary )*(?:white ?)?spaces? in(?: the)? {_COLS}(?: columns?)?(?:[,.;] ?(?:please )?(?:fix|clean|remove|trim|sort|get rid of) .{{1,20}})?$",
            r"trim \g<cols>",
        ),
        (r"^have (?=(?:an? )?(?:new )?column\b)", "add "),
        (
            r"^(?:the )?(?P<who>[^:]{3,80}): ?(?P<v>drop|delete|remove|keep|flag|mark)(?: (?:them|it|those))?$",
            r"\g<v> \g<who>",
        ),
        (r"^(?P<who>[^:]{3,80}):(?P<v>删掉|删除|去掉|保留|标记)$", r"\g<v>\g<who>"),
        # What the result is to be called, after a pause.
        (
            rf"[,;:]\s?(?:(?:放|存|写|记|装|填)(?:到|进|在|入|成|为|作)|(?:把)?结果(?:放|存|写)(?:到|进|在|入)|作为|做成|形成|生成|得到|新建|新增|建|加)?(?:一个|一)?(?:新的?)?(?:列|字段|变量)(?:名(?:字)?)?(?:就)?(?:叫做?|为|是|名为|取名|:)?\s?(?P<name>{NAME})(?:列|这一?列)?(?:里|中)?$",
            r",存为\g<name>",
        ),
        (
            rf"(?:放|存|写|记|装|填)(?:到|进|在|入|成|为|作)?(?:一个|一)?新的?(?:列|字段|变量)(?:名(?:字)?)?(?:就)?(?:叫做?|为|是|名为|取名|:)?\s?(?P<name>{NAME})(?:列|这一?列)?(?:里|中)?$",
            r",存为\g<name>",
        ),
        (
            rf"(?<![改换]名)(?<!名字)(?<!一类)(?<!一组)[,;:]\s?(?:名字?|取名|起名|命名)?(?:就)?(?:叫做?|名为)\s?(?P<name>{NAME})(?:列|这一?列)?$",
            r",存为\g<name>",
        ),
        (
            rf"^(?:把|将)?{_COLS}(?:这[几两三四]列)?(?:以外|之外)的?(?:其他|其它|所有|全部)?(?:的)?(?:列|字段)",
            r"除了\g<cols>以外的列",
        ),
        (
            rf"^(?:就|只有?|唯独){_COLS}(?:不要|不用|不留|删掉),?(?:其他|其它|其余|别的|剩下)的?(?:列|字段)?(?:都|全部?)*(?:要|留着?|留下|保留|不动|不变)(?:着|了)*$",
            r"删除\g<cols>",
        ),
        (r"^我?(?:们)?要(?:所有|全部)的?(?:列|字段|数据),(?:只是|就是|但是?|除了?)*(?=不要|不用|删|去)", ""),
        (
            rf"^(?P<left>.*(?:删|去|不要|不看|剔|排除).*?)[,;](?:其他|其它|其余|别的|剩下)的?(?:列|字段|变量|行|人|数据|城市|省份|{C})?(?:都|全部?|统统)*(?:要|留着?|留下|保留|不动|不变)(?:着|了)*$",
            r"\g<left>",
        ),
        # A new column is added whether or not the verb is said.
        (r"^新的?(?:列|字段|变量)[:]?\s?(?=\S)(?!名|叫|为)", "新增列"),
        (r"^(?:an? )?new (?:column|field|variable),? (?:called |named )?", "add column "),
        (
            rf"^(?:add|create|make) (?:an? )?(?:new )?(?:column|field|variable) (?:called |named )?(?P<name>{NAME}) by (?P<verb>join|combin|concatenat|merg)ing (?P<rest>.+)$",
            r"combine \g<rest> as \g<name>",
        ),
        (rf"^(?P<cols>{COLUMNS})\+(?P<more>{COLUMNS})(?=合并|拼接?|连接?)", r"\g<cols>、\g<more>"),
        (
            r"^(?P<who>[^,;]+?) should (?:all )?(?:go|be (?:dropped|removed|deleted|excluded))$",
            r"remove \g<who>",
        ),
        (r"^(?P<who>[^,;]+?) should (?:all )?(?:stay|be kept)$", r"keep \g<who>"),
        # Questions and tables whose object stands elsewhere.
        (rf"^how (?:is|are)(?: the)? {_COLS} distributed$", r"distribution of \g<cols>"),
        (r"的人(?:一共|总共)?有多少$", "的人数"),
        (rf"^{_COLS}(?:列)?(?:里|中)?(?:都)?有(?:哪些|什么)(?:值|取值|选项|答案|类别)$", r"统计\g<cols>"),
        (
            rf"^what (?:values|answers|categories)(?: does| do)(?: the)? {_COLS}(?: column)? have$",
            r"tabulate \g<cols>",
        ),
        (rf"以\s?{_COLS}(?:作?为|做)(?:表头|横表头|列头)(?:来)?(?:看|统计|分析)?", r"按\g<cols>统计"),
        (rf"\bwith(?: the)? {_COLS} as(?: the)? (?:banners?|headers?)\b", r"by \g<cols>"),
        (
            rf"^where(?: the)? {_COLS} (?:is|are) (?:blank|empty|missing|null),? (?:put|write|use|enter|fill in) (?P<value>{L}|[^,]{{1,30}})$",
            r"fill missing \g<cols> with \g<value>",
        ),
        (
            r"^(?P<left>.*[\ue000-\ue7ff])(?:列)?(?:全|都|均)+没有(?:填|值|数据|答案|回答)?(?=的)",
            r"\g<left>全都为空",
        ),
        (r"(?:大写|小写)(?:的)?(?:字母)?(?:都|全部?|统一)*(?=[改转变换]\S{0,2}(?:大写|小写))", ""),
    )
)
