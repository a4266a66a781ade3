"""Inside the sandbox no path can be opened: whatever reading needs is loaded when it is imported."""

import io
import os
import subprocess
import sys

import polars as pl

CHILD = """
import os, sys
from retort_executor.reading import read
from retort_core.errors import UnreadableFile

def closed(event, arguments):
    if event == "import" or (event == "open" and isinstance(arguments[0], (str, bytes))):
        if event == "open" or arguments[0] not in sys.modules:
            raise PermissionError(f"{event}: {arguments[0]}")

def descriptor(content):
    fd = os.memfd_create("f")
    os.write(fd, content)
    return fd

files = [(name, descriptor(open(name, "rb").read())) for name in sys.argv[1:]]
sys.addaudithook(closed)
for name, fd in files:
    table, report = read(fd, name, {})
    print(os.path.basename(name), table.height, report["encoding"] or report["format"])
"""


def test_every_reader_works_without_another_import_or_path(tmp_path, workbook, old_workbook):
    text = "姓名,城市\n张三,北京市\n李四,上海市\n"
    out = io.BytesIO()
    pl.DataFrame({"a": [1, 2], "l": [[1], [2]], "t": ["x", "y"]}).write_parquet(out)
    files = {
        "1.csv": text.encode(),
        "2.csv": text.encode("gb18030"),
        "3.csv": text.encode("utf-16"),
        "4.csv": "name,town\nMüller,Köln\nJäger,Düren\n".encode("cp1252"),
        "5.csv": b'a,b\n1\n2,"3\n',
        "6.csv": ("姓名,城市\n" + "陳大文,臺北市中正區重慶南路\n" * 40).encode("big5"),
        "7.xlsx": workbook({"s": [["a", "b"], [1, "#N/A"], [2, 3]]}),
        "8.xls": old_workbook([["a"], ["x"], ["y"]]),
        "9.parquet": out.getvalue(),
    }
    for name, content in files.items():
        (tmp_path / name).write_bytes(content)
    paths = [str(tmp_path / name) for name in files]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, *paths],
        capture_output=True,
        text=True,
        check=False,
        env=dict(os.environ),
    )
    assert done.returncode == 0, done.stderr
    assert [line.split()[0] for line in done.stdout.splitlines()] == list(files)
