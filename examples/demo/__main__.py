"""`make demo`: tells the stories and ends with status 1 when any figure differs from the truth."""

from __future__ import annotations

import sys
import time

from rich.console import Console
from stage import Stage, service
from story import telling


def main() -> int:
    console = Console(width=110, highlight=False, force_terminal=sys.stdout.isatty())
    began = time.monotonic()
    with service() as (client, folder):
        stage = Stage(client=client, console=console, folder=folder)
        telling(stage)
    console.print(f"\n{stage.checked} figures checked in {time.monotonic() - began:.1f} s")
    for problem in stage.wrong:
        console.print(f"WRONG: {problem}", style="bold red", markup=False)
    return 1 if stage.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
