"""The service on real servers: records in a PostgreSQL, objects in an S3, people with accounts.

`retort serve` and `python -m retort_api.mains.api` come here; everything is set by the environment (`RETORT_…`). Tasks are
driven and run by this process behind the same walls as on one machine, so one process at a time drives a database; who
wants runs in Pods and several replicas takes the cluster's mains.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from retort_api.access.settings import AccessSettings
from retort_api.mains.embedded import ELSEWHERE, serve
from retort_api.mains.logs import configure_logs
from retort_api.mains.stores import on_servers
from retort_api.settings import Settings
from retort_core.errors import RetortError


def main(arguments: list[str] | None = None) -> None:
    """`retort serve`."""
    parser = argparse.ArgumentParser(prog="retort serve", description="Serve Retort on PostgreSQL and S3.")
    parser.add_argument("--home", type=Path, help="folder of this process: spool, cache, secrets")
    parser.add_argument("--host", help="address to listen on")
    parser.add_argument("--port", type=int, help="port; 0 = any free one")
    parser.add_argument("--no-accounts", action="store_true", help="one user, on loopback only")
    parser.add_argument("--json", action="store_true", help="the ready line as JSON")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    as_json = bool(given.pop("json"))
    known = None if given.pop("no_accounts") else AccessSettings()
    if sys.platform != "linux":
        sys.exit(ELSEWHERE)
    configure_logs()
    try:
        asyncio.run(serve(Settings(**given), known, on_servers, as_json=as_json))
    except RetortError as error:
        sys.exit(f"retort serve: {error.message}")


if __name__ == "__main__":
    main()
