"""A client that takes a large result slowly: the supervisor goes on when it takes more, not when its clock strikes."""

from __future__ import annotations

import socket
import subprocess
import threading
import time

import polars as pl
import pytest

from retort_core import runs
from retort_core.channel import FULL, Channel
from retort_core.forkline import ForkLine
from retort_core.jobs import Job, Limits
from retort_core.sessions import Collector, Sandbox, Session
from retort_core.supervision import Supervisor

LARGE = f"import polars as pl\ndef run(table):\n    return pl.DataFrame({{'x': pl.repeat(7, {FULL}, eager=True)}})\n"


def test_a_large_result_is_not_held_back_until_the_next_look(
    monkeypatch: pytest.MonkeyPatch, table: bytes
) -> None:
    monkeypatch.setattr(runs, "POLL_SECONDS", 3600.0)  # the clock alone would never wake it
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    channel = Channel(theirs)
    supervisor = Supervisor(channel, ForkLine("retort_executor.worker:main", 2), 2)
    serving = threading.Thread(target=supervisor.serve, kwargs={"once": True})
    serving.start()
    with Session(Sandbox(subprocess.Popen(["true"]), ours)) as session:
        job = Job("attempt", "script", {"source": LARGE}, Limits(seconds=20.0), ("table",))
        session.send(job, {"table": table})
        while not channel.full:  # the client takes nothing until the supervisor has as much as it will hold
            time.sleep(0.001)
        collector = Collector()
        for word in session.frames():
            collector.take(word)
        result = collector.result()
    serving.join()
    theirs.close()
    assert pl.read_ipc_stream(result.parts["table"]).height == FULL
