"""What the terminal remembers survives commands, damage and two services."""

from __future__ import annotations

import pytest

from retort_client.cli import state
from retort_client.cli.loading import dataset_name


@pytest.fixture(autouse=True)
def _own_state(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("RETORT_STATE", str(tmp_path))


def test_each_service_has_its_own_current_dataset() -> None:
    state.save("http://127.0.0.1:1", state.Current(dataset="a"))
    state.save("http://127.0.0.1:2", state.Current(dataset="b"))
    assert state.load("http://127.0.0.1:1").dataset == "a"


def test_a_damaged_file_is_forgotten_not_fatal() -> None:
    state.save("u", state.Current(dataset="a"))
    state.state_file().write_text("[1")
    assert state.load("u") == state.Current()


@pytest.mark.parametrize(
    ("filename", "name"),
    [
        ("a.b.csv", "a.b"),
        ("满意度 调查.xlsx", "满意度 调查"),
        ("-x.csv", "x"),
        ("~.csv", "_"),
        ("...csv", "data"),
    ],
)
def test_a_dataset_is_named_after_its_file(tmp_path, filename: str, name: str) -> None:
    assert dataset_name(tmp_path / filename) == name
