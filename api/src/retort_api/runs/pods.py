"""Sandboxes that are Pods: the broker dials the claimed one, both prove who they are, and a session begins.

An address outside the Pods' networks is refused before anything is sent: whoever could forge a Pod's address would
otherwise make the broker hand a tenant's data to a host of his choice.
"""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, TypeAlias

from retort_api.runs.session import Session
from retort_core.errors import PolicyDenied, RetortError, SessionLost
from retort_core.handshake import GREETING, MAC, Binding, BrokerSide, session_key
from retort_core.http.internal import PodAddress

DIAL_SECONDS: Final = 5.0
STREAM_LIMIT: Final = 4 << 20
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(kw_only=True)
class PodSandbox:
    """One Pod, for one attempt: closing the session ends it, whatever its state."""

    session: Session
    broken: bool = False

    async def close(self) -> None:
        self.session.close()
        with suppress(OSError):
            await self.session.writer.wait_closed()


@dataclass(frozen=True, kw_only=True)
class Dialler:
    """`secret`: K of the handshake. `networks`: where Pods are."""

    secret: bytes
    networks: Sequence[Network]

    async def dial(self, pod: PodAddress, binding: Binding) -> PodSandbox:
        """Raises SessionLost when nobody answers in time, PolicyDenied when the wrong one does."""
        self._check(pod)
        side = BrokerSide(session_key(self.secret, pod.name, pod.nonce), binding)
        try:
            async with asyncio.timeout(DIAL_SECONDS):
                reader, writer = await asyncio.open_connection(pod.ip, pod.port, limit=STREAM_LIMIT)
                try:
                    await _prove(side, reader, writer)
                    session = Session(reader=reader, writer=writer)
                    await session.greet(DIAL_SECONDS)
                except BaseException:
                    writer.close()
                    raise
        except TimeoutError:
            raise SessionLost(f"the executor {pod.name} did not answer within {DIAL_SECONDS:.0f} s") from None
        except (OSError, asyncio.IncompleteReadError) as problem:
            raise SessionLost(
                f"the executor {pod.name} could not be reached: {type(problem).__name__}"
            ) from None
        return PodSandbox(session=session)

    def _check(self, pod: PodAddress) -> None:
        try:
            address = ipaddress.ip_address(pod.ip)
        except ValueError:
            raise PolicyDenied(f"the executor {pod.name} has no address that can be read") from None
        if not any(address in network for network in self.networks):
            raise PolicyDenied(f"the executor {pod.name} has an address outside the Pods' networks")


async def _prove(side: BrokerSide, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    writer.write(side.reply(await reader.readexactly(GREETING)))
    await writer.drain()
    side.verify(await reader.readexactly(MAC))


def networks(text: str) -> tuple[Network, ...]:
    """From "10.0.0.0/8, fd00::/8"; an unreadable one is an error at start, never an open door."""
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError as problem:
        raise RetortError(f"the Pods' networks cannot be read: {problem}") from None
