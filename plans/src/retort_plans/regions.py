"""Chinese regions by GB/T 2260: what a text such as 沪, 北京市, beijing or 河北省石家庄市长安区 stands for.

A name that stands for several places (朝阳区 is in Beijing and in Changchun) is `Ambiguous`, never guessed. Renamed
places answer to their old names (襄樊 is 襄阳). The table is `data/regions.csv`; see its first line for source and
licence. Read once, 0.03 s.
"""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final, Literal, TypeAlias

from retort_plans.reference import SPACES

Level: TypeAlias = Literal["province", "city", "county"]
Style: TypeAlias = Literal["short", "full"]
MUNICIPALITIES: Final = frozenset({"11", "12", "31", "50"})
# One-character names of provinces, and short forms in daily use.
ALIASES: Final = {
    "京": "11", "津": "12", "冀": "13", "晋": "14", "蒙": "15", "内蒙": "15", "辽": "21", "吉": "22", "黑": "23",
    "沪": "31", "申": "31", "苏": "32", "浙": "33", "皖": "34", "闽": "35", "赣": "36", "鲁": "37", "豫": "41", "鄂": "42",
    "湘": "43", "粤": "44", "桂": "45", "琼": "46", "渝": "50", "川": "51", "蜀": "51", "黔": "52", "贵": "52", "滇": "53",
    "云": "53", "藏": "54", "陕": "61", "秦": "61", "甘": "62", "陇": "62", "青": "63", "宁": "64", "新": "65", "台": "71",
    "港": "81", "澳": "82", "浦东": "310115", "hongkong": "81", "macau": "82", "macao": "82", "taiwan": "71", "tibet": "54",
}  # fmt: skip
# Places that were renamed or merged, and the code they belong to today.
RENAMED: Final = {
    "襄樊": "4206", "襄樊市": "4206", "思茅": "5308", "思茅市": "5308", "思茅地区": "5308", "莱芜": "370116", "莱芜市": "370116",
    "淮阴市": "3208", "万县市": "500101", "万县": "500101", "达川": "5117", "哲里木盟": "1505", "伊克昭盟": "1506",
    "呼伦贝尔盟": "1507", "巴彦淖尔盟": "1508", "乌兰察布盟": "1509", "崇文区": "110101", "宣武区": "110102",
    "卢湾区": "310101", "闸北区": "310106", "南汇区": "310115", "塘沽区": "120116", "汉沽区": "120116", "大港区": "120116",
    "萝岗区": "440112", "通什市": "469001", "巢湖": "340181", "米泉市": "650109", "荆沙市": "4210",
}  # fmt: skip
_SEPARATORS = re.compile(r"[\s,，、/|·\-—_]+")


@dataclass(frozen=True)
class Region:
    """`code` has 2 digits for a province, 4 for a city, 6 for a county; municipalities are a city of their own name."""

    code: str
    parent: str
    level: Level
    name: str
    short: str

    def shown(self, style: Style) -> str:
        return self.short if style == "short" else self.name


@dataclass(frozen=True)
class Ambiguous:
    """Several places bear the name."""

    candidates: tuple[Region, ...]


@dataclass(frozen=True)
class _Gazetteer:
    by_code: dict[str, Region]
    by_key: dict[str, tuple[Region, ...]]
    simplified: dict[int, str]
    traditional: dict[str, str]  # names in traditional characters -> in simplified ones
    disputed: frozenset[str]  # shorts of cities that are also districts of a municipality: 朝阳


@cache
def _gazetteer() -> _Gazetteer:
    with files("retort_plans").joinpath("data/regions.csv").open(encoding="utf-8") as file:
        next(file)
        rows = list(csv.DictReader(file))
    regions = {
        r["code"]: Region(r["code"], r["parent"], _level(r["level"]), r["name"], r["short"]) for r in rows
    }
    simplified = {
        ord(old): new
        for r in rows
        if len(r["traditional"]) == len(r["name"])
        for old, new in zip(r["traditional"], r["name"], strict=True)
        if old != new
    }
    keys: dict[str, dict[str, Region]] = {}
    named = [
        (r[field], regions[r["code"]]) for r in rows for field in ("name", "short", "pinyin") if r[field]
    ]
    named += [(text, regions[code]) for text, code in (*ALIASES.items(), *RENAMED.items())]
    for text, region in named:
        keys.setdefault(text, {})[region.code] = region
    cities = {r.short for r in regions.values() if r.level == "city"}
    districts = {r.short for r in regions.values() if r.level == "county" and r.code[:2] in MUNICIPALITIES}
    districts |= {
        r.name[:-1] for r in regions.values() if r.level == "county" and r.code[:2] in MUNICIPALITIES
    }
    by_key = {text: tuple(found.values()) for text, found in keys.items()}
    return _Gazetteer(regions, by_key, simplified, _traditional(rows), frozenset(cities & districts))


def _traditional(rows: Iterable[dict[str, str]]) -> dict[str, str]:
    """重慶市 and 重慶: full and short names, where a short name is the head of its full one."""
    spelt: dict[str, str] = {}
    for r in rows:
        if len(r["traditional"]) == len(r["name"]):
            spelt[r["traditional"]] = r["name"]
            if r["name"].startswith(r["short"]):
                spelt[r["traditional"][: len(r["short"])]] = r["short"]
    return spelt


def _level(text: str) -> Level:
    return "province" if text == "province" else "city" if text == "city" else "county"


def folded(text: str) -> str:
    """`text` as a script looks it up: half width, without spaces, small letters."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c not in SPACES).lower()


def normalise(text: str) -> str:
    """Half width, simplified characters of place names, no separators, small letters."""
    plain = _SEPARATORS.sub("", unicodedata.normalize("NFKC", text)).lower()
    return plain.translate(_gazetteer().simplified)


def resolve(text: str, level: Level) -> Region | Ambiguous | None:
    """The region of `level` that `text` names or lies in; None when it names no place, or only a larger one."""
    key = normalise(text)
    if not key:
        return None
    named = _gazetteer().by_key.get(key)
    found = _at_level(key, named, level) if named else None
    return found if found is not None else _address(key, level)


def _at_level(key: str, named: tuple[Region, ...], level: Level) -> Region | Ambiguous | None:
    """A whole text that is a name: of the level itself, else of what it lies in."""
    of: dict[Level, list[Region]] = {"province": [], "city": [], "county": []}
    for region in named:
        of[region.level].append(region)
    if level == "province":
        direct = of["province"] or of["city"] or of["county"]
        return _one(_lifted([*direct, *([] if of["province"] else _disputing(key))], level))
    if level == "county":
        return _one(of["county"])
    provinces = [r for r in of["province"] if r.code not in MUNICIPALITIES]
    cities = [*of["city"], *(_child(r) for r in of["province"] if r.code in MUNICIPALITIES)]
    if cities:
        others = provinces if not any(r.code in ("81", "82") for r in provinces) else []
        return _one([*cities, *others, *_disputing(key)])
    return _one(_lifted(of["county"], "city"))


def _disputing(key: str) -> list[Region]:
    """Cities that a bare name such as 朝阳 could mean because a district of a municipality bears it."""
    if key not in _gazetteer().disputed:
        return []
    return _lifted([r for r in _gazetteer().by_key.get(key + "区", ()) if r.level == "county"], "city")


def _child(municipality: Region) -> Region:
    return _gazetteer().by_code[municipality.code + "01"]


def _lifted(regions: Iterable[Region], level: Level) -> list[Region]:
    """The regions of `level` that these are or lie in."""
    lifted: list[Region] = []
    for region in regions:
        at: Region | None = region
        while at is not None and at.level != level:
            at = _gazetteer().by_code.get(at.parent)
        if at is not None:
            lifted.append(at)
    return lifted


def _one(regions: Iterable[Region]) -> Region | Ambiguous | None:
    distinct = list({region.code: region for region in regions}.values())
    if len(distinct) > 1:
        return Ambiguous(tuple(distinct))
    return distinct[0] if distinct else None


def _address(key: str, level: Level) -> Region | Ambiguous | None:
    """A path such as 北京市朝阳区… or 广东深圳南山: each part must lie in the one before."""
    ends = [path for path in _paths(key, None) if path]
    if not ends:
        return None
    depth = max(len(path) for path in ends)
    deepest = [path[-1] for path in ends if len(path) == depth]
    found = _one(deepest)
    if not isinstance(found, Region):
        return found
    return _one(_lifted([found], level))


def _paths(rest: str, inside: Region | None) -> list[list[Region]]:
    """Readings of the head of `rest` as regions below `inside`, longest names first."""
    for length in range(min(len(rest), 12), 1, -1):
        head = rest[:length]
        found = [r for r in _gazetteer().by_key.get(head, ()) if _below(r, inside)]
        made: list[list[Region]] = []
        for region in found:
            deeper = _paths(rest[length:], region)
            full = head == region.name and not head.isascii()
            if deeper:
                made += [[region, *path] for path in deeper]
            elif full or inside is not None or length == len(rest):
                made.append([region])
        if made:
            return made
    return []


def _below(region: Region, inside: Region | None) -> bool:
    if inside is None:
        return True
    at: Region | None = _gazetteer().by_code.get(region.parent)
    while at is not None:
        if at.code == inside.code:
            return True
        at = _gazetteer().by_code.get(at.parent)
    return False


@cache
def table(level: Level, style: Style) -> dict[str, str]:
    """Every single name that stands for one region of `level`, normalised -> shown; what a script carries."""
    known: dict[str, str] = {}
    for key, named in _gazetteer().by_key.items():
        if level != "county" and all(region.level == "county" for region in named):
            continue
        found = _at_level(key, named, level)
        if isinstance(found, Region):
            known[key] = found.shown(style)
    spelt = {old: known[new] for old, new in _gazetteer().traditional.items() if new in known}
    return {**spelt, **known}
