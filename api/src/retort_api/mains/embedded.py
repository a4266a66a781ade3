"""The whole product as one Linux process: SQLite, a folder, local confined workers, one local user.

`retort up` and `python -m retort_api.mains.embedded` come here. It listens on loopback only, says which barriers a
worker of its own has really put up, and goes down cleanly: what was under way is asked for again at the next start.
With `--accounts` people log in, and it may listen elsewhere too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import json
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI

from retort_api.access.access import Access, local
from retort_api.access.gate import TaskGate
from retort_api.access.settings import AccessSettings
from retort_api.app import VERSION, already_open, create_app
from retort_api.audit.recorder import Recorder
from retort_api.commits.differences import Differences
from retort_api.kit.watching.settings import WatchSettings
from retort_api.kit.watching.watch import Watch
from retort_api.local.driver import Driver
from retort_api.local.sandboxes import LocalSandboxes
from retort_api.mains import parts, people
from retort_api.mains.logs import configure_logs
from retort_api.mains.planners import Chosen, choose
from retort_api.mains.serving import LOOPBACK, Listener, listening, until_signal
from retort_api.mains.stores import Opening, Stores, default_project, locked, on_this_machine, prepared
from retort_api.mains.watching import health_of, heard, last_day, metrics_listener, watching
from retort_api.projects.quotas import Quotas
from retort_api.projects.rows import ProjectRows
from retort_api.retention import Retention
from retort_api.runs.preparation import Planner
from retort_api.services import Services
from retort_api.settings import Settings
from retort_api.tasks.store import Rows
from retort_core.errors import IsolationMissing, PolicyDenied, RetortError
from retort_core.http.datasets import About, Barrier, Limit
from retort_core.probing import probe
from retort_planner.suggestions import suggest

EXECUTOR: Final = "retort_executor.worker:main"
ELSEWHERE: Final = (
    "Retort executes code only behind Linux barriers (seccomp, Landlock); this system has none. In a container:\n"
    "  docker run --rm -it -p 127.0.0.1:8765:8765 -v retort:/data retort:latest retort up --home /data"
)


@contextlib.asynccontextmanager
async def opened(
    settings: Settings,
    planner: Planner | None = None,
    known: AccessSettings | None = None,
    opening: Opening = on_this_machine,
    watch: Watch | None = None,
) -> AsyncIterator[Services]:
    """Everything wired; leaving the block takes it down in the opposite order. `known`: with accounts."""
    home, watch = prepared(settings.home), watch or Watch()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(locked(home))
        crews = stack.enter_context(parts.threads())
        stores = await stack.enter_async_context(opening(home))
        database = stores.database
        await default_project(database)
        executor, intake = pools(settings)
        for one in (executor, intake):
            stack.push_async_callback(one.close)
            await one.open()
        await asyncio.to_thread(proven)
        chosen = (
            Chosen(planner, "given")
            if planner
            else await asyncio.to_thread(choose, settings, heard(watch.metrics), crews.models)
        )
        secrets = people.secrets_of(home, known)
        access, quotas = local(settings.user), Quotas(database)
        if known is not None:
            access = await stack.enter_async_context(people.accounts(known, secrets, database))
            quotas = people.quotas(known, database)
        doors = Doors(
            access=access, recorder=people.recorder(secrets, database, settings.llm_model), quotas=quotas
        )
        services, driver = wired(settings, home, stores, Hands(executor, intake, crews), chosen, doors, watch)
        stack.push_async_callback(driver.close)
        await driver.open()
        retention = Retention(database, settings.events_days)
        stack.push_async_callback(retention.close)
        retention.open()
        yield services


@dataclass(frozen=True, kw_only=True)
class Doors:
    """Who comes in, and what is written down of it."""

    access: Access
    recorder: Recorder
    quotas: Quotas


@dataclass(frozen=True)
class Hands:
    """Who does what takes long: behind walls, and in threads."""

    executor: LocalSandboxes
    intake: LocalSandboxes
    crews: parts.Crews


def proven() -> None:
    """Every barrier is tried by a worker that wants out, next to a process that may; without proof nothing runs."""
    report = probe()
    if not report.proven:
        raise IsolationMissing(
            "The barriers around runs are not proven here:\n" + "\n".join(report.lines("en"))
        )


def pools(settings: Settings) -> tuple[LocalSandboxes, LocalSandboxes]:
    threads = os.cpu_count() or 1
    return (
        LocalSandboxes(EXECUTOR, threads, target=1, capacity=settings.sandboxes),
        LocalSandboxes(parts.INTAKE, threads, target=1, capacity=settings.sandboxes),
    )


def wired(
    settings: Settings,
    home: Path,
    stores: Stores,
    hands: Hands,
    chosen: Chosen,
    doors: Doors,
    watch: Watch,
) -> tuple[Services, Driver]:
    executor = hands.executor
    on = parts.stored(stores.database, stores.objects, stores.signal, settings)
    gate = TaskGate(stores.database, doors.recorder, doors.quotas, strangers=True)
    runs = parts.running(on, hands.intake, settings, home / "spool", watch)
    work = parts.driven(on, chosen, runs, gate, watch)
    driver = Driver(stores.database, work, executor, on.signal)
    work.wake = driver.wake
    services = Services(
        settings=settings,
        database=stores.database,
        objects=stores.objects,
        library=on.library,
        log=on.log,
        comparing=on.comparing,
        differences=Differences(on.library.snapshots),
        projects=ProjectRows(on.database),
        tasks=Rows(on.database),
        waker=driver,
        signal=on.signal,
        access=doors.access,
        recorder=doors.recorder,
        quotas=doors.quotas,
        about=about(settings, executor.hello, chosen.name),
        suggest=suggest,
        spool=home / "spool",
        exports=hands.crews.exports,
    )
    return services, driver


def about(settings: Settings, hello: dict[str, Any], planner: str) -> About:
    """What the first worker reported to have put up around itself, after trying each."""
    enforced = hello.get("enforced", {})
    details = enforced.get("details", {})
    return About(
        version=VERSION,
        barriers=tuple(
            Barrier(name=name, enforced=True, detail=str(details.get(name, "")))
            for name in enforced.get("barriers", ())
        ),
        limits=(
            Limit(name="run", value=settings.run_seconds, unit="seconds"),
            Limit(name="memory", value=settings.memory_bytes, unit="bytes"),
            Limit(name="output", value=settings.output_bytes, unit="bytes"),
            Limit(name="upload", value=settings.upload_bytes, unit="bytes"),
            Limit(name="sandboxes", value=settings.sandboxes, unit="each kind"),
        ),
        versions={"python": sys.version.split()[0], "landlock": str(enforced.get("landlock_abi", ""))},
        planner=planner,
        features=parts.FEATURES,
    )


def create(settings: Settings, planner: Planner | None = None) -> FastAPI:
    return create_app(partial(opened, settings, planner), LOOPBACK, settings.body_bytes)


# -- the process -------------------------------------------------------------------------------------------


def may_listen(settings: Settings, known: AccessSettings | None) -> None:
    if settings.host not in LOOPBACK and known is None:
        raise PolicyDenied(
            f"{settings.host} is not loopback. Without accounts (--accounts) the service listens on this machine only."
        )


async def first_admin(services: Services, home: Path, known: AccessSettings | None) -> Path | None:
    if known is None:
        return None
    return await people.first_admin(known, people.secrets_of(home, known), services.access)


def greeting(found: About, url: str, home: Path, token: Path | None, *, as_json: bool) -> str:
    """`token`: the file whose content opens the first account."""
    if as_json:
        first = {"first_admin": str(token)} if token is not None else {}
        return json.dumps({"url": url, "home": str(home), "about": found.model_dump(mode="json"), **first})
    barriers = ", ".join(barrier.name for barrier in found.barriers if barrier.enforced)
    limits = ", ".join(f"{limit.name} {limit.value} {limit.unit}" for limit in found.limits)
    return (
        f"Retort {found.version} is ready at {url}\n  data      {home}\n  barriers  {barriers}\n  limits    {limits}"
        + (
            f"\n  There is no account yet: retort register NAME --invitation-file {token}"
            if token is not None
            else ""
        )
    )


async def serve(
    settings: Settings,
    known: AccessSettings | None = None,
    opening: Opening = on_this_machine,
    *,
    as_json: bool,
) -> None:
    """Until a signal. Services are opened before the server, so that what cannot start says why and nothing else."""
    may_listen(settings, known)
    bound = listening(settings.host, settings.port)
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    url = f"http://{host}:{bound.getsockname()[1]}"
    home = settings.home.expanduser().resolve()
    with bound:
        async with (
            watching("service", people=known is not None) as watch,
            opened(settings, known=known, opening=opening, watch=watch) as services,
            metrics_listener(
                WatchSettings(),
                watch.metrics,
                health_of(services.database, services.objects),
                last_day(services.database),
            ),
        ):
            token = await first_admin(services, home, known)
            hosts = (*LOOPBACK, *(known.hosts if known is not None else ()))
            app = create_app(already_open(services), hosts, settings.body_bytes, watch)
            trusted = known.trusted_proxies if known is not None else ""

            def ready() -> None:
                text = greeting(services.about, url, home, token, as_json=as_json)
                print(text, flush=True)  # noqa: T201 - the answer of the command

            gc.collect()
            gc.freeze()  # words and routes stay for good; looking through them again and again stalled a task by 0.2 s
            await until_signal(Listener(app=app, socket=bound, proxies=trusted, ready=ready))


def main(arguments: list[str] | None = None) -> None:
    """`retort up`."""
    parser = argparse.ArgumentParser(prog="retort up", description="Serve Retort on this machine.")
    parser.add_argument("--home", type=Path, help="folder of the data")
    parser.add_argument("--host", help="loopback address to listen on")
    parser.add_argument("--port", type=int, help="port; 0 = any free one")
    parser.add_argument("--accounts", action="store_true", help="people log in (RETORT_… settings of people)")
    parser.add_argument("--json", action="store_true", help="the ready line as JSON")
    given = {name: value for name, value in vars(parser.parse_args(arguments)).items() if value is not None}
    as_json = bool(given.pop("json"))
    known = AccessSettings() if given.pop("accounts") else None
    if sys.platform != "linux":
        sys.exit(ELSEWHERE)
    configure_logs()
    try:
        asyncio.run(serve(Settings(**given), known, as_json=as_json))
    except RetortError as error:
        sys.exit(f"retort up: {error.message}")


if __name__ == "__main__":
    main()
