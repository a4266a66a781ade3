"""`retort up` with a model: the endpoint's words become a confined run like any other; without it the rules serve."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest
from answering import Answering, answering

PLAN = {
    "outcome": "plan",
    "title": "按年龄排序",
    "steps": [{"op": "sort_rows", "keys": [{"column": "年龄", "descending": True}]}],
}


@pytest.fixture
def endpoint():
    """An OpenAI-compatible server that honours json_schema: probes are obeyed, other requests get the plan."""

    class Handler(Answering):
        def answer(self) -> None:
            schema = json.loads(self.body).get("response_format", {}).get("json_schema", {}).get("schema", {})
            word = schema.get("properties", {}).get("word")
            text = json.dumps({"word": word["enum"][0]} if word else PLAN, ensure_ascii=False)
            message = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}
            self.reply(
                json.dumps(
                    {"id": "1", "object": "chat.completion", "created": 0, "model": "m", "choices": [message]}
                ).encode()
            )

    with answering(Handler) as url:
        yield f"{url}/v1"


def stopped(service: Any) -> None:
    service.http.close()
    with service.process as process:
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0


def test_words_the_rules_do_not_know_run_by_the_models_plan(tmp_path, endpoint, start_service) -> None:
    service = start_service(
        tmp_path / "home", RETORT_LLM_URL=endpoint, RETORT_LLM_MODEL="m", RETORT_LLM_KEY="s3cret"
    )
    try:
        about = service.get("/api/v1/about").json()
        assert about["planner"] == "rules, then m (schema by json_schema)"
        assert "s3cret" not in json.dumps(about)
        assert service.upload("a")["phase"] == "Complete"
        task = service.say("a", service.converse("a"), "麻烦把那个表捯饬得利索点儿")
        assert task["phase"] == "Complete", task["status"]["failure"]
        assert task["status"]["plan"]["planner"] == "model"
        page = service.get(
            "/api/v1/projects/default/datasets/a/commits/main/table", params={"limit": 2}
        ).json()
        assert [row[2] for row in page["rows"]] == [57, 57]
    finally:
        stopped(service)


def test_an_endpoint_that_is_not_there_leaves_the_rules_and_says_so(tmp_path, start_service) -> None:
    service = start_service(tmp_path / "home", RETORT_LLM_URL="http://127.0.0.1:9/v1", RETORT_LLM_MODEL="m")
    try:
        assert "cannot be reached" in service.get("/api/v1/about").json()["planner"]
    finally:
        stopped(service)
