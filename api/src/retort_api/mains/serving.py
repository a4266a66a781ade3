"""Listeners of a process: sockets that say why they cannot be had, and servers that stop together at a signal."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import uvicorn
from fastapi import FastAPI

from retort_api.kit.heads import HEAD_SECONDS, TimedHeads
from retort_core.errors import Conflict

LOOPBACK: Final = ("127.0.0.1", "localhost", "::1")
GRACEFUL_SECONDS: Final = 5  # for replies that are under way; streams are cut then


def nobody() -> None:
    """Of a server whose start nobody waits for."""


@dataclass(frozen=True, kw_only=True)
class Listener:
    """`proxies`: addresses of reverse proxies that are believed, separated by commas."""

    app: FastAPI
    socket: socket.socket
    proxies: str = ""
    ready: Callable[[], None] = nobody
    head_seconds: float = HEAD_SECONDS


def listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named as TCP, because asyncio switches off Nagle's delay (40 ms a reply) only on sockets that say so.
    bound = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host, port))
    except OSError as error:
        bound.close()
        raise Conflict(
            f"Port {port} cannot be used ({error.strerror}); choose another with --port."
        ) from None
    return bound


async def until_signal(*listeners: Listener) -> None:
    """Serves all of them until SIGINT or SIGTERM, or until one of them fails."""
    servers = [_Server(one) for one in listeners]

    def stop(number: int) -> None:
        for server in servers:
            server.handle_exit(number, None)

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    await asyncio.gather(*(server.serve(sockets=[server.listener.socket]) for server in servers))


@contextlib.asynccontextmanager
async def beside(listener: Listener) -> AsyncIterator[None]:
    """Serves while the block lasts, next to what has the signals."""
    started = asyncio.Event()
    server = _Server(replace(listener, ready=started.set))
    serving = asyncio.create_task(server.serve(sockets=[listener.socket]))
    ready = asyncio.create_task(started.wait())
    try:
        await asyncio.wait([serving, ready], return_when=asyncio.FIRST_COMPLETED)
        yield
    finally:
        ready.cancel()
        server.should_exit = True
        await serving


class _Server(uvicorn.Server):
    """uvicorn that says when it is ready, and whose signals are somebody else's."""

    def __init__(self, listener: Listener) -> None:
        options: dict[str, Any] = {
            "proxy_headers": bool(listener.proxies),  # uvicorn's default believes anybody on this machine
            "forwarded_allow_ips": listener.proxies,
        }
        super().__init__(
            uvicorn.Config(
                listener.app,
                http=partial(TimedHeads, seconds=listener.head_seconds),  # type: ignore[arg-type] # called as a class is
                log_config=None,
                access_log=False,
                timeout_graceful_shutdown=GRACEFUL_SECONDS,
                server_header=False,
                ws="none",
                **options,
            )
        )
        self.listener = listener

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self.listener.ready()
