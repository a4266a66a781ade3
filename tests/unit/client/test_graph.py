"""The history graph: every commit once, lanes that open and close."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from retort_client.graph import Node, lanes


def drawn(*nodes: tuple[str, str]) -> list[str]:
    lines = lanes([Node(id=i, parents=tuple(p.split())) for i, p in nodes])
    return [f"{line.cells} {line.node or ''}".rstrip() for line in lines]


def test_a_straight_line_has_one_lane() -> None:
    assert drawn(("c", "b"), ("b", "a"), ("a", "")) == ["● c", "● b", "● a"]


def test_a_branch_opens_a_lane_and_closes_at_its_root() -> None:
    assert drawn(("d", "b"), ("c", "b"), ("b", "a"), ("a", "")) == ["● d", "│ ● c", "● │ b", "├─╯", "● a"]


def test_a_merge_opens_a_lane_for_the_second_parent() -> None:
    assert drawn(("m", "a b"), ("a", "r"), ("b", "r"), ("r", "")) == ["● m", "● │ a", "│ ● b", "● │ r", "├─╯"]


def test_parents_outside_the_page_do_not_hold_lanes_open() -> None:
    assert drawn(("c", "gone"), ("b", "gone")) == ["● c", "● b"]


@given(
    st.integers(1, 25).flatmap(
        lambda n: st.tuples(*[st.sets(st.integers(0, max(i - 1, 0)), max_size=2) for i in range(n)])
    )
)
def test_every_commit_stands_on_exactly_one_line(parents: tuple[set[int], ...]) -> None:
    nodes = [
        Node(id=str(i), parents=tuple(str(p) for p in sorted(ps) if p < i)) for i, ps in enumerate(parents)
    ]
    lines = lanes(nodes[::-1])
    assert [line.node for line in lines if line.node is not None] == [node.id for node in nodes[::-1]]
    assert all(line.cells.count("●") == (line.node is not None) for line in lines)
