"""What a project remembers, as the API shows it."""

from __future__ import annotations

from retort_core.models import Model


class Convention(Model):
    """An answer that holds from now on: `question` was asked, `label` was chosen.

    `key` and `rule` are what the planner goes by; `id` names the convention in a path.
    """

    id: str
    key: str
    rule: str
    label: str = ""
    question: str = ""
