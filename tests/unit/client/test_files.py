"""Files that commands write: whole or not at all, and every refusal a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from retort_client.cli.files import new_file, read_text, usable_name, wanted
from retort_core.errors import BadInput


def test_a_failed_export_leaves_what_stood_there_and_no_draft(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("earlier")
    with pytest.raises(TypeError), new_file(path, "en", force=True) as target:
        target.writelines([b"half", None])  # type: ignore[list-item]
    assert [(found.name, found.read_text()) for found in tmp_path.iterdir()] == [("out.csv", "earlier")]


def test_a_finished_export_is_whole_and_readable_by_others(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    with new_file(path, "en", force=False) as target:
        target.write(b"a,b")
        assert not path.exists()
    assert path.read_bytes() == b"a,b"
    assert path.stat().st_mode & 0o400


@pytest.mark.parametrize("lang", ["zh", "en"])
def test_a_place_that_cannot_be_written_is_a_sentence(tmp_path: Path, lang: str) -> None:
    with (
        pytest.raises(BadInput, match="nowhere"),
        new_file(tmp_path / "nowhere" / "x.csv", lang, force=False),
    ):  # type: ignore[arg-type]
        pass


def test_a_file_that_exists_is_not_replaced_unasked(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("earlier")
    with pytest.raises(BadInput, match="--force"), new_file(path, "en", force=False):
        pass
    assert path.read_text() == "earlier"


def test_a_report_is_not_written_under_the_name_of_another_format() -> None:
    assert wanted(Path("r.XLSX"), ("xlsx",), "en") == "xlsx"
    with pytest.raises(BadInput, match="xlsx"):
        wanted(Path("r.pdf"), ("xlsx",), "en")


@pytest.mark.parametrize("name", ["a/b", "", "-x", ".x", "a~1", "a\nb", "x" * 101])
def test_names_the_service_would_refuse_are_refused_with_a_sentence(name: str) -> None:
    with pytest.raises(BadInput, match="cannot be a name"):
        usable_name(name, "en")


def test_a_script_that_is_no_text_is_refused_with_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadInput, match=r"s\.py cannot be read"):
        read_text(path, "en")
