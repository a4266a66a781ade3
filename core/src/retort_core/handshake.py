"""Who may give a job to an executor Pod: a mutual challenge over one shared key, before the first byte of a job.

    executor -> broker    MAGIC | challenge (32)
    broker -> executor    length u16 | binding (JSON) | challenge (32) | HMAC (32)
    executor -> broker    HMAC (32)

key      = HMAC-SHA256(K, pod name | nonce): the operator makes it with the Pod, the broker derives it from K
HMACs    = HMAC-SHA256(key, role | other's challenge | own challenge | binding), the role in front so that neither side's
           proof can be sent back as the other's

The binding names the Pod, the task and the attempt, so a proof for one says nothing for another; fresh challenges make a
recorded session worthless. Pure: bytes in, bytes out; whoever has the socket sends them. Standard library only.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import struct
from dataclasses import asdict, dataclass
from typing import Final

from retort_core.errors import PolicyDenied, SessionLost

PROTOCOL: Final = b"RTS"
MAGIC: Final = (
    PROTOCOL + b"1"
)  # one more with whatever an executor or a broker of another release could not read
CHALLENGE: Final = 32
MAC: Final = hashlib.sha256().digest_size
GREETING: Final = len(MAGIC) + CHALLENGE
MAX_BINDING: Final = 1024
LENGTH: Final = struct.Struct(">H")


@dataclass(frozen=True, kw_only=True)
class Binding:
    """`seconds`: how long one job may take, with all around it, and a client that gives none may stay; the executor ends
    itself after that."""

    pod: str
    task: str
    attempt: int
    seconds: int

    def encode(self) -> bytes:
        return json.dumps(asdict(self), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Binding:
        try:
            value = json.loads(data)
            found = cls(
                pod=str(value["pod"]),
                task=str(value["task"]),
                attempt=int(value["attempt"]),
                seconds=int(value["seconds"]),
            )
        except (ValueError, KeyError, TypeError, RecursionError):
            raise PolicyDenied("the other side's binding cannot be read") from None
        if found.encode() != data or not 0 < found.seconds <= 1 << 20:
            raise PolicyDenied("the other side's binding has another form than agreed")
        return found


def session_key(secret: bytes, pod: str, nonce: str) -> bytes:
    """The key of one Pod's one session; K never leaves the operator and the broker."""
    return hmac.digest(secret, f"{pod}|{nonce}".encode(), "sha256")


def _proof(key: bytes, role: bytes, theirs: bytes, ours: bytes, binding: bytes) -> bytes:
    return hmac.digest(key, role + b"\0" + theirs + ours + binding, "sha256")


class ExecutorSide:
    """One attempt of someone to connect; made anew for each."""

    def __init__(self, key: bytes, pod: str) -> None:
        self._key, self._pod = key, pod
        self._challenge = secrets.token_bytes(CHALLENGE)

    @property
    def greeting(self) -> bytes:
        return MAGIC + self._challenge

    @staticmethod
    def reply_size(length: bytes) -> int:
        """Bytes that follow the length field."""
        size: int = LENGTH.unpack(length)[0]
        if not 0 < size <= MAX_BINDING:
            raise PolicyDenied(f"a binding of {size} bytes")
        return size + CHALLENGE + MAC

    def verify(self, reply: bytes) -> tuple[Binding, bytes]:
        """What the caller is bound to, and our proof for it; PolicyDenied when it does not know the key."""
        binding, challenge, proof = reply[: -CHALLENGE - MAC], reply[-CHALLENGE - MAC : -MAC], reply[-MAC:]
        expected = _proof(self._key, b"broker", self._challenge, challenge, binding)
        if not hmac.compare_digest(expected, proof):
            raise PolicyDenied("the caller could not prove that it knows the session key")
        found = Binding.decode(binding)
        if found.pod != self._pod:
            raise PolicyDenied("the caller means another Pod")
        return found, _proof(self._key, b"executor", challenge, self._challenge, binding)


class BrokerSide:
    """One connection to one Pod for one attempt."""

    def __init__(self, key: bytes, binding: Binding) -> None:
        self._key, self._binding = key, binding.encode()
        self._challenge, self._theirs = secrets.token_bytes(CHALLENGE), b""

    def reply(self, greeting: bytes) -> bytes:
        if len(greeting) != GREETING or not greeting.startswith(PROTOCOL):
            raise PolicyDenied("what answers there is no executor")
        if not greeting.startswith(
            MAGIC
        ):  # while an upgrade is under way; the next executor will be of this release
            raise SessionLost("the executor is of another release and speaks another protocol")
        self._theirs = greeting[len(MAGIC) :]
        proof = _proof(self._key, b"broker", self._theirs, self._challenge, self._binding)
        return LENGTH.pack(len(self._binding)) + self._binding + self._challenge + proof

    def verify(self, proof: bytes) -> None:
        expected = _proof(self._key, b"executor", self._challenge, self._theirs, self._binding)
        if not hmac.compare_digest(expected, proof):
            raise PolicyDenied("the executor could not prove that it knows the session key")
