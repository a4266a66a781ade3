"""What is declined, with the reason and the nearest thing that can be done.

Results are never invented or steered, other people's data is not reachable from here, nothing acts outside the
product, and history is not destroyed.
"""

from __future__ import annotations

import re
from typing import Final

from retort_core.plans import Declined, Lang
from retort_core.schema import Schema
from retort_planner.linking import Linked

# (pattern, reason zh, nearest zh, reason en, nearest en)
_REFUSALS: Final[tuple[tuple[re.Pattern[str], str, str, str, str], ...]] = tuple(
    (re.compile(pattern, re.IGNORECASE), reason_zh, nearest_zh, reason_en, nearest_en)
    for pattern, reason_zh, nearest_zh, reason_en, nearest_en in (
        (
            (
                r"(?:做到|提高到|提升到|拉到|调到|凑到|变成|达到|改到|弄到|降到|降低到|控制在|刷到|美化到?)\s?(?:百分之)?[0-9.零一二三四五六七八九十百]{1,6}\s?(?:%|成|分)?(?:以上|左右)?$"
                r"|(?:编|造|伪造|捏造|虚构|杜撰|瞎编|凑)(?:一些|一点|出|几条|[0-9]+条|点)?(?:数据|样本|答卷|记录|结果|回答|数字)?(?:出来)?$|(?:编造|伪造|捏造|虚构)"
                r"|让.{0,20}(?:好看|漂亮|更高|变高|显著|更显著)|(?:做|弄)(?:得)?(?:好看|漂亮)"
                r"|\b(?:make up|fabricate|fake|invent|falsify)\b|\bmake (?:the |our )?.{1,30}(?:look (?:better|good)|significant|higher|come out at)|\b(?:get|bring|push|raise|bump|adjust) (?:the |our )?.{1,30}(?:up )?to [0-9.]+ ?(?:%|percent)|\bmake (?:the |our )?.{1,30}(?:rate|satisfaction|score|nps|share)\b.{0,10} (?:be |equal |reach )?[0-9.]+ ?(?:%|percent)"
            ),
            "不能编造数据或把结果做成指定的数字。",
            "可以按原始数据计算真实的结果，例如「满意度的分布」或「各城市的平均打分」。",
            "Data is not invented and results are not steered to a wanted figure.",
            "I can compute the true figure, e.g. a distribution or a mean by group.",
        ),
        (
            r"(?:别的|其他|其它|另一?个?|别家)(?:公司|租户|项目|客户|用户|部门|团队)的(?:数据|表|文件|样本|结果)|\b(?:other|another|someone else's) (?:tenant|project|compan(?:y|ies)|customer|client|team)(?:'s|s')? (?:data|tables?|files?|datasets?|results?)|\bdata (?:of|from) (?:another|other) (?:tenant|company|project|client)s?",
            "只能处理这个项目里的数据，看不到其他项目或租户的数据。",
            "如果有权限，请在那个项目里打开它，或把文件上传到这里。",
            "Only the data of this project can be reached, not that of other projects or tenants.",
            "If you may use it, open it in its own project or upload the file here.",
        ),
        (
            (
                r"(?:发送?|寄|转发|群发|推送)(?:一封|一个|到|给|至)?.{0,20}(?:邮件|邮箱|微信|短信|钉钉|飞书|企业微信|同事|老板|客户)|(?:上网|联网|百度|谷歌|爬取|爬虫|网上|互联网|访问网站|打开网页|调用接口)"
                r"|(?:读取?|打开|查看|列出|删除|写入?)(?:一下)?(?:服务器|本机|系统|硬盘|/etc|/home|C盘)|/etc/passwd|(?:执行|运行)(?:一?条|一?个)?(?:命令|shell|脚本命令|系统命令|sql语句)"
                r"|\b(?:send|e-?mail|mail|post|share|forward) (?:it|this|that|the (?:results?|data|report|file|table)|me|them)?.{0,20}\b(?:to|e-?mail|slack|teams|boss|colleague|manager|client)\b|\b(?:search|browse|scrape|look up|google)\b.{0,20}\b(?:web|internet|online|website|google)\b|\b(?:read|open|list|delete) (?:the )?(?:server|system|files? (?:on|of) (?:the )?server)|\b(?:run|execute) (?:a |the )?(?:shell|command|bash)\b|\brm -rf\b"
            ),
            "不能在产品之外行动：不发邮件和消息、不上网、不读写服务器上的文件。",
            "可以「导出Excel」或「导出CSV」，由你发送。",
            "I cannot act outside the product: no mail or messages, no web, no files of the server.",
            "I can export the data (“export as Excel”) for you to send.",
        ),
        (
            (
                r"(?:删除|清空|清除|抹掉|销毁|删掉|重写|篡改|修改)(?:所有|全部|整个|掉)?(?:的)?(?:历史|版本|提交|审计|操作记录|日志)|(?:永久|彻底)(?:删除|销毁).{0,10}(?:历史|版本|原始|备份)|(?:覆盖|修改|改写)(?:掉)?(?:原始|原来的?)(?:数据|文件)"
                r"|\b(?:delete|erase|destroy|wipe|rewrite|purge|remove|clear|alter|tamper with) (?:all |the |all the |our )?(?:entire |whole )?(?:history|versions?|commits?|audit(?: log| trail)?|log)\b|\boverwrite the (?:original|raw)"
            ),
            "历史不会被改写或销毁：每个版本都保留着。",
            "可以「撤销」、「回到最初」，或新建分支继续。",
            "History is never rewritten or destroyed: every version is kept.",
            "I can undo, go back to the original, or branch from an earlier version.",
        ),
        (
            (
                r"画(?:一?[个张])?.{0,12}(?:图|表图)|(?:柱状|折线|饼|条形|散点|雷达|直方|词云)图|可视化|回归(?:分析|模型)?|聚类|因子分析|机器学习|预测(?:一下)?|训练|相关(?:性|系数)(?:分析)?|显著性|卡方|t检验|方差分析|翻译|情感分析|透视成宽表|转置|宽表转长表|长表转宽表|关联另一张表|合并另一[张个](?:表|文件)|插入一行|新增一行|加一行|随机抽样|抽样|抽取[0-9]+条"
                r"|\b(?:plot|chart|graph|visuali[sz]e|bar chart|pie chart|histogram|scatter|draw)\b|\b(?:regression|cluster(?:ing)?|factor analysis|machine learning|predict|forecast|train a model|correlation|correlate|significance|chi-?square|t-?test|anova|translate|sentiment|transpose|pivot|unpivot|join with|append (?:a |the )?(?:file|row)|random sample|sample [0-9]+)\b"
            ),
            "现在还没有这个操作。",
            "能做的：清洗（筛选、去重、缺失、替换、标准化、异常值）、新增列、分段，以及频数、均值、交叉表、NPS。",
            "There is no operation for that yet.",
            "What I can do: clean (filter, dedupe, missing, replace, standardise, outliers), add columns, band, and frequencies, means, crosstabs, NPS.",
        ),
        (
            r"^(?:天气|今天天气|讲个?笑话|你是谁|你叫什么|写(?:一?[首篇个]).{0,10}|陪我|聊天)|\b(?:weather|tell me a joke|who are you|write (?:me )?(?:a|an) (?:poem|essay|story|song))\b|^(?:what(?:'s| is) your name)",
            "我只处理这张表里的数据。",
            "试试「数据质量报告」或「有什么建议」。",
            "I only work with the data of this table.",
            "Try “data quality report” or “suggestions”.",
        ),
        (
            r"^为什么|(?:的)?原因(?:是什么|分析)?$|^(?:why|how come)\b",
            "数据本身说不出原因，我不编造解释。",
            "可以比较不同人群的数字，例如「按城市和年龄段统计满意度」。",
            "The table cannot tell reasons, and I do not make them up.",
            "I can compare groups, e.g. “crosstab satisfaction by city and age band”.",
        ),
    )
)


def refusal(linked: Linked, lang: Lang) -> Declined | None:
    """The refusal the words call for; columns and quotations are placeholders here, so data cannot trigger it."""
    for pattern, reason_zh, nearest_zh, reason_en, nearest_en in _REFUSALS:
        if pattern.search(linked.text):
            zh = lang == "zh"
            return Declined(
                reason=reason_zh if zh else reason_en, nearest=nearest_zh if zh else nearest_en, final=True
            )
    return None


def forbidden(lang: Lang) -> Declined:
    """「不要删除…」 asks for nothing; it must never become the deletion it forbids."""
    if lang == "zh":
        return Declined(
            reason="这句话说的是不要删除，所以什么都没有改动。",
            nearest="要只留下一部分，请说「只保留…」；要删除，请说「删除…」。",
        )
    return Declined(
        reason="This asks not to delete something, so nothing was changed.",
        nearest="Say “keep only …” to keep a part, or “drop …” to remove one.",
    )


def language() -> Declined:
    return Declined(
        reason="现在只支持中文和英文的指令。 Only instructions in Chinese and English are understood.",
        nearest="例如「删除备注列」。 For example: “drop column notes”.",
    )


def too_long(length: int, lang: Lang) -> Declined:
    if lang == "zh":
        return Declined(
            reason=f"这条指令有 {length} 个字符，超过 2000，没有执行。",
            nearest="请分成几条短的指令，每条一件或几件事。",
        )
    return Declined(
        reason=f"The instruction has {length} characters, more than 2,000; nothing was done.",
        nearest="Split it into short instructions.",
    )


def empty(schema: Schema, lang: Lang) -> Declined:
    name = schema.names[0] if schema.names else "A"
    if lang == "zh":
        return Declined(reason="没有收到指令。", nearest=f"例如「去重」「删除{name}列」「数据质量报告」。")
    return Declined(
        reason="There is no instruction.",
        nearest=f"For example “remove duplicates”, “drop column {name}”, “data quality report”.",
    )
