"""The operator against an API server and a service in memory: latency, writes, fairness, restart, memory.

    make bench-operator            all of it; exit code 1 when a bar is missed

API server, kubelet and service run in a process of their own (tests/support), the operator in another, so that its memory and
processor time are its own. The operator's part of a task is what is left of the time from object to terminal status when
the service's own fixed delays (planning, run, promotion) are taken off. Nothing here leaves the loopback address.
(Not named operator.py: a script of that name would hide the standard library's module from everything it imports.)
"""

from __future__ import annotations

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests" / "support"))

DELAYS = {"prepare_seconds": 0.005, "run_seconds": 0.02, "promote_seconds": 0.005}
FIXED = sum(DELAYS.values())
TENANTS = 8  # one alone would meet its cap of 20 runs before the bar
BARS: list[tuple[str, float, float, str]] = []


def bar(name: str, found: float, most: float, unit: str = "") -> None:
    BARS.append((name, found, most, unit))
    print(f"{'ok  ' if found <= most else 'MISS'} {name}: {found:.3g} {unit} (bar: {most:g})", flush=True)


def quantile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def bound(buckets: list[tuple[float, float]], share: float) -> float:
    """The bucket's upper bound below which so many lie: a histogram knows no more."""
    return next(most for most, count in buckets if count >= share * buckets[-1][1])


class Measured:
    """A stage whose operator is another process."""

    def __init__(self, **profile: Any) -> None:
        from fake_service import Behaviour
        from stage import PROFILE, Stage

        self.stage = Stage(Behaviour(**DELAYS), profile={**PROFILE, **profile})
        self.ended: dict[str, float] = {}
        self.process: subprocess.Popen[bytes] | None = None

    async def __aenter__(self) -> Self:
        await self.stage.__aenter__()
        self.stage.cluster.on_change.append(self._changed)
        return self

    async def __aexit__(self, *rest: object) -> None:
        await asyncio.to_thread(self.stop)
        await self.stage.__aexit__(*rest)

    def _changed(self, plural: str, kind: str, body: Any) -> None:
        if (
            plural == "agenttasks"
            and kind == "MODIFIED"
            and body["status"].get("phase") in ("Complete", "Failed")
        ):
            self.ended.setdefault(body["metadata"]["name"], time.monotonic())

    def start(self, port: int) -> None:
        given = self.stage.configured(
            health_port=port, metrics_port=port + 1, resync_seconds=30, lease_seconds=15
        )
        environment = {
            f"RETORT_{name.upper()}": str(value) for name, value in vars(given).items() if value != ""
        }
        code = (
            "import asyncio, sys, kopf; sys.path.insert(0, sys.argv[2]); import os, signal;"
            "from stage import control; from retort_operator.main import Operator, logs;"
            "from retort_operator.settings import from_environment; logs();"
            "\nasync def main():\n    stop = asyncio.Event()\n"
            "    own = lambda: asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)\n"
            "    await Operator(from_environment(os.environ), kopf.ConnectionInfo(server=sys.argv[1]), control, own).run(stop)\n"
            "asyncio.run(main())"
        )
        command = [sys.executable, "-c", code, self.stage.cluster.url, str(ROOT / "tests" / "support")]
        self.process = subprocess.Popen(command, env={**os.environ, **environment}, stdout=sys.stderr)

    def stop(self) -> None:
        if self.process is not None:
            self.process.terminate()
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
            self.process = None

    def memory(self, name: str) -> float:
        """VmRSS or VmHWM of the operator, in MiB."""
        assert self.process is not None
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) / 1024 for line in lines if line.startswith(name))

    def cpu(self) -> float:
        assert self.process is not None
        parts = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")

    async def ready(self, port: int, seconds: float = 120) -> float:
        """Seconds until it leads and is ready: one that waits for its turn is ready as well, with nothing read yet."""
        import aiohttp

        began = time.monotonic()
        async with aiohttp.ClientSession() as session:
            while time.monotonic() - began < seconds:
                try:
                    async with session.get(f"http://127.0.0.1:{port + 1}/metrics") as answer:
                        leads = "\nretort_leader 1.0\n" in await answer.text()
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if leads and answer.status == 200:
                            return time.monotonic() - began
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(0.05)
        raise SystemExit("the operator did not get ready")

    async def shown(self, port: int, *names: str) -> None:
        """Sum and count of some histograms of the operator."""
        import aiohttp

        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        for line in lines:
            if any(name in line for name in names) and ("_sum" in line or "_count" in line):
                print("     " + line)

    async def lags(self, port: int) -> list[tuple[float, float]]:
        """The operator's histogram of what versions took to be shown: (bound, how many within it), the last one of all."""
        import aiohttp

        async with (
            aiohttp.ClientSession() as session,
            session.get(f"http://127.0.0.1:{port}/metrics") as answer,
        ):
            lines = (await answer.text()).splitlines()
        found = (
            line.partition('retort_projection_lag_seconds_bucket{le="')[2].split('"} ') for line in lines
        )
        return [(float(pair[0]), float(pair[1])) for pair in found if len(pair) == 2]

    async def all_ended(self, names: list[str], seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(name not in self.ended for name in names):  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def steady(rate: float, seconds: float) -> None:
    """Open loop: `rate` tasks a second whatever happens, on a pool that is large enough."""
    async with Measured(replicas=120, capacity=400) as run:
        for number in range(TENANTS):
            run.stage.namespace(f"tenant-{number}")
        run.start(18180)
        await run.ready(18180)
        await run.stage.until(lambda: run.stage.ready() >= 120 and run.stage.proven(), 120)
        run.stage.cluster.by_name.clear()
        cpu, born, own = run.cpu(), {}, time.process_time()
        begin = time.monotonic()
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begin + number / rate - time.monotonic()))
            name = f"t{number}"
            born[name] = time.monotonic()
            run.stage.task(name, namespace=f"tenant-{number % TENANTS}")
        await run.all_ended(list(born), 120)
        took = [run.ended[name] - at - FIXED for name, at in born.items() if name in run.ended]
        cpu, own = run.cpu() - cpu, time.process_time() - own
        busy = own / (max(run.ended.values()) - begin)
        print(
            f"     cluster and service in memory: {busy:.0%} of a processor; near 100 % they are what is measured"
        )
        bar("75/s: tasks lost", len(born) - len(took), 0)
        bar("75/s: operator's part, p50", quantile(took, 0.5) * 1000, 100, "ms")
        bar("75/s: operator's part, p99", quantile(took, 0.99) * 1000, 400, "ms")
        await asyncio.sleep(3)
        lags = await run.lags(18181)
        bar("75/s: versions not shown", len(run.stage.service.facts) - lags[-1][1], 0)
        print(f"     a version shown after, p50: at most {bound(lags, 0.5) * 1000:g} ms")
        bar("75/s: a version shown after, p99, at most", bound(lags, 0.99), 2, "s")
        writes = Counter(
            {
                key: n
                for key, n in run.stage.cluster.by_name.items()
                if key[1] not in ("leases", "executorprofiles/status")
            }
        )
        kinds: Counter[str] = Counter()
        for (verb, plural, _), count in writes.items():
            kinds[f"{verb} {plural}"] += count
        bar("75/s: writes a task", sum(kinds.values()) / len(born), 6)
        print(
            f"     by kind: {dict(kinds)}; operator: {cpu * 1000 / len(born):.1f} ms of processor time a task",
            flush=True,
        )


async def burst() -> None:
    """300 tasks of two tenants at once on a pool of 20."""
    async with Measured(replicas=20, capacity=20) as run:
        run.stage.service.does.run_seconds = 1.5  # so that it lasts for more than two windows
        run.stage.namespace("other")
        run.start(18182)
        await run.ready(18182)
        await run.stage.until(lambda: run.stage.ready() >= 20 and run.stage.proven(), 120)
        # In turn: one whose tasks come first fills the pool while the other waits for nothing yet.
        names = [(f"{tenant}-{number}", tenant) for number in range(150) for tenant in ("survey", "other")]
        begin = time.monotonic()
        for name, tenant in names:
            run.stage.task(name, namespace=tenant)
        await run.all_ended([name for name, _ in names], 300)
        done = [name for name, _ in names if name in run.ended]
        phases = Counter(run.stage.status(name, tenant).get("phase") for name, tenant in names)
        bar("burst: tasks lost", 300 - phases["Complete"], 0)
        bar(
            "burst: executors over-created",
            max(0, run.stage.kubelet.made - 320) + max(0, run.stage.kubelet.most - 20),
            0,
        )
        tenants = ("survey", "other")
        ends = {of: [run.ended[name] - begin for name, its in names if its == of] for of in tenants}
        both = min(max(one) for one in ends.values())  # until then both had something left
        windows = [(10.0 * n, 10.0 * (n + 1)) for n in range(int(both // 10))]
        shares = [sorted(sum(1 for at in one if a <= at < b) for one in ends.values()) for a, b in windows]
        ratio = max((most / max(1, least) for least, most in shares), default=1.0)
        print(f"     completions of both in each 10 s: {shares}")
        bar("burst: completions of one tenant to the other's, worst 10 s", ratio, 1.5)
        await run.shown(18183, "claim_seconds", "look_seconds", "look_wait", "queue_seconds")
        print(f"     300 tasks in {max(run.ended.values()) - begin:.1f} s; {len(done)} ended", flush=True)


async def flood() -> None:
    """One tenant's tasks, 2 a second, alone and then while another has 300 waiting; a pool of 20, runs of half a second."""
    async with Measured(replicas=20, capacity=20) as run:
        run.stage.service.does.run_seconds = 0.5
        run.stage.namespace("other")
        run.start(18188)
        await run.ready(18188)
        await run.stage.until(lambda: run.stage.ready() >= 20 and run.stage.proven(), 120)

        async def some(prefix: str) -> float:
            born = {}
            for number in range(40):
                name = f"{prefix}-{number}"
                born[name] = time.monotonic()
                run.stage.task(name, namespace="survey")
                await asyncio.sleep(0.5)
            await run.all_ended(list(born), 60)
            return quantile([run.ended[name] - at for name, at in born.items()], 0.99)

        alone = await some("alone")
        flood = asyncio.create_task(flooded(run))
        beside = await some("beside")
        flood.cancel()
        print(f"     p99 alone {alone * 1000:.0f} ms, beside the flood {beside * 1000:.0f} ms", flush=True)
        bar("flood: p99 of one tenant beside another's flood to alone", beside / alone, 2)


async def flooded(run: Measured) -> None:
    """300 tasks more than have ended, all the time."""
    number = 0
    while True:
        waiting = number - sum(name.startswith("flood-") for name in run.ended)
        for _ in range(300 - waiting):
            run.stage.task(f"flood-{number}", namespace="other")
            number += 1
        await asyncio.sleep(0.2)


async def restart(count: int) -> None:
    """A start with many finished tasks of about 3 KB, then idle."""
    async with Measured() as run:
        end = [
            {
                "type": "Complete",
                "status": "True",
                "reason": "Done",
                "message": "m" * 200,
                "lastTransitionTime": stamp(),
            }
        ]
        status = {
            "phase": "Complete",
            "conditions": end,
            "message": "x" * 400,
            "plan": {"steps": ["y" * 200] * 4},
        }
        for number in range(count):
            run.stage.task(f"old-{number}", source={"instruction": {"text": "z" * 800}})
            run.stage.cluster.change("agenttasks", f"old-{number}", "survey", {"status": status}, "status")
        size = len(json.dumps(run.stage.cluster.get("agenttasks", "old-0", "survey")))
        run.start(18184)
        took = await run.ready(18184)
        bar(f"restart with {count} finished tasks of {size} bytes: ready after", took, 15, "s")
        bar("restart: memory at its peak", run.memory("VmHWM"), 200, "MiB")
    async with Measured() as run:
        run.start(18186)
        await run.ready(18186)
        await asyncio.sleep(10)
        bar("idle: memory", run.memory("VmRSS"), 100, "MiB")


def stamp() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


async def main() -> None:
    await steady(75, 10)
    await burst()
    await flood()
    await restart(10_000)


if __name__ == "__main__":
    asyncio.run(main())
    print(f"this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MiB")
    sys.exit(1 if any(found > most for _, found, most, _ in BARS) else 0)
