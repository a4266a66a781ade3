"""Templates through the API: steps kept for other tables, and the sentences to click."""

from __future__ import annotations

from pydantic import JsonValue

from retort_client.session import Client
from retort_core.http import routes as paths
from retort_core.http.tasks import Task
from retort_core.http.templates import (
    Sentence,
    TemplateCreate,
    TemplateFit,
    TemplateInfo,
    TemplateParameter,
    TemplateUse,
)
from retort_core.plans import Lang


class Templates:
    """Of one project; `lang`: of titles and explanations."""

    def __init__(self, client: Client) -> None:
        self._client = client

    def all(self, lang: Lang = "zh") -> list[TemplateInfo]:
        return list(self._client.pages(paths.TEMPLATES, TemplateInfo, {"lang": lang}))

    def get(self, name: str, lang: Lang = "zh") -> TemplateInfo:
        return self._client.get(paths.TEMPLATE, TemplateInfo, {"lang": lang}, name=name)

    def save(
        self,
        name: str,
        dataset: str,
        since: str = "",
        to: str = paths.DEFAULT_BRANCH,
        *,
        title: str = "",
        description: str = "",
        parameters: tuple[TemplateParameter, ...] = (),
    ) -> TemplateInfo:
        """The edits after version `since` ("" = from the import on) up to and with `to`."""
        given = {"name": name, "title": title, "description": description, "dataset": dataset}
        body = TemplateCreate.model_validate({**given, "from": since, "to": to, "parameters": parameters})
        content = body.model_dump_json(by_alias=True)
        reply = self._client.request("POST", paths.TEMPLATES, names={}, content=content)
        return TemplateInfo.model_validate_json(reply.content)

    def remove(self, name: str) -> None:
        self._client.request("DELETE", paths.TEMPLATE, names={"name": name})

    def fit(self, name: str, dataset: str, use: TemplateUse, lang: Lang = "zh") -> TemplateFit:
        """What would run and all that stands in the way; nothing runs."""
        reply = self._client.request(
            "POST",
            paths.TEMPLATE_FIT,
            names={"dataset": dataset, "name": name},
            params={"lang": lang},
            content=use.model_dump_json(),
        )
        return TemplateFit.model_validate_json(reply.content)

    def run(self, name: str, dataset: str, use: TemplateUse, lang: Lang = "zh") -> Task:
        """One task with all steps, or `Refused` with every misfit."""
        reply = self._client.request(
            "POST",
            paths.TEMPLATE_RUNS,
            names={"dataset": dataset, "name": name},
            params={"lang": lang},
            content=use.model_dump_json(),
        )
        return Task.model_validate_json(reply.content)

    def sentences(self, lang: Lang = "zh") -> list[Sentence]:
        return list(self._client.pages(paths.SENTENCES, Sentence, {"lang": lang}))


def use(
    columns: dict[str, str], values: dict[str, JsonValue], branch: str = paths.DEFAULT_BRANCH
) -> TemplateUse:
    return TemplateUse(mapping=columns, values=values, branch=branch)
