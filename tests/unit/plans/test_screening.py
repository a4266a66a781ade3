"""Screening refuses early and in words; what it lets through still runs confined."""

from __future__ import annotations

import pytest

from retort_core.errors import ScriptRefused
from retort_plans.screening import MOST_CHARS, screen

RUN = "def run(table):\n    return table\n"


@pytest.mark.parametrize(
    "source",
    [
        RUN,
        f"import polars as pl\nimport math, re\nfrom datetime import date\n{RUN}",
        "import polars as pl\n\ndef run(table: pl.DataFrame) -> pl.DataFrame:\n    return table.filter(pl.col('年龄') > 18)\n",
        "def run(table, limit=3):\n    return table.head(limit)\n",
        f"{RUN}\nif __name__ == '__main__':\n    import sys\n    import polars as pl\n    run(pl.read_parquet(sys.argv[1]))\n",
        "def run(table):\n    return {'table': table.select('a').unique()}\n",
        'LABEL = "{0} von {1}"\ndef run(table):\n    return table.rename({"__a": "a"})\n',
    ],
)
def test_ordinary_scripts_pass(source: str) -> None:
    screen(source)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("import os", "import of os"),
        ("import polars.io as x", "polars.io"),
        ("from . import x", "import of ."),
        ("from json import codecs", "codecs"),
        ("import json; json.codecs.open('/etc/passwd')", "open|codecs"),
        ("import statistics; statistics.sys.modules", "modules|sys"),
        ("open('/etc/passwd')", "open is not available"),
        ("eval('1')", "eval"),
        ("f = exec", "exec"),
        ("__import__('os')", "__import__"),
        ("getattr(1, 'real')", "getattr"),
        ("().__class__.__mro__", "underscore"),
        ("(lambda: 0).__globals__", "underscore"),
        ("__builtins__", "__builtins__"),
        ("'{0.__class__}'.format(1)", "format"),
        ("'{x[0].__init__}'.format(x=[1])", "format"),
        ("import polars as pl; pl.read_csv('/etc/passwd')", "read_csv"),
        ("import polars as pl; pl.scan_parquet('http://x')", "scan_parquet"),
        ("import polars as pl; x = pl.DataFrame().write_csv", "write_csv"),
        ("import polars as pl; pl.LazyFrame.deserialize(b'')", "deserialize"),
        ("import operator; operator.attrgetter('x')", "attrgetter"),
        ("if __name__ == '__main__':\n    pass\nelse:\n    import os", "import of os"),
        ("if __name__ != '__main__':\n    import os", "import of os"),
    ],
)
def test_ways_out_are_refused_with_their_line(line: str, says: str) -> None:
    with pytest.raises(ScriptRefused, match=says) as refused:
        screen(f"{RUN}\n{line}\n")
    assert refused.value.details["line"] >= 4


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("", "define run"),
        ("run = 3", "define run"),
        ("def run():\n    return 1\n", "one argument"),
        ("def run(a, b):\n    return a\n", "one argument"),
        ("def run(a, *, b):\n    return a\n", "one argument"),
        ("def run(table)\n", "line 1"),
        ("def run(table):\n    return '\x00'", "Python"),
        (RUN + "#" * MOST_CHARS, "more than"),
        (RUN + "x = " + "(" * 5000 + ")" * 5000, "Python"),
    ],
)
def test_what_is_no_script_says_why(source: str, says: str) -> None:
    with pytest.raises(ScriptRefused, match=says):
        screen(source)
