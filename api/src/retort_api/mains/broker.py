"""The broker: runs attempts in executors for the operator, takes their results in, holds nothing of its own.

`python -m retort_api.mains.broker`. As many replicas as wanted; each takes leases under a name of its own, new at every
start. Settings come from the environment (`RETORT_…`), which the chart sets.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import uuid
from collections.abc import AsyncIterator
from typing import Final

from retort_api.cluster.acts import Acts
from retort_api.cluster.app import internal_app
from retort_api.cluster.attempts import Attempts
from retort_api.cluster.endpoints import Internal, runs
from retort_api.cluster.settings import ClusterSettings, secret
from retort_api.kit.watching.settings import WatchSettings
from retort_api.kit.watching.watch import Watch
from retort_api.local.sandboxes import LocalSandboxes
from retort_api.mains import parts
from retort_api.mains.logs import configure_logs
from retort_api.mains.serving import Listener, listening, until_signal
from retort_api.mains.stores import locked, prepared, shared
from retort_api.mains.watching import health_of, metrics_listener, watching
from retort_api.runs.pods import Dialler, networks
from retort_api.settings import Settings
from retort_core.errors import RetortError

DRAIN_SECONDS: Final = 50  # of the Pod's 60: runs under way may end, what does not is a new attempt


@contextlib.asynccontextmanager
async def opened(settings: Settings, cluster: ClusterSettings, watch: Watch) -> AsyncIterator[Internal]:
    """Everything wired; leaving the block lets runs under way end and takes the rest down."""
    home = prepared(settings.home)
    token = secret(cluster.internal_token_file, "INTERNAL_TOKEN_FILE").decode()
    dialler = Dialler(
        secret=secret(cluster.session_key_file, "SESSION_KEY_FILE"), networks=networks(cluster.pod_networks)
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(locked(home))
        stores = await stack.enter_async_context(shared(home))
        on = parts.stored(stores.database, stores.objects, stores.signal, settings)
        threads = os.cpu_count() or 1
        intake = LocalSandboxes(parts.INTAKE, threads, target=1, capacity=cluster.broker_sandboxes)
        stack.push_async_callback(intake.close)
        await intake.open()
        acts = Acts(on.database, on.signal)
        attempts = Attempts(
            database=on.database,
            acts=acts,
            dialler=dialler,
            run=parts.running(on, intake, settings, home / "spool", watch),
            holder=f"{cluster.pod_name or socket.gethostname()}-{uuid.uuid4().hex[:8]}"[-100:],
            traces=parts.traces(on, watch),
        )
        stack.push_async_callback(attempts.close)
        stack.push_async_callback(acts.drain, DRAIN_SECONDS)
        await attempts.open()
        yield Internal(
            token=token,
            database=on.database,
            signal=on.signal,
            attempts=attempts,
            health=health_of(on.database, on.objects),
        )


async def serve(settings: Settings, cluster: ClusterSettings) -> None:
    with listening(cluster.internal_host, cluster.internal_port) as bound:
        async with (
            watching("broker", people=True) as watch,
            opened(settings, cluster, watch) as internal,
            metrics_listener(WatchSettings(), watch.metrics, internal.health),
        ):
            await until_signal(Listener(app=internal_app(internal, runs, watch), socket=bound))


def main() -> None:
    configure_logs()
    os.umask(0o077)
    try:
        asyncio.run(serve(Settings(), ClusterSettings()))
    except RetortError as error:
        sys.exit(f"retort broker: {error.message}")


if __name__ == "__main__":
    main()
