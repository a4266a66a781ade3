"""The reference page names every finding that reading can make, with its severity, and no other."""

import re
from pathlib import Path

import retort_executor.reading as reading

ROOT = Path(__file__).resolve().parents[4]


def test_every_finding_stands_in_the_reference_page():
    source = "\n".join(path.read_text() for path in Path(reading.__file__).parent.glob("*.py"))
    made = set(re.findall(r'\.find\(\s*"([a-z0-9-]+)",\s*"([a-z]+)"', source))
    page = (ROOT / "docs" / "reference" / "reading.md").read_text()
    described = set(re.findall(r"^\| `([a-z0-9-]+)` \| (info|warning|error) \|", page, re.MULTILINE))
    assert made == described
