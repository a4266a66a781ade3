"""Landlock: what of the file system, the network and other processes a worker can reach, by rules of its own.

Every right the running kernel knows is handled, hence denied; only reading below the given paths is granted.
ABI 1 covers files (Linux 5.13), 4 adds TCP bind and connect, 5 device ioctl, 6 abstract unix sockets and signals.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import struct
from collections.abc import Iterable
from typing import Final

_CREATE, _ADD, _RESTRICT = 444, 445, 446  # the same numbers on every architecture
_ASK_VERSION: Final = 1
_PATH_BENEATH: Final = 1
READ_FILE: Final = 1 << 2
READ_DIR: Final = 1 << 3
_FIRST_RIGHTS: Final = (1 << 13) - 1
# Rights on files that came later: refer, truncate, device ioctl.
_LATER_RIGHTS: Final = ((2, 1 << 13), (3, 1 << 14), (5, 1 << 15))
_NETWORK_ABI, _SCOPE_ABI = 4, 6
_TCP: Final = 0b11  # bind, connect
_SCOPES: Final = 0b11  # abstract unix sockets, signals


def _call(number: int, *arguments: object) -> int:
    result: int = _libc().syscall(number, *arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


def _libc() -> ctypes.CDLL:
    return ctypes.CDLL(None, use_errno=True)


def version() -> int:
    """The kernel's ABI; 0 where Landlock is missing or switched off."""
    try:
        return _call(_CREATE, None, ctypes.c_size_t(0), ctypes.c_uint32(_ASK_VERSION))
    except OSError:
        return 0


def handled(abi: int) -> bytes:
    """The kernel's struct landlock_ruleset_attr for this ABI: everything it can deny."""
    files = _FIRST_RIGHTS | sum(right for since, right in _LATER_RIGHTS if abi >= since)
    network = _TCP if abi >= _NETWORK_ABI else 0
    scopes = _SCOPES if abi >= _SCOPE_ABI else 0
    size = 24 if abi >= _SCOPE_ABI else 16 if abi >= _NETWORK_ABI else 8
    return struct.pack("<QQQ", files, network, scopes)[:size]


def restrict(readable: Iterable[str]) -> int:
    """Confine the calling thread and all it starts; returns the ABI. Raises OSError."""
    abi = version()
    if abi < 1:
        raise OSError(
            "Landlock is missing or switched off in this kernel (needs Linux 5.13 and lsm=landlock)"
        )
    attributes = handled(abi)
    rules = _call(_CREATE, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0))
    try:
        for path in readable:
            _allow_reading(rules, path)
        _call(_RESTRICT, ctypes.c_int(rules), ctypes.c_uint32(0))
    finally:
        os.close(rules)
    return abi


def _allow_reading(rules: int, path: str) -> None:
    """A path that cannot be opened cannot be read later either, so it needs no rule."""
    with contextlib.suppress(OSError):
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            folder = stat.S_ISDIR(os.fstat(place).st_mode)
            rule = struct.pack("<Qi", READ_FILE | (READ_DIR if folder else 0), place)
            _call(_ADD, ctypes.c_int(rules), ctypes.c_int(_PATH_BENEATH), rule, ctypes.c_uint32(0))
        finally:
            os.close(place)


def barriers(abi: int) -> tuple[str, ...]:
    """Names of what this ABI really enforces."""
    found = ["files"]
    if abi >= _NETWORK_ABI:
        found.append("tcp")
    if abi >= _SCOPE_ABI:
        found.append("scopes")
    return tuple(found)
