"""What a column's name says about it. Hints only tip a balance; the values must agree before a kind is chosen."""

from __future__ import annotations

import re
from typing import Final


def _words(*patterns: str) -> re.Pattern[str]:
    return re.compile("|".join(patterns), re.IGNORECASE)


# Latin hints stand as whole words of a name such as user_id, userId, "Weight A"; Chinese ones anywhere in it.
_EDGE = r"(?:^|[^a-z])(?:{})(?:$|[^a-z])"
ID: Final = _words(
    _EDGE.format("id|uid|uuid|guid|openid|unionid|sn|no|recordno|phone|mobile|tel|imei"),
    r"(?-i:[a-z](?:ID|Id|No)$)", "编号|序号|身份证|手机|电话|卡号|账号|学号|工号|单号|流水号|会员号|条码|座机", r"record_?(?:no|num)",
)  # fmt: skip
AGE: Final = _words(_EDGE.format("age|ages|years old"), "年龄|岁数|周岁")
WEIGHT: Final = _words(_EDGE.format("weight|weights|weighting|wgt|wt|rim"), "权重|加权|权数")
MONEY: Final = _words(
    _EDGE.format("price|amount|income|salary|cost|fee|revenue|sales|spend|pay|payment|gmv"),
    "金额|价格|单价|总价|收入|工资|薪|费用|花费|消费|销售额|元[)）]?$|付款|支付额",
)  # fmt: skip
DATE: Final = _words(_EDGE.format("date|time|datetime|timestamp|day|dob|birthday"), "日期|时间|生日|日$")
SCALE: Final = _words(
    _EDGE.format("nps|score|scores|rating|rate|satisfaction|satisfied|likelihood|recommend|agree|importance|likert"),
    "打分|评分|得分|分数|满意度|推荐|同意|重要性|重要程度|喜欢程度|意愿|认可度|评价",
)  # fmt: skip
NPS: Final = _words(_EDGE.format("nps|recommend"), "推荐|净推荐")
OPEN: Final = _words(
    _EDGE.format("comment|comments|remark|remarks|note|notes|open|verbatim|reason|feedback|suggestion|other|text"),
    "备注|评论|意见|建议|说明|原因|理由|反馈|描述|详述|其他|其它|留言",
)  # fmt: skip
DURATION: Final = _words(
    _EDGE.format("duration|elapsed|loi|seconds|secs"), "时长|用时|耗时|所用时间|答题时间|时间[(（]秒"
)
