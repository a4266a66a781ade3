"""No secret reaches a log line, by whatever name or in whatever text it comes; what is none is left as it is."""

from __future__ import annotations

import json

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from retort_api.kit.watching.redaction import GONE, redact

SECRET = "hunter2hunter2"
JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"


def logged(**event: object) -> str:
    written = structlog.processors.JSONRenderer(ensure_ascii=False)
    return str(written(None, "info", redact(None, "info", {"event": "x", **event})))


@pytest.mark.parametrize("name", [
    "password", "new_password", "PASSWORD", "token", "refresh_token", "authorization", "Authorization", "proxy-authorization",
    "cookie", "set-cookie", "api_key", "apikey", "secret", "client_secret", "llm_key", "session_key", "access_key",
    "credentials", "invitation", "signature", "passphrase", "private_key",
])  # fmt: skip
def test_a_field_of_a_telling_name_is_not_written(name: str) -> None:
    for value in (SECRET, [SECRET], {"a": SECRET}, SECRET.encode()):
        assert SECRET not in logged(**{name: value})
        assert SECRET not in logged(inside={"deep": [{name: value}]})


@pytest.mark.parametrize("text", [
    f"Authorization: Bearer {SECRET}", f"authorization=Basic {SECRET}", f"bearer {SECRET}",
    f"postgresql://retort:{SECRET}@db.example:5432/x", f"could not open https://u:{SECRET}@host/path?x=1",
    f"GET /x?token={SECRET}&a=1", f"/x?a=1&X-Amz-Signature={SECRET}", f"/callback?code={SECRET}", f"?key={SECRET}",
    f"host=db password={SECRET} user=a", f"password='{SECRET} more' x", f'{{"password": "{SECRET}"}}',
    f"RETORT_LLM_KEY={SECRET}", f"'refresh_token': '{SECRET}'",
])  # fmt: skip
def test_a_secret_inside_a_text_is_not_written(text: str) -> None:
    assert SECRET not in logged(message=text)
    assert SECRET not in logged(exception=f"Traceback\n  File x\nValueError: {text}\n")
    assert GONE in logged(message=text)


@pytest.mark.parametrize("text", [JWT, "rtk_" + "a1" * 36, "rti_" + "b2" * 20, "sk-proj-abcdefgh12345"])
def test_tokens_are_known_by_their_looks(text: str) -> None:
    assert text not in logged(message=f"got {text} from somewhere", other=[text])


@pytest.mark.parametrize("text", [
    "GET /api/v1/projects/{project}/datasets", "the task of 4bf92f35 is over", "http://127.0.0.1:8765/x?limit=5",
    "Retort is ready", "3 rows of 100", "删除 3 行", "basic figures", "a bearer of news",
])  # fmt: skip
def test_what_is_no_secret_is_left_as_it_is(text: str) -> None:
    assert json.loads(logged(message=text))["message"] == text


class Counted(BaseModel):
    count: int


@pytest.mark.parametrize(
    "cell", ["张三 13800000000", "x, input_type=str]\n [type=q, input_value='y", {"a": ["b"]}]
)
def test_regression_cells_stood_in_the_tracebacks_of_values_that_do_not_fit(cell: object) -> None:
    with pytest.raises(ValidationError) as caught:
        Counted.model_validate({"count": cell})
    line = logged(exception=f"Traceback\n{caught.value}")
    assert "Input should be a valid integer" in line
    assert repr(cell)[1:6] not in line


def test_counts_of_tokens_are_no_secrets() -> None:
    assert json.loads(logged(tokens_in=11, tokens_out=7)) == {"event": "x", "tokens_in": 11, "tokens_out": 7}


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner) | st.tuples(inner),
    max_leaves=20,
)


@given(VALUES)
def test_any_value_can_be_written(value: object) -> None:
    assert json.loads(logged(value=value))["event"] == "x"
