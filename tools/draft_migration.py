"""Draft the next revision: what the tables have and the revisions do not. Read it before it is committed.

    python tools/draft_migration.py NAME "what it is for"

The file is `versions/NNNN_NAME.py`, the sentence its docstring.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import sqlalchemy as sa
from alembic import command

from retort_api.kit.database import Database
from retort_api.migrations import schema

TYPES = "from retort_api.kit.metadata import Big, Moment, name_type\n"


def draft(connection: sa.Connection, what: str) -> None:
    config = schema.configuration(connection)
    command.upgrade(config, "head")
    command.revision(config, what, autogenerate=True, rev_id=f"{int(schema.HEAD) + 1:04}")


async def drafted(what: str) -> Path:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite+aiosqlite:///{folder}/empty.db")
        async with database.write() as connection:
            await connection.run_sync(draft, what)
        await database.close()
    return max((schema.FOLDER / "versions").glob("[0-9]*.py"))


def tidy(text: str) -> str:
    text = re.sub(
        r"retort_api\.kit\.metadata\.|(?<=Moment\()timezone=True|^ *# ###.*\n", "", text, flags=re.MULTILINE
    )
    return text.replace("from alembic import op\n", f"from alembic import op\n\n{TYPES}")


def main() -> None:
    name, what = sys.argv[1:]
    drawn = asyncio.run(drafted(what))
    path = drawn.with_name(f"{drawn.name[:4]}_{name}.py")
    drawn.rename(path).write_text(tidy(path.read_text()))
    for arguments in (["check", "--fix"], ["format"]):
        subprocess.run([sys.executable, "-m", "ruff", *arguments, "--quiet", str(path)], check=True)
    print(path)


if __name__ == "__main__":
    main()
