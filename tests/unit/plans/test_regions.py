"""Which place a text stands for, and that a name of several places is never guessed."""

from __future__ import annotations

import pytest

from retort_plans.regions import Ambiguous, Region, resolve, table


@pytest.mark.parametrize(
    ("text", "city"),
    [
        ("北京", "北京"), ("北京市", "北京"), ("beijing", "北京"), ("Beijing", "北京"), ("BEI JING", "北京"), ("沪", "上海"), ("重慶", "重庆"),
        ("襄樊", "襄阳"), ("襄樊市", "襄阳"), ("思茅", "普洱"), ("延边", "延边"), ("阿坝", "阿坝"), ("浦东", "上海"), ("卢湾区", "上海"),
        ("北京市朝阳区", "北京"), ("北京朝阳", "北京"), ("广东省深圳市南山区科技园", "深圳"), ("深圳-南山", "深圳"), ("西安", "西安"),
        ("臺北市", "台北"), ("香港", "香港"), ("恩施土家族苗族自治州", "恩施"), ("济源", "济源"), ("巢湖", "合肥"), ("　上海 市 ", "上海"),
    ],
)  # fmt: skip
def test_a_name_of_one_city_is_that_city(text: str, city: str) -> None:
    found = resolve(text, "city")
    assert isinstance(found, Region)
    assert found.short == city


@pytest.mark.parametrize(("text", "province"), [("内蒙", "内蒙古"), ("广西", "广西"), ("新疆", "新疆"), ("海南", "海南"), ("吉林", "吉林"), ("粤", "广东"), ("苏州市", "江苏")])  # fmt: skip
def test_a_name_of_one_province_is_that_province(text: str, province: str) -> None:
    found = resolve(text, "province")
    assert isinstance(found, Region)
    assert found.short == province


@pytest.mark.parametrize("text", ["朝阳区", "朝阳", "鼓楼区", "suzhou", "吉林", "海南"])
def test_a_name_of_several_places_is_ambiguous(text: str) -> None:
    found = resolve(text, "city")
    assert isinstance(found, Ambiguous)
    assert len({region.code for region in found.candidates}) > 1


@pytest.mark.parametrize("text", ["北京时间", "上海滩", "满意", "河北省", "", "雄安", "123", "N/A"])
def test_what_is_no_city_is_nothing(text: str) -> None:
    assert resolve(text, "city") is None


def test_the_lookup_of_a_script_says_what_resolve_says() -> None:
    for key, shown in table("city", "short").items():
        found = resolve(key, "city")
        assert isinstance(found, Region), key
        assert found.short == shown


def test_every_city_answers_to_its_full_name() -> None:
    known = table("city", "full")
    assert known["石家庄市"] == "石家庄市"
    assert known["内蒙古自治区" if "内蒙古自治区" in known else "呼和浩特"] == "呼和浩特市"
    assert len(set(known.values())) > 330


@pytest.mark.parametrize(
    ("text", "city"), [("重慶", "重庆"), ("重慶市", "重庆"), ("臺北市", "台北"), ("廣州", "广州")]
)
def test_a_script_knows_names_in_traditional_characters(text: str, city: str) -> None:
    assert table("city", "short")[text] == city
