"""The mutual challenge: what proves, what does not, and that no proof serves twice."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from retort_core.errors import PolicyDenied, SessionLost
from retort_core.handshake import (
    LENGTH,
    MAC,
    MAGIC,
    PROTOCOL,
    Binding,
    BrokerSide,
    ExecutorSide,
    session_key,
)

KEY = session_key(b"K" * 32, "pod-1", "ab" * 16)
BINDING = Binding(pod="pod-1", task="t" * 32, attempt=1, seconds=60)


def shake(executor: ExecutorSide, broker: BrokerSide) -> Binding:
    reply = broker.reply(executor.greeting)
    size = ExecutorSide.reply_size(reply[: LENGTH.size])
    assert size == len(reply) - LENGTH.size
    binding, proof = executor.verify(reply[LENGTH.size :])
    broker.verify(proof)
    return binding


def test_both_prove_the_key_and_agree_on_what_it_is_for() -> None:
    assert shake(ExecutorSide(KEY, "pod-1"), BrokerSide(KEY, BINDING)) == BINDING


@given(st.text(max_size=60), st.text(max_size=40), st.integers(1, 99), st.integers(1, 1 << 20))
def test_any_binding_arrives_as_it_was(pod: str, task: str, attempt: int, seconds: int) -> None:
    binding = Binding(pod=pod, task=task, attempt=attempt, seconds=seconds)
    assert shake(ExecutorSide(KEY, pod), BrokerSide(KEY, binding)) == binding


def test_another_key_is_refused_by_the_executor() -> None:
    with pytest.raises(PolicyDenied, match="session key"):
        shake(ExecutorSide(KEY, "pod-1"), BrokerSide(session_key(b"X" * 32, "pod-1", "ab" * 16), BINDING))


def test_an_impostor_without_the_key_is_refused_by_the_broker() -> None:
    broker = BrokerSide(KEY, BINDING)
    broker.reply(ExecutorSide(b"wrong", "pod-1").greeting)
    with pytest.raises(PolicyDenied, match="session key"):
        broker.verify(b"\0" * MAC)


def test_a_proof_is_not_accepted_back_as_the_others() -> None:
    """Reflection: the impostor sends the broker's own proof back to it."""
    broker = BrokerSide(KEY, BINDING)
    reply = broker.reply(ExecutorSide(KEY, "pod-1").greeting)
    with pytest.raises(PolicyDenied):
        broker.verify(reply[-MAC:])


def test_a_recorded_reply_opens_no_second_door() -> None:
    first = ExecutorSide(KEY, "pod-1")
    recorded = BrokerSide(KEY, BINDING).reply(first.greeting)[LENGTH.size :]
    first.verify(recorded)
    with pytest.raises(PolicyDenied):
        ExecutorSide(KEY, "pod-1").verify(recorded)


def test_a_binding_for_another_pod_is_refused() -> None:
    other = Binding(pod="pod-2", task="t", attempt=1, seconds=60)
    with pytest.raises(PolicyDenied, match="another Pod"):
        shake(ExecutorSide(KEY, "pod-1"), BrokerSide(KEY, other))


@given(st.integers(0, 200), st.integers(1, 255))
def test_any_changed_byte_of_the_reply_is_noticed(position: int, flip: int) -> None:
    executor = ExecutorSide(KEY, "pod-1")
    reply = bytearray(BrokerSide(KEY, BINDING).reply(executor.greeting)[LENGTH.size :])
    reply[position % len(reply)] ^= flip
    with pytest.raises(PolicyDenied):
        executor.verify(bytes(reply))


@given(st.binary(max_size=80))
def test_whatever_answers_that_is_no_executor_is_refused(greeting: bytes) -> None:
    with pytest.raises(PolicyDenied):
        BrokerSide(KEY, BINDING).reply(greeting)


def test_an_executor_of_another_release_is_a_lost_one_so_that_another_one_is_tried() -> None:
    greeting = ExecutorSide(KEY, "pod-1").greeting
    with pytest.raises(SessionLost, match="another release"):
        BrokerSide(KEY, BINDING).reply(PROTOCOL + b"2" + greeting[len(MAGIC) :])


@pytest.mark.parametrize("length", [0, 1025, 65_535])
def test_a_binding_of_a_wrong_length_is_not_waited_for(length: int) -> None:
    with pytest.raises(PolicyDenied):
        ExecutorSide.reply_size(LENGTH.pack(length))


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{}",
        b"[]",
        b"[" * 1000,
        b'{"pod":"p","task":"t","attempt":1}',
        b'{"attempt":1,"pod":"p","seconds":0,"task":"t"}',
    ],
)
def test_a_binding_of_another_form_is_refused(text: bytes) -> None:
    with pytest.raises(PolicyDenied):
        Binding.decode(text)


def test_keys_differ_by_pod_and_nonce() -> None:
    keys = {session_key(b"K", pod, nonce) for pod in ("a", "b") for nonce in ("1", "2")}
    assert len(keys) == 4
