"""Pages of shown versions: filled in order, left whole, the oldest first to go."""

from __future__ import annotations

from retort_operator.pages import Page, Pages, Shown

A = ("team", "survey")


def shown(keep: int, count: int) -> Pages:
    pages = Pages(keep)
    for seq in range(1, count + 1):
        pages.place(A, str(seq), seq)
    return pages


def names(pages: Pages) -> list[str]:
    return [one.page for _, _, one in pages]


def test_a_version_that_comes_back_after_newer_ones_is_in_its_place_and_on_its_page() -> None:
    pages = shown(4, 5)
    assert names(pages) == ["1", "1", "3", "3", "5"]
    for seq in (4, 1):
        pages.forget(A, str(seq))
        pages.place(A, str(seq), seq)
    assert [commit for _, commit, _ in pages] == ["1", "2", "3", "4", "5"]
    assert names(pages) == ["1", "1", "3", "3", "5"]


def test_what_is_there_keeps_its_page() -> None:
    pages = Pages(4)
    pages.note(A, "x", Shown(7, "made by an earlier one"))
    assert pages.place(A, "x", 7) == "made by an earlier one"
    assert pages.place(A, "y", 8) == "made by an earlier one"


def test_a_whole_page_goes_when_enough_are_left_without_it() -> None:
    assert shown(4, 5).surplus(A) is None
    assert shown(4, 6).surplus(A) == Page("1", ["1", "2"])
    assert Pages(4).surplus(A) is None


def test_what_is_asked_to_go_is_nobodys_loss_and_takes_no_other_in() -> None:
    pages = shown(2, 3)
    page = pages.surplus(A)
    assert page == Page("1", ["1"])
    pages.going(A, page.name)
    assert pages.lost(A, "1") is None, "it goes because we asked"
    pages.went(A, page)
    assert pages.lost(A, "3") == Shown(3, "3")
    assert pages.place(A, "3", 3) == "3"


def test_a_dataset_of_which_nothing_is_shown_is_forgotten() -> None:
    pages = shown(2, 1)
    assert pages.newest(A) == Shown(1, "1")
    pages.forget(A, "1")
    assert (pages.newest(A), list(pages)) == (None, [])
    assert pages.lost(A, "1") is None
