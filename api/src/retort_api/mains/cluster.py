"""The service in a cluster: any number of replicas, each with a listener for people and one for the operator.

`python -m retort_api.mains.cluster`. Nothing is run here: the operator decides, brokers run. What a replica holds is lost
with it, and is asked for again. Settings come from the environment (`RETORT_…`), which the chart sets.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Final

from retort_api.access.cluster import Cluster, in_pod
from retort_api.access.gate import TaskGate
from retort_api.access.settings import AccessSettings
from retort_api.app import VERSION, already_open, create_app
from retort_api.cluster.acts import Acts
from retort_api.cluster.app import internal_app
from retort_api.cluster.endpoints import Internal, tasks
from retort_api.cluster.namespaces import Namespaces
from retort_api.cluster.objects import Objects
from retort_api.cluster.service import TaskDesk
from retort_api.cluster.settings import ClusterSettings, secret
from retort_api.cluster.wakes import Wakes
from retort_api.commits.differences import Differences
from retort_api.kit.watching.settings import WatchSettings
from retort_api.kit.watching.watch import Watch
from retort_api.mains import parts, people
from retort_api.mains.logs import configure_logs
from retort_api.mains.planners import choose
from retort_api.mains.serving import LOOPBACK, Listener, listening, until_signal
from retort_api.mains.stores import locked, prepared, shared
from retort_api.mains.watching import health_of, heard, last_day, metrics_listener, watching
from retort_api.retention import Retention
from retort_api.services import Services
from retort_api.settings import Settings
from retort_core.errors import RetortError
from retort_core.http.datasets import About, Limit
from retort_planner.suggestions import suggest

DRAIN_SECONDS: Final = 10  # plans and moved branches under way may end; what does not is asked for again


@dataclass(frozen=True, kw_only=True)
class Replica:
    services: Services
    internal: Internal


@contextlib.asynccontextmanager
async def opened(
    settings: Settings, known: AccessSettings, cluster: ClusterSettings, watch: Watch
) -> AsyncIterator[Replica]:
    """Everything wired; leaving the block takes it down in the opposite order."""
    home = prepared(settings.home)
    token = secret(cluster.internal_token_file, "INTERNAL_TOKEN_FILE").decode()
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(locked(home))
        crews = stack.enter_context(parts.threads())
        stores = await stack.enter_async_context(shared(home))
        on = parts.stored(stores.database, stores.objects, stores.signal, settings)
        chosen = await asyncio.to_thread(choose, settings, heard(watch.metrics), crews.models)
        secrets = people.secrets_of(home, known)
        access = await stack.enter_async_context(people.accounts(known, secrets, on.database))
        recorder = people.recorder(secrets, on.database, settings.llm_model)
        if known.first_admin.get_secret_value():
            await people.first_admin(known, secrets, access)
        kubernetes = Cluster(known.cluster_url or in_pod(), known.cluster_folder)
        stack.push_async_callback(kubernetes.close)
        acts, wakes = Acts(on.database, on.signal), Wakes(on.database, on.signal)
        stack.push_async_callback(wakes.close)
        stack.push_async_callback(acts.drain, DRAIN_SECONDS)
        quotas = people.quotas(known, on.database)
        work = parts.work(on, chosen, TaskGate(on.database, recorder, quotas, strangers=True), watch)
        work.wake = wakes.wake
        services = Services(
            settings=settings,
            database=on.database,
            objects=on.objects,
            library=on.library,
            log=on.log,
            comparing=on.comparing,
            differences=Differences(on.library.snapshots),
            projects=Namespaces(on.database, kubernetes, cluster.namespaces),
            tasks=Objects(on.database, kubernetes),
            waker=wakes,
            signal=on.signal,
            access=access,
            recorder=recorder,
            quotas=quotas,
            about=about(settings, chosen.name),
            suggest=suggest,
            spool=home / "spool",
            exports=crews.exports,
        )
        retention = Retention(on.database, settings.events_days)
        stack.push_async_callback(retention.close)
        retention.open()
        desk = TaskDesk(on.database, work, acts, on.signal)
        yield Replica(
            services=services,
            internal=Internal(
                token=token,
                database=on.database,
                signal=on.signal,
                desk=desk,
                health=health_of(on.database, on.objects),
            ),
        )


def about(settings: Settings, planner: str) -> About:
    """Barriers are proven by the operator, node by node; its profiles tell of them."""
    return About(
        version=VERSION,
        barriers=(),
        limits=(Limit(name="upload", value=settings.upload_bytes, unit="bytes"),),
        versions={"python": sys.version.split()[0]},
        planner=planner,
        features=(*parts.FEATURES, "cluster"),
    )


async def serve(settings: Settings, known: AccessSettings, cluster: ClusterSettings) -> None:
    hosts = (*LOOPBACK, *known.hosts)
    with (
        listening(settings.host, settings.port) as public,
        listening(cluster.internal_host, cluster.internal_port) as internal,
    ):
        async with (
            watching("service", people=True) as watch,
            opened(settings, known, cluster, watch) as replica,
            metrics_listener(
                WatchSettings(),
                watch.metrics,
                replica.internal.health,
                last_day(replica.services.database),
            ),
        ):
            app = create_app(already_open(replica.services), hosts, settings.body_bytes, watch)
            gc.collect()
            gc.freeze()
            await until_signal(
                Listener(app=app, socket=public, proxies=known.trusted_proxies),
                Listener(app=internal_app(replica.internal, tasks, watch), socket=internal),
            )


def main() -> None:
    configure_logs()
    os.umask(0o077)
    try:
        asyncio.run(serve(Settings(), AccessSettings(), ClusterSettings()))
    except RetortError as error:
        sys.exit(f"retort: {error.message}")


if __name__ == "__main__":
    main()
