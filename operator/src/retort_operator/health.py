"""/livez, /readyz and /metrics. Alive means: the loop turns and no watch is silent for longer than bookmarks allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aiohttp import web

from retort_operator.access import WatchAges
from retort_operator.metrics import Metrics

SILENT: Final = 90.0  # seconds; bookmarks come every minute, and the framework reconnects after 70 s


class Health:
    def __init__(self, ages: WatchAges, metrics: Metrics) -> None:
        self._ages, self._metrics = ages, metrics
        self._runners: list[web.AppRunner] = []
        self.ready: Callable[[], str] = lambda: "starting"  # why it is not ready; "" when it is

    async def open(self, health_port: int, metrics_port: int, host: str = "0.0.0.0") -> None:  # noqa: S104 - in a Pod
        probes, scraped = web.Application(), web.Application()
        probes.add_routes([web.get("/livez", self._livez), web.get("/readyz", self._readyz)])
        scraped.add_routes([web.get("/metrics", self._scraped)])
        for app, port in ((probes, health_port), (scraped, metrics_port)):
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            await web.TCPSite(runner, host, port).start()
            self._runners.append(runner)

    async def close(self) -> None:
        for runner in self._runners:
            await runner.cleanup()

    async def _livez(self, _: web.Request) -> web.Response:
        silent = [f"{name} {age:.0f} s" for name, age in self._ages.ages().items() if age > SILENT]
        if silent:
            return web.Response(status=503, text="silent watches: " + ", ".join(silent))
        return web.Response(text="ok")

    async def _readyz(self, _: web.Request) -> web.Response:
        missing = self.ready()
        return web.Response(status=503, text=missing) if missing else web.Response(text="ok")

    async def _scraped(self, _: web.Request) -> web.Response:
        for name, age in self._ages.ages().items():
            self._metrics.watch_age.labels(name).set(age)
        return web.Response(body=self._metrics.text(), headers={"Content-Type": "text/plain; version=0.0.4"})
