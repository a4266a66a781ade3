"""Who asks too often is told when to come again; others are not held up by it, and waiting that long helps."""

from __future__ import annotations

import time
from collections import Counter
from typing import Any


def test_a_caller_over_the_rate_waits_as_long_as_is_said_and_nobody_else_does(own_house: Any) -> None:
    house = own_house(RETORT_CALLER_PER_MINUTE="60")  # six at once
    first, second = house.invited("first"), house.invited("second")
    replies = [first.get("/api/v1/about") for _ in range(20)]
    assert replies[0].status_code == 200
    refused = next(reply for reply in replies if reply.status_code != 200)
    assert (refused.status_code, refused.json()["code"]) == (429, "too-many")
    assert refused.headers["content-type"] == "application/problem+json"
    seconds = int(refused.headers["retry-after"])
    assert 1 <= seconds <= 3
    assert second.get("/api/v1/about").status_code == 200
    time.sleep(seconds)
    assert first.get("/api/v1/about").status_code == 200


def test_an_address_that_keeps_bringing_wrong_tokens_waits(own_house: Any) -> None:
    house = own_house(RETORT_LOGIN_PER_MINUTE="60")
    stranger = house.stranger()
    stranger.token = "rtk_" + "0" * 72
    codes = [stranger.get("/api/v1/about") for _ in range(20)]
    assert codes[0].status_code == 401
    assert codes[-1].status_code == 429
    assert int(codes[-1].headers["retry-after"]) >= 1


def test_what_is_refused_for_its_number_leaves_no_line_in_the_audit(own_house: Any) -> None:
    """Regression: every 429 was written down for ever, in a transaction of its own, also for a token that somebody had made
    up: the rate cost more than what it kept away."""
    house = own_house(RETORT_LOGIN_PER_MINUTE="60")
    stranger = house.stranger()
    stranger.token = "rtk_" + "0" * 72
    replies = [stranger.get("/api/v1/about") for _ in range(60)]
    codes = Counter(reply.status_code for reply in replies)
    assert set(codes) == {401, 429}
    time.sleep(int(replies[-1].headers["retry-after"]))
    lines = [line for line in house.root.audit() if line["user"]["username"] == "system:anonymous"]
    assert [line["responseStatus"]["code"] for line in lines].count(401) == codes[401]
    assert 429 not in {line["responseStatus"]["code"] for line in lines}
