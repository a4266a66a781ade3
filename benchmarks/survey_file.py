"""A large Chinese survey file, the same to the byte for the same number of rows: what the table benchmarks read.

850,000 rows x 20 columns are about 109 MB in UTF-8. It has what real exports have: four date formats in one column,
declared and undeclared missing codes, multi-answers `1;3;7;`, spellings of one city, ids with leading zeros, phone
numbers, free text of which some is mojibake, quoted cells, and a weight.

    python benchmarks/survey_file.py [rows] [utf-8|gb18030]      writes the file and prints where
    python benchmarks/survey_file.py --read PATH                 reads it in this process and prints time and memory
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

ROWS = 850_000
SEED = 20_240_131
VERSION = 2  # raise when the content changes: part of the file's name in the cache

CITIES = [
    "北京", "北京市", "beijing", "上海", "上海市", "Shanghai", "广州", "广州市", "深圳", "深圳市", "成都", "成都市",
    "重庆", "重庆市", "武汉", "杭州", "杭州市", "西安", "南京", "天津", "苏州", "长沙", "襄樊", "郑州",
]  # fmt: skip
SURNAMES = list("王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗")
GIVEN = [
    "伟",
    "芳",
    "娜",
    "敏",
    "静",
    "丽",
    "强",
    "磊",
    "军",
    "洋",
    "勇",
    "艳",
    "杰",
    "娟",
    "涛",
    "明",
    "超",
    "秀英",
]
JOBS = ["学生", "教师", "工程师", "医生", "公务员", "个体经营", "销售", "自由职业", "退休", "其他", ""]
CONTENT = ["非常满意", "满意", "一般", "不满意", "非常不满意", "无", "(空)"]
CHANNELS = ["1;", "2;", "3;", "1;2;", "1;3;", "2;3;7;", "1;2;3;", "4;10;", "1;4;5;10;", ""]
REMARKS = [
    "整体体验不错，物流很快，包装也很用心", "客服回复太慢，等了两天才有人处理问题", "价格偏高，希望多做一些活动",
    "无", "没有", "质量一般, 与描述有差距", '朋友推荐的，"回头客"了', "鏁翠綋浣撻獙涓嶉敊", "é\u00b4\u00a8é‡\u008fä¸\u008dé”™",
    "希望增加夜间配送", "界面不够清楚，老人用起来困难", "N/A", "第一次购买,还可以", "已经用了三年，一直很稳定",
]  # fmt: skip
MISSING_SCORES = ["98", "99", "-999", "N/A", ""]


def survey(rows: int = ROWS) -> pl.DataFrame:
    """The table, every column text as it stands in the file."""
    random = np.random.default_rng(SEED)
    ids = random.integers(0, int(rows * 0.98) + 1, rows)  # some come twice
    columns = {
        "用户ID": _formatted("{:08d}", ids),
        "姓名": _picked(random, [a + b for a in SURNAMES for b in GIVEN], rows),
        "性别": _picked(random, ["男", "女", "男", "女", "女 ", ""], rows),
        "年龄": _ages(random, rows),
        "手机号": _formatted("1{:010d}", 3_000_000_000 + random.integers(0, 6_999_999_999, rows)),
        "城市": _picked(random, CITIES, rows),
        "职业": _picked(random, JOBS, rows),
        "月收入": _formatted("{}", random.integers(20, 500, rows) * 100),
        "提交日期": _dates(random, rows),
        "总体满意度": _picked(random, CONTENT, rows),
        "推荐意愿": _scores(random, rows, 11, 0),
        "质量打分": _scores(random, rows, 5, 1),
        "价格打分": _scores(random, rows, 5, 1),
        "服务打分": _scores(random, rows, 5, 1),
        "使用渠道": _picked(random, CHANNELS, rows),
        "订单金额": _money(random, rows),
        "备注": _remarks(random, rows),
        "是否会员": _picked(random, ["是", "否"], rows),
        "答题时长": _formatted("{}", random.integers(35, 2400, rows)),
        "权重": _weights(random, rows),
    }
    return pl.DataFrame(columns)


def _picked(random: np.random.Generator, values: list[str], rows: int) -> pl.Series:
    return pl.Series(values, dtype=pl.String).gather(random.integers(0, len(values), rows))


def _formatted(template: str, numbers: np.ndarray) -> pl.Series:
    distinct, places = np.unique(numbers, return_inverse=True)
    return pl.Series([template.format(int(number)) for number in distinct]).gather(places)


def _mixed(random: np.random.Generator, usual: pl.Series, odd: list[str], share: float) -> pl.Series:
    """`usual`, with `odd` values in a share of the rows."""
    strange = pl.Series(odd).gather(random.integers(0, len(odd), usual.len()))
    return strange.zip_with(pl.Series(random.random(usual.len()) < share), usual)


def _ages(random: np.random.Generator, rows: int) -> pl.Series:
    ages = np.clip(random.normal(36, 13, rows), 12, 90).astype(np.int64)
    return _mixed(random, _formatted("{}", ages), ["-5", "199", "N/A", "-999", "", "三十"], 0.03)


def _scores(random: np.random.Generator, rows: int, points: int, low: int) -> pl.Series:
    scores = _formatted("{}", low + np.minimum(random.poisson(points * 0.7, rows), points - 1))
    return _mixed(random, scores, MISSING_SCORES, 0.06)


def _dates(random: np.random.Generator, rows: int) -> pl.Series:
    days = pl.Series(np.datetime64("2023-01-01") + random.integers(0, 730, rows)).cast(pl.Date)
    table = pl.DataFrame({"day": days, "form": random.integers(0, 4, rows)})
    forms = ("%Y-%m-%d", "%d/%m/%Y", "%Y%m%d", "%Y年%-m月%-d日")
    shown = pl.coalesce(
        [pl.when(pl.col("form") == at).then(pl.col("day").dt.strftime(form)) for at, form in enumerate(forms)]
    )
    return table.select(shown).to_series()


def _money(random: np.random.Generator, rows: int) -> pl.Series:
    cents = random.integers(100, 2_000_000, rows)
    frame = pl.DataFrame({"whole": cents // 100, "cents": cents % 100})
    rest = pl.col("cents").cast(pl.String).str.zfill(2)
    return frame.select(pl.concat_str(pl.col("whole").cast(pl.String), pl.lit("."), rest)).to_series()


def _remarks(random: np.random.Generator, rows: int) -> pl.Series:
    return _mixed(random, _picked(random, REMARKS, rows), [""], 0.52)


def _weights(random: np.random.Generator, rows: int) -> pl.Series:
    return _formatted("0.{:04d}", random.integers(5000, 9999, rows))


def survey_file(rows: int = ROWS, encoding: str = "utf-8") -> Path:
    """Path of the file, made once and kept in the system's temporary folder."""
    folder = Path(tempfile.gettempdir()) / "retort-benchmarks"
    folder.mkdir(exist_ok=True)
    path = folder / f"survey-{VERSION}-{rows}-{encoding}.csv"
    if not path.exists():
        part = path.with_suffix(f".{os.getpid()}.part")
        survey(rows).with_columns(pl.all().replace("", None)).write_csv(part)
        if encoding != "utf-8":
            part.write_bytes(part.read_bytes().decode("utf-8").encode(encoding, "replace"))
        part.replace(path)
    return path


def measure_reading(path: Path) -> dict[str, object]:
    """Seconds and peak memory of reading `path` in this process; imports are not counted."""
    from retort_executor.reading import read

    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    descriptor = os.memfd_create("survey")
    with path.open("rb") as file:
        os.sendfile(descriptor, file.fileno(), 0, path.stat().st_size)
    began = time.perf_counter()
    table, report = read(descriptor, path.name, {})
    seconds = time.perf_counter() - began
    return {
        "file_mb": round(path.stat().st_size / 1e6, 1),
        "rows": table.height,
        "columns": table.width,
        "encoding": report["encoding"],
        "seconds": round(seconds, 3),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "before_mb": before // 1024,
        "findings": [finding["code"] for finding in report["findings"]],
    }


def main(arguments: list[str]) -> None:
    if arguments[:1] == ["--read"]:
        print(json.dumps(measure_reading(Path(arguments[1]))))
        return
    rows = int(arguments[0]) if arguments else ROWS
    encoding = arguments[1] if len(arguments) > 1 else "utf-8"
    began = time.perf_counter()
    path = survey_file(rows, encoding)
    print(f"{path} {path.stat().st_size:,} bytes, {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
