"""One call shape to an OpenAI-compatible endpoint: messages and a JSON schema in, text and token counts out.

Errors of the endpoint become `ModelUnavailable`; the caller falls back to the rules. Its library takes half a second
to load, so only what has an endpoint imports this module.
"""

from __future__ import annotations

import time
from typing import Any

import openai

from retort_planner.model.calls import Answer, Call, Endpoint, Messages, ModelUnavailable, Rung, Told, unheard

# A plan of ten steps is about 600 tokens; more is a model that repeats itself.
MAX_TOKENS = 1_500


def _form(rung: Rung, schema: dict[str, Any]) -> dict[str, Any]:
    named = {"name": "plan", "schema": schema, "strict": True}
    match rung:
        case Rung.json_schema:
            return {"response_format": {"type": "json_schema", "json_schema": named}}
        case Rung.structured_outputs:
            return {"extra_body": {"structured_outputs": {"json": schema}}}
        case Rung.json_object:
            return {"extra_body": {"response_format": {"type": "json_object", "schema": schema}}}
        case Rung.text:
            return {}


class ModelClient:
    """Blocking client (the planner runs in a thread); temperature 0 and a fixed seed: same words, same plan."""

    def __init__(self, endpoint: Endpoint, told: Told = unheard) -> None:
        """`told` hears of every call, from the thread that made it."""
        self.endpoint, self._told = endpoint, told
        # Some servers refuse an empty key; none of ours reads this placeholder.
        self._openai = openai.OpenAI(
            base_url=endpoint.url, api_key=endpoint.key or "none", timeout=endpoint.seconds, max_retries=1
        )

    def ask(self, messages: Messages, schema: dict[str, Any], rung: Rung) -> Answer:
        """Raises ModelUnavailable; the text may still be anything."""
        started = time.monotonic()
        try:
            answer = self._answer(messages, schema, rung)
        except ModelUnavailable as error:
            outcome = str(error.details.get("outcome", "unreachable"))
            self._told(Call(outcome=outcome, seconds=time.monotonic() - started))
            raise
        seconds = time.monotonic() - started
        self._told(
            Call(
                outcome="answered", seconds=seconds, tokens_in=answer.tokens_in, tokens_out=answer.tokens_out
            )
        )
        return answer

    def _answer(self, messages: Messages, schema: dict[str, Any], rung: Rung) -> Answer:
        try:
            reply = self._openai.chat.completions.create(
                model=self.endpoint.model,
                messages=messages,  # type: ignore[arg-type]  # plain dicts of the documented shape
                temperature=0,
                seed=7,
                max_completion_tokens=MAX_TOKENS,
                **_form(rung, schema),
            )
        except openai.APIStatusError as error:
            raise ModelUnavailable(
                f"The model's server answered {error.status_code}.",
                status=error.status_code,
                outcome="refused",
            ) from error
        except openai.OpenAIError as error:
            raise ModelUnavailable(
                f"The model's server cannot be reached ({type(error).__name__})."
            ) from error
        if not reply.choices:
            raise ModelUnavailable("The model's server answered without a choice.", outcome="empty")
        usage = reply.usage
        return Answer(
            text=reply.choices[0].message.content or "",
            tokens_in=usage.prompt_tokens if usage else 0,
            tokens_out=usage.completion_tokens if usage else 0,
        )

    def close(self) -> None:
        self._openai.close()
