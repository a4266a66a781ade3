"""What hostile code tries inside a Pod: read as text and run there, behind the walls or without them. Standard library only.

`attempts(LIST)` takes (name, function, arguments) and answers `{name: word}`: OUT where bytes left the Pod or somebody
else's bytes were read, else how it was refused. It aims at nothing but what it is given.
"""

import errno
import os
import socket
import struct
import subprocess
import threading
from concurrent.futures.thread import ThreadPoolExecutor

OUT = "out"
PATIENCE = 3.0  # seconds; what a policy drops is never answered


class Nothing(Exception):
    """There was nothing to be had; the words say what was missing."""


def tcp(host, port):
    socket.create_connection((host, port), timeout=PATIENCE).close()


def udp(host, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.sendto(b"x", (host, port))
        s.recvfrom(10)


def dns(host):
    """The address of `kubernetes.default`, asked of a name server directly."""
    name = b"".join(bytes([len(part)]) + part for part in b"kubernetes.default.svc.cluster.local".split(b"."))
    query = struct.pack(">6H", 7, 0x0100, 1, 0, 0, 0) + name + b"\0" + struct.pack(">2H", 1, 1)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.settimeout(PATIENCE)
        s.sendto(query, (host, 53))
        s.recvfrom(512)


def name(host):
    try:
        socket.getaddrinfo(host, 443)
    except socket.gaierror:
        raise Nothing("no such name") from None


def icmp(host):
    header = struct.pack(">BBHHH", 8, 0, 0, 7, 1)
    total = sum(struct.unpack(">4H", header))
    checksum = ~((total >> 16) + (total & 0xFFFF)) & 0xFFFF
    with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as s:
        s.settimeout(PATIENCE)
        s.sendto(struct.pack(">BBHHH", 8, 0, checksum, 7, 1), (host, 0))
        while s.recvfrom(100)[1][0] != host:
            pass


def abstract(address):
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as s:
        s.settimeout(PATIENCE)
        s.connect("\0" + address)


def read(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.read(descriptor, 10)
    finally:
        os.close(descriptor)


def write(path):
    """Leaves a mark for whoever comes next."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.write(descriptor, b"mark")
    finally:
        os.close(descriptor)


def environment(pid, secret):
    with open(f"/proc/{pid}/environ", "rb") as file:  # noqa: PTH123
        if secret.encode() not in file.read():
            raise Nothing("not in there")


def memory(pid, secret):
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", buffering=0) as mem:  # noqa: PTH123
        for line in maps:
            first, _, last = line.split()[0].partition("-")
            if "rw" not in line or "[v" in line:
                continue
            mem.seek(int(first, 16))
            if secret.encode() in (mem.read(int(last, 16) - int(first, 16)) or b""):
                return
    raise Nothing("not in there")


def anybody(secret):
    """The environment of any process that can be seen."""
    for pid in filter(str.isdigit, os.listdir("/proc")):  # noqa: PTH208
        try:
            environment(pid, secret)
        except (OSError, Nothing):
            continue
        return
    raise Nothing("no such process")


def program(path):
    done = subprocess.run([path, "-I", "-c", "print('ran')"], capture_output=True, text=True, check=False)
    if done.stdout != "ran\n":
        raise Nothing("it did not run")


def processes(most):
    """How many processes may be made before somebody says no; all are ended again. OUT: `most` and more."""
    made, until = [], os.pipe()
    try:
        while len(made) < most:
            pid = os.fork()
            if pid == 0:
                os.close(until[1])
                os.read(until[0], 1)
                os._exit(0)
            made.append(pid)
    finally:
        os.close(until[1])
        for pid in made:
            os.waitpid(pid, 0)


def threads(most):
    """The same with threads."""
    over, made = threading.Event(), []
    try:
        while len(made) < most:
            made.append(threading.Thread(target=over.wait))
            made[-1].start()
    except RuntimeError as problem:
        raise Nothing(str(problem)) from None
    finally:
        over.set()


def fill(path, most):
    """Writes to a new file until somebody says no. OUT: `most` bytes and more."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        written = 0
        while written < most:
            written += os.write(descriptor, bytes(1 << 20))
    finally:
        os.close(descriptor)
        os.unlink(path)  # noqa: PTH108


def attempt(function, arguments):
    try:
        globals()[function](*arguments)
    except TimeoutError:
        return "no answer"
    except OSError as problem:
        return errno.errorcode.get(problem.errno or 0, str(problem))
    except Nothing as problem:
        return str(problem)
    return OUT


def attempts(wanted):
    with ThreadPoolExecutor(16) as pool:
        found = {name: pool.submit(attempt, function, arguments) for name, function, arguments in wanted}
        return {name: one.result() for name, one in found.items()}
