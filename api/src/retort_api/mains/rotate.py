"""`python -m retort_api.mains.rotate`: a new key signs people's sessions from now on; older ones are accepted as before.

Running services look at the file every few seconds; nobody is logged out and nothing is restarted. Eight keys are kept.
The key that the audit is sealed with is never changed: older seals could not be checked any more.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from retort_api.access.settings import AccessSettings
from retort_api.access.signing import rotated
from retort_api.mains.people import SIGNING, secrets_of
from retort_api.settings import Settings
from retort_core.errors import RetortError


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="retort_api.mains.rotate", description="Sign sessions with a new key."
    )
    parser.add_argument(
        "--secrets", type=Path, help="folder of signing.json; else RETORT_SECRETS or the home's"
    )
    given = parser.parse_args(arguments)
    folder = given.secrets or secrets_of(Settings().home.expanduser(), AccessSettings())
    try:
        ring = rotated(folder / SIGNING)
    except RetortError as error:
        sys.exit(f"rotate: {error.message}")
    print(f"{ring.keys[0].kid} signs from now on; {len(ring.keys)} keys are accepted.")  # noqa: T201 - the answer


if __name__ == "__main__":
    main()
