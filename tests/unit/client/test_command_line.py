"""The program as typed: what it refuses, it refuses with one sentence, never with a traceback."""

from __future__ import annotations

from pathlib import Path

import pytest

from retort_client.cli.main import main


@pytest.fixture(autouse=True)
def _alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No service, no memory, no dataset chosen elsewhere."""
    for name in ("RETORT_DATASET", "RETORT_PROJECT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("RETORT_STATE", str(tmp_path))
    monkeypatch.setenv("RETORT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("RETORT_LANG", "en")
    monkeypatch.chdir(tmp_path)


def said(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["retort", *arguments])
    with pytest.raises(SystemExit) as left:
        main()
    assert left.value.code == 1
    return " ".join(capsys.readouterr().err.split())


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("say", ""), "The instruction is empty"),
        (("say", "把年龄" * 3400), "has 10,200 characters, at most 10,000"),
        (("--dataset", "d", "branch", "a/b"), "“a/b” cannot be a name"),
        (("--dataset", "d", "export", "-o", "nowhere/x.csv", "main"), "nowhere/x.csv cannot be written"),
        (("--dataset", "d", "export", "-o", "x.doc", "main"), "must be one of csv, xlsx, parquet"),
        (("--dataset", "d", "report", "-o", "r.pdf", "main"), "must be one of xlsx"),
        (("datasets",), "No Retort service answers"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else None,
)
def test_a_refusal_is_one_sentence(
    arguments: tuple[str, ...],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert sentence in said(capsys, monkeypatch, *arguments)
