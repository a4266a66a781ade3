"""Whatever is done to a chain of lines, it is found; what nothing was done to is never accused."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st

from retort_core.auditing import Anchor, Line, Verifier, exported, genesis, imported, link
from retort_core.identity import canonical_json

CHAIN = "p1"


def chain(lanes: tuple[int, ...]) -> list[Line]:
    """Lines in the order they were written; `lanes[i]` is where the i-th went."""
    ends: dict[int, tuple[int, str]] = {}
    lines = []
    for number, lane in enumerate(lanes):
        seq, previous = ends.get(lane, (0, genesis(CHAIN, lane)))
        event = canonical_json({"auditID": str(number), "verb": "get", "retort": {"task": f"t{number}"}})
        line = Line(
            chain=CHAIN, lane=lane, seq=seq + 1, previous=previous, event=event,
            hash=link(CHAIN, lane, seq + 1, previous, event),
        )  # fmt: skip
        ends[lane] = (line.seq, line.hash)
        lines.append(line)
    return lines


def ends(lines: list[Line]) -> tuple[Anchor, ...]:
    last = {line.lane: line for line in lines}
    return tuple(Anchor(lane=one.lane, seq=one.seq, hash=one.hash) for one in last.values())


def problems(lines: list[Line], anchors: tuple[Anchor, ...]) -> set[str]:
    verifier = Verifier(chain=CHAIN, anchors=anchors)
    for line in lines:
        verifier.feed(line)
    return {finding.problem for finding in verifier.finish()}


chains = st.lists(st.integers(0, 3), min_size=1, max_size=30).map(tuple)


@given(chains)
def test_a_whole_chain_has_nothing_to_find(lanes: tuple[int, ...]) -> None:
    lines = chain(lanes)
    assert problems(lines, ends(lines)) == set()
    by_lane = sorted(lines, key=lambda line: (line.lane, line.seq))
    assert problems(by_lane, ends(lines)) == set()


@given(chains, st.data())
def test_an_edited_line_is_found(lanes: tuple[int, ...], data: st.DataObject) -> None:
    lines = chain(lanes)
    at = data.draw(st.integers(0, len(lines) - 1))
    event = json.loads(lines[at].event)
    event[data.draw(st.sampled_from(("verb", "auditID", "new")))] = "other"
    edited = replace(lines[at], event=canonical_json(event))
    assert "edited" in problems([*lines[:at], edited, *lines[at + 1 :]], ends(lines))
    # Also when its own hash is made to fit: then the next line, or the end, no longer follows.
    hidden = replace(edited, hash=link(CHAIN, edited.lane, edited.seq, edited.previous, edited.event))
    assert problems([*lines[:at], hidden, *lines[at + 1 :]], ends(lines)) & {"unlinked", "cut"}


@given(chains, st.data())
def test_a_dropped_line_is_found(lanes: tuple[int, ...], data: st.DataObject) -> None:
    lines = chain(lanes)
    at = data.draw(st.integers(0, len(lines) - 1))
    assert problems([*lines[:at], *lines[at + 1 :]], ends(lines)) & {"missing", "cut"}


@given(chains, st.data())
def test_two_lines_of_a_lane_that_change_places_are_found(
    lanes: tuple[int, ...], data: st.DataObject
) -> None:
    lines = chain(lanes)
    pairs = [(i, j) for i in range(len(lines)) for j in range(i) if lines[i].lane == lines[j].lane]
    assume(pairs)
    i, j = data.draw(st.sampled_from(pairs))
    swapped = list(lines)
    swapped[i], swapped[j] = lines[j], lines[i]
    assert problems(swapped, ends(lines))
    # Also when they are given each other's numbers.
    swapped[i] = replace(lines[j], seq=lines[i].seq, previous=lines[i].previous)
    swapped[j] = replace(lines[i], seq=lines[j].seq, previous=lines[j].previous)
    assert "edited" in problems(swapped, ends(lines))


@given(chains, st.data())
def test_a_line_that_is_repeated_or_brought_from_elsewhere_is_found(
    lanes: tuple[int, ...], data: st.DataObject
) -> None:
    lines = chain(lanes)
    at = data.draw(st.integers(0, len(lines) - 1))
    assert "moved" in problems([*lines, lines[at]], ends(lines))
    foreign = replace(lines[at], chain="p2")
    assert "edited" in problems([*lines[:at], foreign, *lines[at + 1 :]], ends(lines))


@given(chains, st.integers(1, 10))
def test_an_end_that_is_cut_off_with_its_head_is_found_by_an_anchor(
    lanes: tuple[int, ...], gone: int
) -> None:
    lines = chain(lanes)
    assume(gone < len(lines))
    left = lines[:-gone]
    assert problems(left, ends(left)) == set()
    assert problems(left, (*ends(left), *ends(lines))) == {"cut"}


@given(chains)
def test_an_export_reads_back_to_the_same_lines(lanes: tuple[int, ...]) -> None:
    for line in chain(lanes):
        assert imported(exported(line)) == line


@given(chains, st.integers(0, 29))
def test_an_export_goes_on_where_the_last_one_ended(lanes: tuple[int, ...], cut: int) -> None:
    lines = chain(lanes)
    first = Verifier(chain=CHAIN)
    for line in lines[:cut]:
        first.feed(line)
    second = Verifier(chain=CHAIN, after={one.lane: one for one in first.ends}, anchors=ends(lines))
    for line in lines[cut:]:
        second.feed(line)
    assert first.finish() == second.finish() == []


@given(st.text(max_size=200))
def test_any_text_is_unreadable_or_a_line(text: str) -> None:
    verifier = Verifier(chain=CHAIN)
    verifier.text(text)
    assert {finding.problem for finding in verifier.findings} <= {
        "unreadable",
        "edited",
        "missing",
        "moved",
        "unlinked",
    }


def test_a_line_with_a_broken_place_is_unreadable() -> None:
    for text in (
        '{"retort": {"chain": {}}}',
        '{"retort": {}}',
        "[]",
        "1",
        '{"retort": {"chain": 3}}',
        "[" * 100_000,
    ):
        verifier = Verifier(chain=CHAIN)
        verifier.text(text)
        assert [finding.problem for finding in verifier.findings] == ["unreadable"]
