"""Calls that no worker needs, made for real by number: each is refused by the filter, and says so."""

from __future__ import annotations

import errno
import platform

import polars as pl
import pytest

from retort_core.errors import DataError, PolicyDenied

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of x86-64")

SIGCHLD = 17
# name -> number and arguments that would work, or at least reach the call, were there no filter
CALLS = {
    "socket": (41, 2, 1, 0), "connect": (42, 1, 0, 16), "accept": (43, 1, 0, 0), "sendto": (44, 1, 0, 0, 0, 0, 0),
    "sendmsg": (46, 1, 0, 0), "recvmsg": (47, 1, 0, 0), "bind": (49, 1, 0, 16), "listen": (50, 1, 1),
    "socketpair": (53, 1, 1, 0, 0), "fork": (57,), "vfork": (58,), "clone process": (56, SIGCHLD, 0, 0, 0, 0),
    "execve": (59, 0, 0, 0), "execveat": (322, 0, 0, 0, 0, 0), "kill self": (62, 0, 9), "kill all": (62, -1, 9),
    "tkill": (200, 1, 9), "rt_sigqueueinfo": (129, 1, 9, 0), "ptrace": (101, 0, 0, 0, 0),
    "process_vm_readv": (310, 1, 0, 0, 0, 0, 0), "process_vm_writev": (311, 1, 0, 0, 0, 0, 0),
    "pidfd_open": (434, 1, 0), "pidfd_getfd": (438, 1, 1, 0), "pidfd_send_signal": (424, 1, 9, 0, 0),
    "io_uring_setup": (425, 8, 0), "io_uring_enter": (426, 1, 1, 0, 0, 0), "bpf": (321, 0, 0, 0),
    "userfaultfd": (323, 1), "keyctl": (250, 0, 0), "add_key": (248, 0, 0, 0, 0, 0), "mount": (165, 0, 0, 0, 0, 0),
    "umount2": (166, 0, 0), "move_mount": (429, 0, 0, 0, 0, 0), "fsopen": (430, 0, 0), "unshare": (272, 0x10000000),
    "setns": (308, 0, 0), "chroot": (161, 0), "pivot_root": (155, 0, 0), "seccomp": (317, 1, 0, 0),
    "prctl seccomp": (157, 22, 2, 0), "prctl dumpable": (157, 4, 1), "prctl keep capabilities": (157, 8, 1),
    "setuid": (105, 0), "setresuid": (117, 0, 0, 0), "setgroups": (116, 0, 0), "capset": (126, 0, 0),
    "perf_event_open": (298, 0, 0, -1, -1, 0), "open_by_handle_at": (304, 0, 0, 0), "name_to_handle_at": (303, 0, 0, 0, 0, 0),
    "memfd_create": (319, 0, 0), "memfd_secret": (447, 0), "shmget": (29, 0, 4096, 0o1600), "msgget": (68, 0, 0o1600),
    "semget": (64, 0, 1, 0o1600), "mq_open": (240, 0, 0), "inotify_init": (253,), "fanotify_init": (300, 0, 0),
    "personality": (135, 0x0400000), "iopl": (172, 3), "modify_ldt": (154, 0, 0, 0), "arch_prctl": (158, 0x1001, 0),
    "init_module": (175, 0, 0, 0), "kexec_load": (246, 0, 0, 0, 0), "reboot": (169, 0, 0, 0, 0), "syslog": (103, 3, 0, 0),
    "open": (2, 0, 0), "creat": (85, 0, 0o600), "truncate": (76, 0, 0), "ftruncate": (77, 1, 0), "unlink": (87, 0),
    "rename": (82, 0, 0), "link": (86, 0, 0), "symlink": (88, 0, 0), "mkdir": (83, 0, 0o700), "chmod": (90, 0, 0),
    "mknod": (133, 0, 0o10600, 0), "landlock_create_ruleset": (444, 0, 0, 1), "setrlimit": (160, 7, 0),
    "prlimit64 of another": (302, 1, 7, 0, 0), "sched_setaffinity": (203, 0, 0, 0), "setpriority": (141, 0, 0, -20),
    "fcntl own": (72, 1, 8, 1), "ioctl terminal": (16, 0, 0x5412, 0), "vmsplice": (278, 1, 0, 0, 0), "splice": (275, 0, 0, 1, 0, 1, 0),
    "process_madvise": (440, 1, 0, 0, 0, 0), "pkey_mprotect": (329, 0, 4096, 7, -1), "clone3": (435, 0, 0),
    "tgkill kill": (234, "own", "own", 9), "tgkill another": (234, 1, 1, 6),
    "mmap executable": (9, 0, 4096, 7, 0x22, -1, 0), "mmap shared memory": (9, 0, 4096, 3, 0x21, -1, 0),
}  # fmt: skip
PRELUDE = """
import ctypes, os
import polars as pl
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
def call(number, *arguments):
    ctypes.set_errno(0)
    own = os.getpid()
    values = [ctypes.c_long(own if value == "own" else value) for value in arguments]
    return libc.syscall(ctypes.c_long(number), *values), ctypes.get_errno()
"""
ALL_CALLS = f"""{PRELUDE}
def run(table):
    rows = []
    for name, (number, *arguments) in {CALLS!r}.items():
        result, error = call(number, *arguments)
        rows.append((name, result, error))
    return pl.DataFrame(rows, schema=["name", "result", "errno"], orient="row")
"""


@pytest.fixture(scope="module")
def answers(shared_bench) -> dict[str, tuple[int, int]]:
    table = shared_bench.answer(ALL_CALLS)
    return {name: (result, error) for name, result, error in table.iter_rows()}


@pytest.mark.parametrize("name", CALLS)
def test_call_is_refused(answers: dict[str, tuple[int, int]], name: str) -> None:
    expected = errno.ENOSYS if name == "clone3" else errno.EPERM
    assert answers[name] == (-1, expected)


def test_x32_numbers_kill_the_process(bench) -> None:
    with pytest.raises(PolicyDenied, match="another kind of processor") as caught:
        bench.run(PRELUDE + "def run(table):\n    return call(0x40000000 | 39)\n")
    assert caught.value.details["signal"] == "SIGSYS"


FIND_INT80 = """
def run(table):
    start = ctypes.cast(ctypes.pythonapi.PyLong_FromLong, ctypes.c_void_p).value
    for page in range(start, start + (1 << 21), 4096):
        found = ctypes.string_at(page, 4096).find(b"\\xcd\\x80")
        if found >= 0:
            getpid = ctypes.cast(page + found, ctypes.CFUNCTYPE(ctypes.c_int))
            getpid()
    raise LookupError("no such bytes")
"""


def test_int_0x80_through_borrowed_code_kills_the_process(bench) -> None:
    # No page can be made executable, so the hostile code borrows the two bytes from the interpreter's own text.
    with pytest.raises(PolicyDenied) as caught:
        bench.run(PRELUDE + FIND_INT80)
    assert caught.value.details["signal"] == "SIGSYS"


def test_a_mapping_cannot_be_made_executable_later(bench) -> None:
    source = PRELUDE + (
        "def run(table):\n"
        "    address, _ = call(9, 0, 4096, 3, 0x22, -1, 0)\n"
        "    result, error = call(10, address, 4096, 5)\n"
        "    return pl.DataFrame({'address': [address], 'result': [result], 'errno': [error]})\n"
    )
    row = bench.answer(source).row(0, named=True)
    assert row["address"] > 0
    assert (row["result"], row["errno"]) == (-1, errno.EPERM)


def test_no_library_can_be_loaded_inside(bench) -> None:
    with pytest.raises(DataError, match="OSError"):
        bench.run("import ctypes\ndef run(table):\n    ctypes.CDLL('libresolv.so.2')\n    return table\n")


def test_threads_still_work(bench) -> None:
    source = (
        "import threading\nimport polars as pl\n"
        "def run(table):\n"
        "    found = []\n"
        "    threads = [threading.Thread(target=found.append, args=(i,)) for i in range(8)]\n"
        "    [t.start() for t in threads]; [t.join() for t in threads]\n"
        "    return pl.DataFrame({'n': [len(found)]})\n"
    )
    assert bench.table(source).equals(pl.DataFrame({"n": [8]}))
