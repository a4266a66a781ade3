"""Things as a notebook shows them: HTML where it can, text elsewhere, made from the same renderables as in the terminal.

A cell of a table is a stranger's text. All of it is escaped, control and direction characters are made visible, no style
and no address comes from data, and formulas of mathematics (`$…$`, which notebooks would typeset, links included) are off.
"""

from __future__ import annotations

from html import escape
from io import StringIO
from typing import Any, Final

from rich.console import Console, RenderableType

from retort_client.rendering.pages import drawn
from retort_client.words import say
from retort_core.http.versions import TablePage
from retort_core.plans import Lang

WIDTH: Final = 110  # characters of a line
MOST_COLUMNS: Final = 30  # of a table; a notebook scrolls, but not for ever
CLASSES: Final = "retort tex2jax_ignore mathjax_ignore"
_PRE: Final = (
    f'<pre class="{CLASSES}" style="white-space:pre;overflow-x:auto;line-height:normal">{{code}}</pre>'
)


class Shown:
    """Something with a text and an HTML form. Neither may raise: a notebook shows what it can."""

    def __rich__(self) -> RenderableType:
        raise NotImplementedError

    def _repr_html_(self) -> str:
        return html(self.__rich__())

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        """What IPython asks for; `include` and `exclude` name types."""
        made = {"text/plain": repr(self), "text/html": self._repr_html_()}
        return {
            kind: shown
            for kind, shown in made.items()
            if (not include or kind in include) and kind not in (exclude or ())
        }

    def __repr__(self) -> str:
        return text(self.__rich__())


def text(shown: RenderableType) -> str:
    console = Console(file=StringIO(), width=WIDTH, force_terminal=False, color_system=None)
    with console.capture() as captured:
        console.print(shown)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def html(shown: RenderableType) -> str:
    console = Console(
        file=StringIO(), width=WIDTH, record=True, force_terminal=True, color_system="truecolor"
    )
    console.print(shown)
    return console.export_html(inline_styles=True, code_format=_PRE)


def html_table(page: TablePage, lang: Lang, title: str = "") -> str:
    """Rows with their marks; what does not fit is counted below."""
    columns = drawn(page)
    shown = columns[:MOST_COLUMNS]
    head = "".join(_cell("th", column.title.plain, right=column.right) for column in shown)
    rows = "".join(
        "<tr>" + "".join(_cell("td", cell.plain, right=c.right, style=str(cell.style)) for c, cell in line) + "</tr>"
        for line in ([(c, c.cells[at]) for c in shown] for at in range(len(page.rows)))
    )  # fmt: skip
    first, last = page.offset + 1 if page.rows else 0, page.offset + len(page.rows)
    below = say("of-rows", lang, first=first, last=last, total=page.total)
    if len(columns) > len(shown):
        below += " · " + say("columns", lang, n=len(columns))
    caption = f"<caption>{escape(title)}</caption>" if title else ""
    return (
        f'<div class="{CLASSES}" style="overflow-x:auto"><table>{caption}<thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table><small>{escape(below)}</small></div>"
    )


_STYLES: Final = {
    "red": "color:#c00",
    "dim": "opacity:.6",
    "dim strike": "opacity:.6;text-decoration:line-through",
}


def _cell(tag: str, content: str, *, right: bool, style: str = "") -> str:
    css = f"text-align:{'right' if right else 'left'};" + _STYLES.get(style, "")
    return f'<{tag} style="{css}">{escape(content)}</{tag}>'
