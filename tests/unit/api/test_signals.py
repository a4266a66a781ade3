"""Who is woken by what: nobody sleeps through what he waits for, and nobody is woken for what cannot be it."""

from __future__ import annotations

import gc

import pytest

from retort_api.kit.signals import Signal, wait


@pytest.mark.asyncio
async def test_a_topic_wakes_its_listeners_and_those_of_everything() -> None:
    signal = Signal()
    one, other, every = signal.listen("one"), signal.listen("other"), signal.listen()
    signal.notify("one")
    assert await wait(one, 5)
    assert await wait(every, 5)
    assert not other.is_set()


@pytest.mark.asyncio
async def test_without_a_topic_everybody_is_woken_once() -> None:
    signal = Signal()
    one, every = signal.listen("one"), signal.listen()
    signal.notify()
    assert one.is_set()
    assert every.is_set()
    assert not signal.listen("one").is_set()
    assert not signal.listen().is_set()


@pytest.mark.asyncio
async def test_two_listeners_of_a_topic_are_both_woken() -> None:
    signal = Signal()
    first, second = signal.listen("one"), signal.listen("one")
    signal.notify("one")
    assert first.is_set()
    assert second.is_set()


@pytest.mark.asyncio
async def test_a_topic_is_forgotten_with_its_last_listener() -> None:
    signal = Signal()
    event = signal.listen("one")
    assert len(signal._topics) == 1
    del event
    gc.collect()
    assert not signal._topics
    assert not await wait(signal.listen(), 0.001)
