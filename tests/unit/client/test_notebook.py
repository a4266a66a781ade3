"""What a notebook shows of strangers' data is text: no cell becomes markup, a script, a style, a link or a formula."""

from __future__ import annotations

from datetime import UTC, datetime
from html.parser import HTMLParser

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.text import Text

import retort_client
from retort_client.dataset import Dataset, History
from retort_client.rendering.notebook import html, html_table, text
from retort_client.session import Client
from retort_core.http.versions import Commit, TablePage

HOSTILE = [
    "<script>alert(1)</script>", "</td></tr></table><img src=x onerror=alert(1)>", '" onmouseover="alert(1)', "javascript:alert(1)",
    "<style>*{display:none}</style>", "[link=http://x]click[/link]", "[red]x[/red]", "$\\href{javascript:alert(1)}{x}$",
    "\x1b[31mred\x1b[0m", "\u202eevil", "&lt;b&gt;", "<!--", "]]>", "\x00", "'';!--\"<XSS>=&{()}",
]  # fmt: skip
HARMLESS = {"div", "table", "caption", "thead", "tbody", "tr", "th", "td", "small", "pre", "span"}


class Read(HTMLParser):
    """What a browser would make of it."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[str] = []
        self.attributes: set[str] = set()
        self.styles: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.styles += [value or "" for name, value in attrs if name == "style"]

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(f"a declaration: {decl}")


def read(shown: str) -> Read:
    found = Read()
    found.feed(shown)
    found.close()
    assert set(found.tags) <= HARMLESS
    assert found.attributes <= {"class", "style"}
    assert not [style for style in found.styles if "url(" in style or "expression" in style or "@" in style]
    assert 'class="retort tex2jax_ignore mathjax_ignore"' in shown
    return found


def page(cell: str) -> TablePage:
    column = {"id": "c1", "name": cell or "c", "dtype": "text", "kind": "text"}
    mark = {"row": 1, "column": "c1", "state": "invalid", "raw": cell}
    return TablePage.model_validate(
        {"columns": [column], "rows": [[cell], [None]], "marks": [mark], "offset": 0, "total": 2}
    )


@pytest.mark.parametrize("cell", HOSTILE)
def test_a_hostile_cell_is_shown_as_its_text(cell: str) -> None:
    found = read(html_table(page(cell), "en", cell))
    assert found.tags.count("td") == 2
    assert found.tags.count("th") == 1
    visible = "".join(c if c.isprintable() else "·" for c in cell)
    assert visible in found.text


@given(st.text(max_size=60))
def test_no_cell_adds_an_element(cell: str) -> None:
    shown = read(html_table(page(cell), "zh", cell))
    assert sorted(shown.tags) == sorted(
        read(html_table(page("plain"), "zh", "plain")).tags if cell else shown.tags
    )


@pytest.mark.parametrize("title", HOSTILE)
def test_a_hostile_title_in_the_history_is_text(title: str) -> None:
    commit = Commit.model_validate({
        "id": "0" * 64, "short": "0" * 12, "task": "t", "root": "1" * 64, "title": title, "kind": "plan", "author": "a",
        "generation": 1, "parents": ["2" * 64], "counts": {}, "created_at": datetime.now(UTC),
    })  # fmt: skip
    history = History((commit,))
    bundle = history._repr_mimebundle_()
    read(bundle["text/html"])
    assert "\x1b" not in bundle["text/plain"]
    assert history[0] is commit
    assert len(history[0:5]) == 1


@given(st.text(max_size=60))
def test_any_text_can_be_shown(value: str) -> None:
    read(html(Text(value)))
    assert "\x1b[" not in text(Text(value)) or "\x1b[" in value


def test_only_the_types_that_were_asked_for() -> None:
    empty = History(())
    assert empty._repr_mimebundle_(include={"text/plain"}).keys() == {"text/plain"}
    assert empty._repr_mimebundle_(exclude={"text/html"}).keys() == {"text/plain"}


def test_a_dataset_without_its_service_still_has_a_form() -> None:
    with Client("http://127.0.0.1:9", seconds=1) as client:
        dataset = Dataset("<b>x</b>", client)
        assert repr(dataset) == "Dataset('<b>x</b>', branch='main')"
        assert "No Retort service answers" in read(dataset._repr_html_()).text


def test_the_package_has_what_a_notebook_needs() -> None:
    assert retort_client.Dataset is Dataset
    assert retort_client.Client is Client
    with pytest.raises(AttributeError):
        retort_client.Nothing  # noqa: B018
