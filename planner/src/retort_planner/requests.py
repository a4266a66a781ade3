"""What a planner is asked: the words, the table they speak about, and what was said and done before.

Everything a plan depends on stands here, so that the same request always gives the same outcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

from retort_core.models import Model
from retort_core.plans import Lang, Question, Step, Suggestion
from retort_core.profiles import Profile
from retort_core.schema import Schema


class Turn(Model):
    """One instruction of the conversation that was carried out, oldest first in `Request.history`."""

    instruction: str
    title: str = ""
    commit: str = ""  # the version it made; "" for a read-only turn
    parent: str = ""  # the version it started from
    steps: tuple[Step, ...] = ()
    read_only: bool = False
    undone: bool = False
    result: str = ""  # id of the table a read-only turn gave
    columns: tuple[str, ...] = ()  # columns of that table
    rows_before: int | None = None
    rows_after: int | None = None


@dataclass(frozen=True)
class Request:
    """`profile` may be absent (then literals are taken as they are); `today` anchors 上周 and last month.

    `pending` is the open question, `suggestions` the buttons on screen, `conventions` what the project remembers
    (以后都这样), `lang` a hint used when the words themselves do not tell.
    """

    text: str
    schema: Schema
    profile: Profile | None = None
    history: tuple[Turn, ...] = ()
    pending: Question | None = None
    suggestions: tuple[Suggestion, ...] = ()
    conventions: Mapping[str, str] = field(default_factory=dict)
    today: date = date(2024, 6, 1)
    lang: Lang | None = None
    source: str = ""  # name of the dataset, for titles

    def saying(self, text: str) -> Request:
        """The same situation with other words."""
        return replace(self, text=text)

    def over(self, schema: Schema) -> Request:
        """The same words over the schema that earlier steps leave."""
        return replace(self, schema=schema)
