"""Own phrasings in Chinese: operation -> (words, parameters that must come out)."""

from __future__ import annotations

from typing import Any, Final

Expected = dict[str, Any]


def eq(column: str, value: Any) -> Expected:
    return {"column": column, "op": "eq", "value": value}


def cmp(column: str, op: str, value: Any = None) -> Expected:
    return {"column": column, "op": op, "value": value}


def between(column: str, low: Any, high: Any) -> Expected:
    return {"column": column, "op": "between", "value": {"low": low, "high": high}}


def add(*names: Any) -> Expected:
    return {"fn": "add", "args": [{"column": name} for name in names]}


_BANDS: Final = [{"low": 18, "high": 25}, {"low": 25, "high": 35}, {"low": 35, "high": None}]

# One case a line.
# fmt: off
CASES: Final[dict[str, list[tuple[str, Expected]]]] = {
    "select_columns": [
        ("只保留用户ID、年龄和城市这三列", {"columns": ["用户ID", "年龄", "城市"]}),
        ("我只要姓名和邮箱两列", {"columns": ["姓名", "邮箱"]}),
        ("除了用户ID和打分，其他列都删掉", {"columns": ["用户ID", "打分"]}),
        ("只留下语文到英语这几列", {"columns": ["语文", "数学", "英语"]}),
        ("请只选择性别、学历字段", {"columns": ["性别", "学历"]}),
        ("只看城市列和打分列", {"columns": ["城市", "打分"]}),
    ],
    "drop_columns": [
        ("删除备注列", {"columns": ["备注"]}),
        ("把评论和备注这两列去掉", {"columns": ["评论", "备注"]}),
        ("不要邮箱字段了", {"columns": ["邮箱"]}),
        ("麻烦帮我移除渠道这一列", {"columns": ["渠道"]}),
        ("备注列不需要了", {"columns": ["备注"]}),
        ("将「姓名」列剔除", {"columns": ["姓名"]}),
        ("备注、评论、邮箱三列都删了吧", {"columns": ["备注", "评论", "邮箱"]}),
    ],
    "rename_columns": [
        ("把城市列重命名为所在地", {"mapping": [{"from": "城市", "to": "所在地"}]}),
        ("打分改名为推荐分", {"mapping": [{"from": "打分", "to": "推荐分"}]}),
        ("把性别的列名改成gender", {"mapping": [{"from": "性别", "to": "gender"}]}),
        ("将年龄列改名叫「age」", {"mapping": [{"from": "年龄", "to": "age"}]}),
        ("把语文改名为chinese，把数学改名为math", {"mapping": [{"from": "语文", "to": "chinese"}, {"from": "数学", "to": "math"}]}),
        ("重命名收入为月收入", {"mapping": [{"from": "收入", "to": "月收入"}]}),
    ],
    "reorder_columns": [
        ("把打分列移到最前面", {"columns": ["打分"], "position": "first"}),
        ("备注放到最后", {"columns": ["备注"], "position": "last"}),
        ("把城市移到省份后面", {"columns": ["城市"], "position": "after", "anchor": "省份"}),
        ("将年龄列挪到性别列之前", {"columns": ["年龄"], "position": "before", "anchor": "性别"}),
        ("把用户ID和姓名调到开头", {"columns": ["用户ID", "姓名"], "position": "first"}),
        ("学历排到末尾", {"columns": ["学历"], "position": "last"}),
    ],
    "derive_column": [
        ("新增一列总分，等于语文+数学+英语", {"new_name": "总分", "expression": {"fn": "add", "args": [add("语文", "数学"), {"column": "英语"}]}}),
        ("用语文减数学得到分差", {"new_name": "分差", "expression": {"fn": "sub", "args": [{"column": "语文"}, {"column": "数学"}]}}),
        ("计算语文、数学、英语的平均分，存为均分", {"new_name": "均分", "expression": {"fn": "mean", "args": [{"column": n} for n in ("语文", "数学", "英语")]}}),
        ("新建年收入列 = 收入 * 12", {"new_name": "年收入", "expression": {"fn": "mul", "args": [{"column": "收入"}, {"value": 12}]}}),
        ("加一列在职天数，为入职日期到离职日期的天数", {"new_name": "在职天数", "expression": {"fn": "days_between", "args": [{"column": "入职日期"}, {"column": "离职日期"}]}}),
        ("新增一列年份，取提交日期的年份", {"new_name": "年份", "expression": {"fn": "year", "args": [{"column": "提交日期"}]}}),
        ("新增列人均=收入除以(语文加数学)", {"new_name": "人均", "expression": {"fn": "div", "args": [{"column": "收入"}, add("语文", "数学")]}}),
    ],
    "conditional_column": [
        ("新增一列年龄组，年龄小于18为未成年，否则为成年", {"new_name": "年龄组", "cases": [{"where": cmp("年龄", "lt", 18), "value": "未成年"}], "otherwise": "成年"}),
        ("新建列类型：打分大于等于9为推荐者，打分7到8为中立者，其余为贬损者", {"new_name": "类型", "cases": [{"where": cmp("打分", "ge", 9), "value": "推荐者"}, {"where": between("打分", 7, 8), "value": "中立者"}], "otherwise": "贬损者"}),
        ("添加一列是否高收入，如果收入超过20000则为是，否则为否", {"new_name": "是否高收入", "cases": [{"where": cmp("收入", "gt", 20000), "value": "是"}], "otherwise": "否"}),
        ("增加一列区域，城市是广州就填华南，城市是成都就填西南，其他填别处", {"new_name": "区域", "cases": [{"where": eq("城市", "广州"), "value": "华南"}, {"where": eq("城市", "成都"), "value": "西南"}], "otherwise": "别处"}),
        ("生成新列等级，数学不低于90为优，数学不低于60为及格，否则为不及格", {"new_name": "等级", "cases": [{"where": cmp("数学", "ge", 90), "value": "优"}, {"where": cmp("数学", "ge", 60), "value": "及格"}], "otherwise": "不及格"}),
    ],
    "split_column": [
        ("把姓名按空格拆成姓和名", {"column": "姓名", "separator": " ", "into": ["姓", "名"]}),
        ("邮箱用@拆分为账号、域名", {"column": "邮箱", "separator": "@", "into": ["账号", "域名"]}),
        ("将评论列以逗号分隔拆成两列", {"column": "评论", "separator": ",", "into": ["评论_1", "评论_2"]}),
        ("把备注按“-”分列成前缀和后缀，删掉原列", {"column": "备注", "separator": "-", "into": ["前缀", "后缀"], "keep_source": False}),
        ("用斜杠把姓名分成中文名和英文名", {"column": "姓名", "separator": "/", "into": ["中文名", "英文名"]}),
    ],
    "merge_columns": [
        ("把省份和城市合并成一列地址", {"columns": ["省份", "城市"], "new_name": "地址", "separator": ""}),
        ("用“-”把省份、城市拼接为地区", {"columns": ["省份", "城市"], "new_name": "地区", "separator": "-"}),
        ("将性别与学历用下划线连接，存为标签", {"columns": ["性别", "学历"], "new_name": "标签", "separator": "_"}),
        ("姓名和邮箱用逗号合并为联系方式", {"columns": ["姓名", "邮箱"], "new_name": "联系方式", "separator": ","}),
        ("把省份、城市、学历三列拼成新列组合，中间用斜杠", {"columns": ["省份", "城市", "学历"], "new_name": "组合", "separator": "/"}),
    ],
    "cast_type": [
        ("把年龄转成文本", {"columns": ["年龄"], "dtype": "text"}),
        ("将备注列转换为数字类型", {"columns": ["备注"], "dtype": "number"}),
        ("用户ID改成整数", {"columns": ["用户ID"], "dtype": "integer"}),
        ("把评论列的类型改为日期", {"columns": ["评论"], "dtype": "date"}),
        ("打分和购买意愿都转为字符串", {"columns": ["打分", "购买意愿"], "dtype": "text"}),
    ],
    "filter_rows": [
        ("删除年龄大于60的行", {"where": cmp("年龄", "gt", 60), "mode": "drop"}),
        ("只保留广州的数据", {"where": eq("城市", "广州"), "mode": "keep"}),
        ("剔除年龄不满18岁的样本", {"where": cmp("年龄", "lt", 18), "mode": "drop"}),
        ("只看18到35岁的女性", {"where": {"all": [between("年龄", 18, 35), eq("性别", "女")]}, "mode": "keep"}),
        ("保留城市是成都或者武汉的用户", {"where": cmp("城市", "in", ["成都", "武汉"]), "mode": "keep"}),
        ("把打分在0到10之外的记录删掉", {"where": {"not": between("打分", 0, 10)}, "mode": "drop"}),
        ("去掉评论里包含破损的行", {"where": cmp("评论", "contains", "破损"), "mode": "drop"}),
        ("筛选出2024年3月以后提交日期的数据", {"where": cmp("提交日期", "gt", "2024-03-31"), "mode": "keep"}),
        ("不要收入低于3000的", {"where": cmp("收入", "lt", 3000), "mode": "drop"}),
        ("只要选了渠道10的人", {"where": cmp("渠道", "contains", "10"), "mode": "keep"}),
        ("除了上海以外的都删除", {"where": eq("城市", "上海"), "mode": "keep"}),
        ("保留收入三千以上的客户", {"where": cmp("收入", "ge", 3000), "mode": "keep"}),
    ],
    "sort_rows": [
        ("按年龄从高到低排序", {"keys": [{"column": "年龄", "descending": True}]}),
        ("按提交日期升序排列", {"keys": [{"column": "提交日期", "descending": False}]}),
        ("先按城市再按打分降序排", {"keys": [{"column": "城市", "descending": False}, {"column": "打分", "descending": True}]}),
        ("数据按收入倒序", {"keys": [{"column": "收入", "descending": True}]}),
        ("根据用户ID排个序", {"keys": [{"column": "用户ID", "descending": False}]}),
    ],
    "drop_duplicates": [
        ("去重", {"columns": [], "keep": "identical"}),
        ("按用户ID去重，保留第一条", {"columns": ["用户ID"], "keep": "first"}),
        ("把姓名和邮箱都相同的重复行删除，保留最后一条", {"columns": ["姓名", "邮箱"], "keep": "last"}),
        ("删除完全重复的行", {"columns": [], "keep": "identical"}),
        ("每个用户ID只保留一条，留最完整的", {"columns": ["用户ID"], "keep": "complete"}),
        ("去掉重复数据", {"columns": [], "keep": "identical"}),
    ],
    "mark_duplicates": [("标记重复的用户ID", {"columns": ["用户ID"]}), ("把邮箱重复的行标出来", {"columns": ["邮箱"]}), ("给姓名重复的记录打标记", {"columns": ["姓名"]}), ("按用户ID标记重复，列名为是否重复", {"columns": ["用户ID"], "new_name": "是否重复"}), ("标注姓名和邮箱重复的样本", {"columns": ["姓名", "邮箱"]})],
    "drop_missing": [
        ("删除年龄为空的行", {"columns": ["年龄"], "how": "any"}),
        ("去掉城市或收入缺失的样本", {"columns": ["城市", "收入"], "how": "any"}),
        ("把评论没填的记录删掉", {"columns": ["评论"]}),
        ("删除年龄和收入都缺失的行", {"columns": ["年龄", "收入"], "how": "all"}),
        ("剔除收入空白的用户", {"columns": ["收入"]}),
        ("只保留语文、数学、英语完整的样本", {"columns": ["语文", "数学", "英语"], "how": "any"}),
    ],
    "flag_rows": [
        ("标记年龄大于100的行", {"where": cmp("年龄", "gt", 100)}),
        ("把打分超过10的样本标出来", {"where": cmp("打分", "gt", 10)}),
        ("给收入低于1000的用户打标记，列名为低收入", {"where": cmp("收入", "lt", 1000), "new_name": "低收入"}),
        ("标注城市为空的记录", {"where": cmp("城市", "is_missing")}),
        ("将满意度是不满意的行标记为待回访", {"where": eq("满意度", "不满意")}),
    ],
    "normalize_missing": [
        ("98算缺失", {"columns": ["打分"], "values": [{"value": "98", "label": ""}]}),
        ("97、98算缺失", {"columns": ["打分"], "values": [{"value": "97", "label": ""}, {"value": "98", "label": ""}]}),
        ("把打分列的-999视为缺失值", {"columns": ["打分"]}),
        ("购买意愿中的99当作未回答", {"columns": ["购买意愿"], "values": [{"value": "99", "label": "未回答"}]}),
        ("年龄里的-5和199都当成缺失", {"columns": ["年龄"]}),
        ("将备注里的N/A看作空值", {"columns": ["备注"], "values": [{"value": "N/A", "label": ""}]}),
    ],
    "fill_missing": [
        ("用均值填充年龄的缺失值", {"columns": ["年龄"], "strategy": "mean"}),
        ("把城市的空值填成未知", {"columns": ["城市"], "strategy": "constant", "value": "未知"}),
        ("收入缺失的用中位数补上", {"columns": ["收入"], "strategy": "median"}),
        ("按城市分组用均值填补收入的缺失", {"columns": ["收入"], "strategy": "mean", "by": ["城市"]}),
        ("评论列空着的地方填“无”", {"columns": ["评论"], "strategy": "constant", "value": "无"}),
        ("向下填充省份列", {"columns": ["省份"], "strategy": "forward"}),
        ("语文和数学的缺失值填0", {"columns": ["语文", "数学"], "strategy": "constant", "value": 0}),
        ("学历的缺失用众数填", {"columns": ["学历"], "strategy": "mode"}),
    ],
    "replace_values": [
        ("把城市列里的beijing替换成北京", {"columns": ["城市"], "mapping": [{"from": "beijing", "to": "北京"}]}),
        ("性别中的男改为男性", {"columns": ["性别"], "mapping": [{"from": "男", "to": "男性"}]}),
        ("将学历的“本科”换成“大学”", {"columns": ["学历"], "mapping": [{"from": "本科", "to": "大学"}]}),
        ("把评论里的“破损”字样替换为“损坏”", {"columns": ["评论"], "match": "substring"}),
        ("把北京市改成北京", {"columns": ["城市"], "mapping": [{"from": "北京市", "to": "北京"}]}),
    ],
    "merge_values": [
        ("把北京市和beijing合并成北京", {"column": "城市", "groups": [{"from": ["北京市", "beijing"], "to": "北京"}]}),
        ("满意度里非常满意、满意合并为满意", {"column": "满意度", "groups": [{"from": ["非常满意"], "to": "满意"}]}),
        ("学历中的硕士和博士归为研究生", {"column": "学历", "groups": [{"from": ["硕士", "博士"], "to": "研究生"}]}),
        ("将武汉、成都都归到其他城市", {"column": "城市", "groups": [{"from": ["武汉", "成都"], "to": "其他城市"}]}),
        ("把“一般”和“不满意”归并为“其他”", {"column": "满意度", "groups": [{"from": ["一般", "不满意"], "to": "其他"}]}),
    ],
    "set_value": [
        ("将打分列中所有大于10的值设置为空", {"column": "打分", "where": cmp("打分", "gt", 10), "value": None}),
        ("把年龄小于0的值改成0", {"column": "年龄", "where": cmp("年龄", "lt", 0), "value": 0}),
        ("年龄超过120的设为缺失", {"column": "年龄", "where": cmp("年龄", "gt", 120), "value": None}),
        ("清空备注列", {"column": "备注", "where": None, "value": None}),
        ("把城市是武汉的省份设为湖北省", {"column": "省份", "where": eq("城市", "武汉"), "value": "湖北省"}),
        ("收入不超过0的都置空", {"column": "收入", "where": cmp("收入", "le", 0), "value": None}),
    ],
    "recode_values": [
        ("把性别编码：男=1，女=2", {"column": "性别", "mapping": [{"from": "男", "to": 1}, {"from": "女", "to": 2}]}),
        ("将学历重新编码，本科为1，硕士为2，博士为3", {"column": "学历", "mapping": [{"from": "本科", "to": 1}, {"from": "硕士", "to": 2}, {"from": "博士", "to": 3}]}),
        ("购买意愿反向计分", {"column": "购买意愿", "mapping": [{"from": n, "to": 6 - n} for n in range(1, 6)]}),
        ("满意度：非常满意→4，满意→3，一般→2，不满意→1", {"column": "满意度"}),
        ("把性别映射为男:M，女:F，存为新列sex", {"column": "性别", "new_name": "sex", "mapping": [{"from": "男", "to": "M"}, {"from": "女", "to": "F"}]}),
    ],
    "trim_text": [("去掉姓名列的空格", {"columns": ["姓名"]}), ("清除评论首尾空格", {"columns": ["评论"]}), ("把城市和省份里多余的空格去掉", {"columns": ["城市", "省份"]}), ("修剪邮箱列的空白", {"columns": ["邮箱"]}), ("删除备注中的不可见字符", {"columns": ["备注"]})],
    "change_case": [
        ("把邮箱改为小写", {"columns": ["邮箱"], "to": "lower"}),
        ("用户ID全部转成大写", {"columns": ["用户ID"], "to": "upper"}),
        ("姓名首字母大写", {"columns": ["姓名"], "to": "title"}),
        ("将邮箱和姓名统一成小写字母", {"columns": ["邮箱", "姓名"], "to": "lower"}),
        ("城市列变成大写", {"columns": ["城市"], "to": "upper"}),
    ],
    "extract_text": [
        ("从评论里提取手机号", {"column": "评论", "preset": "phone"}),
        ("提取备注中的数字", {"column": "备注", "preset": "number"}),
        ("把评论里的邮箱地址抽取出来，存为联系邮箱", {"column": "评论", "preset": "email", "new_name": "联系邮箱"}),
        ("从姓名中取出中文部分", {"column": "姓名", "preset": "chinese"}),
        ("用正则“[A-Z]+”从用户ID提取", {"column": "用户ID", "pattern": "[A-Z]+"}),
    ],
    "standardize_region": [
        ("统一城市名称", {"columns": ["城市"], "level": "city"}),
        ("把城市列标准化", {"columns": ["城市"], "level": "city"}),
        ("规范省份的写法", {"columns": ["省份"], "level": "province"}),
        ("将城市统一成全称", {"columns": ["城市"], "style": "full"}),
        ("省份列规范化，认不出的设为空", {"columns": ["省份"], "level": "province", "unmatched": "missing"}),
    ],
    "standardize_date": [("统一日期格式", {"order": "auto"}), ("把提交日期标准化", {"columns": ["提交日期"]}), ("提交日期统一成YYYY-MM-DD", {"columns": ["提交日期"]}), ("入职日期按日在前统一格式", {"columns": ["入职日期"], "order": "day_first"}), ("规范入职日期和离职日期的格式", {"columns": ["入职日期", "离职日期"]})],
    "handle_outliers": [
        ("删除年龄的异常值", {"column": "年龄", "method": "range", "action": "drop", "low": 0, "high": 120}),
        ("把打分的异常值设为空", {"column": "打分", "method": "range", "action": "missing", "low": 0, "high": 10}),
        ("用3倍标准差剔除收入的异常值", {"column": "收入", "method": "zscore", "action": "drop", "k": 3.0}),
        ("用IQR方法标记收入异常值", {"column": "收入", "method": "iqr", "action": "flag"}),
        ("把收入截断到0到50000之间", {"column": "收入", "method": "range", "action": "clip", "low": 0, "high": 50000}),
        ("收入的离群值用箱线图法置空", {"column": "收入", "method": "iqr", "action": "missing"}),
    ],
    "bin_numeric": [
        ("把年龄分成18-24、25-34、35以上三段", {"column": "年龄", "bands": _BANDS}),
        ("年龄分段：18到24，25到34，35岁及以上", {"column": "年龄", "bands": _BANDS}),
        ("按18、30、45把年龄分组", {"column": "年龄", "bands": [{"low": None, "high": 18}, {"low": 18, "high": 30}, {"low": 30, "high": 45}, {"low": 45, "high": None}]}),
        ("将数学划分为0-59不及格、60-79中等、80-100优秀", {"column": "数学", "bands": [{"low": 0, "high": 60}, {"low": 60, "high": 80}, {"low": 80, "high": 101}]}),
        ("年龄每10岁一段分箱", {"column": "年龄"}),
        ("把年龄分段", {"column": "年龄"}),
    ],
    "group_aggregate": [
        ("各城市的平均收入", {"by": ["城市"], "aggregations": [{"column": "收入", "fn": "mean"}]}),
        ("按性别统计人数", {"by": ["性别"], "aggregations": [{"fn": "count"}]}),
        ("数学的最高分是多少", {"by": [], "aggregations": [{"column": "数学", "fn": "max"}]}),
        ("每个省份收入的中位数和标准差", {"by": ["省份"], "aggregations": [{"column": "收入", "fn": "median"}, {"column": "收入", "fn": "sd"}]}),
        ("打分均值", {"by": [], "aggregations": [{"column": "打分", "fn": "mean"}], "where": cmp("打分", "nin", [98, -999])}),
        ("女性的平均收入", {"by": [], "where": eq("性别", "女"), "aggregations": [{"column": "收入", "fn": "mean"}]}),
        ("用权重加权的各城市平均收入", {"by": ["城市"], "weight": "权重", "aggregations": [{"column": "收入", "fn": "mean"}]}),
    ],
    "describe": [("描述一下年龄", {"columns": ["年龄"]}), ("看看收入的描述统计", {"columns": ["收入"]}), ("数据概况", {"columns": []}), ("给出语文和数学的基本统计量", {"columns": ["语文", "数学"]}), ("年龄的概览", {"columns": ["年龄"]})],
    "value_counts": [("城市的分布", {"column": "城市"}), ("满意度各选项占比", {"column": "满意度"}), ("看看学历的频数", {"column": "学历"}), ("统计渠道的频次", {"column": "渠道"}), ("性别分布情况怎么样", {"column": "性别"}), ("做一个加权的满意度频率表", {"column": "满意度", "weight": "权重"})],
    "crosstab": [
        ("按城市和性别统计购买意愿", {"rows": ["购买意愿"], "banner": ["城市", "性别"]}),
        ("满意度和性别的交叉表", {"rows": ["满意度"], "banner": ["性别"]}),
        ("做一个学历按城市的交叉分析", {"rows": ["学历"], "banner": ["城市"]}),
        ("不同性别的满意度分布", {"rows": ["满意度"], "banner": ["性别"]}),
        ("按省份和性别嵌套统计满意度", {"rows": ["满意度"], "banner": ["省份", "性别"], "nested": True}),
    ],
    "nps": [("NPS是多少", {"column": "打分", "by": []}), ("计算打分的NPS", {"column": "打分"}), ("各城市的净推荐值", {"column": "打分", "by": ["城市"]}), ("按性别看NPS", {"column": "打分", "by": ["性别"]}), ("加权后的NPS", {"column": "打分", "weight": "权重"})],
    "annotate_columns": [
        ("打分的标签是推荐意愿", {"changes": [{"column": "打分", "label": "推荐意愿"}]}),
        ("把渠道列的标签设为「购买渠道」", {"changes": [{"column": "渠道", "label": "购买渠道"}]}),
        ("性别里1代表男，2代表女", {"changes": [{"column": "性别", "value_labels": [{"value": "1", "label": "男"}, {"value": "2", "label": "女"}]}]}),
        ("数学是0到100的量表", {"changes": [{"column": "数学", "kind": "scale", "scale": {"min": 0, "max": 100, "direction": "ascending"}}]}),
        ("学历的题目是您的最高学历", {"changes": [{"column": "学历", "label": "您的最高学历"}]}),
    ],
}
