"""A real Kubernetes node on this machine, for tests: `python tools/cluster up`, `down`, `status`.

Root only. See docs/how-to/test-cluster.md.
"""

from __future__ import annotations

import argparse
import os
import re
import sys

import archives
from commands import NodeError
from places import Node, cache


def main() -> None:
    if len(sys.argv) == 3 and sys.argv[1] == "first-process":
        import firstprocess

        firstprocess.main(sys.argv[2])
        return
    top = parser()
    arguments, rest = top.parse_known_args()
    if rest and arguments.act not in (_test, _bench, _soak):
        top.error(f"unknown arguments: {' '.join(rest)}")
    arguments.rest = rest
    try:
        arguments.act(arguments)
    except NodeError as problem:
        sys.exit(str(problem))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(prog="tools/cluster", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, act, told in (
        ("up", _up, "build what is missing and start the node; prints the path of its kubeconfig"),
        ("down", _down, "end the node; nothing of it is left on the machine but the cache"),
        ("status", _status, "whether it is up; exit 1 when it is not"),
        ("images", _images, "build these images; load them into the node if it is up"),
        (
            "test",
            _test,
            "run tests/cluster and tests/installed on a cluster brought up for it; the rest goes to pytest",
        ),
        ("bench", _bench, "run the benchmark of tasks on a cluster brought up for it"),
        (
            "soak",
            _soak,
            "end every part of an installation, RETORT_KILLS times each, on a node brought up for it",
        ),
        (
            "restart",
            _restart,
            "kill a daemon of the node (kubelet, containerd, kube-apiserver …); it starts again",
        ),
        ("clients", _clients, "print the folder with helm and kubectl"),
        ("faketime", _faketime, "print the folder with libfaketime, for Pods whose clock is to be wrong"),
        ("enter", _enter, "run a program inside the node (default: a shell)"),
        ("keep", _keep, argparse.SUPPRESS),
    ):
        command = commands.add_parser(name, help=told)
        command.set_defaults(act=act)
        if name not in ("clients", "faketime"):
            command.add_argument("--name", type=_name, default=os.environ.get("RETORT_NODE", "retort"))
        if name == "images":
            command.add_argument("images", nargs="*", metavar="IMAGE")
        if name == "restart":
            command.add_argument("daemon")
        if name in ("test", "bench", "soak"):
            command.set_defaults(name="test")
            command.add_argument("--keep", action="store_true", help="leave the cluster up")
        if name == "enter":
            command.add_argument("program", nargs=argparse.REMAINDER)
    return top


def _name(text: str) -> str:
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,30}[a-z0-9])?", text):
        raise argparse.ArgumentTypeError("lower-case letters, digits and hyphens, at most 32")
    return text


def _up(arguments: argparse.Namespace) -> None:
    import starting

    node = Node(arguments.name)
    starting.up(node)
    print(node.kubeconfig)


def _down(arguments: argparse.Namespace) -> None:
    import running

    running.stop(Node(arguments.name))


def _status(arguments: argparse.Namespace) -> None:
    import running

    node = Node(arguments.name)
    if running.keeper(node) is None:
        sys.exit(f"{node.name}: down (cache: {cache()})")
    print(f"{node.name}: up, KUBECONFIG={node.kubeconfig}")


def _images(arguments: argparse.Namespace) -> None:
    import images
    import running

    node = Node(arguments.name)
    for name in arguments.images or images.PARTS:
        if name not in images.names():
            raise NodeError(f"There is no image {name!r}; there are {', '.join(images.names())}.")
        archive = images.archive(name)
        print(f"{images.reference(name)} {archives.digest(archive)} {archive}")
        if running.keeper(node) is not None:
            running.load(node, archive, images.full_reference(name))


def _bench(arguments: argparse.Namespace) -> None:
    import testing

    code = testing.run_tests(Node(arguments.name), arguments.rest, testing.BENCHMARK, keep=arguments.keep)
    sys.exit(code)


def _soak(arguments: argparse.Namespace) -> None:
    import testing

    sys.exit(testing.run_tests(Node(arguments.name), arguments.rest, testing.SOAK, keep=arguments.keep))


def _test(arguments: argparse.Namespace) -> None:
    import testing

    sys.exit(testing.run_tests(Node(arguments.name), arguments.rest, testing.FOLDERS, keep=arguments.keep))


def _clients(_: argparse.Namespace) -> None:
    import builds

    print(builds.clients())


def _faketime(_: argparse.Namespace) -> None:
    import builds

    print(builds.faketime())


def _restart(arguments: argparse.Namespace) -> None:
    import restarting

    restarting.restart(Node(arguments.name), arguments.daemon)


def _enter(arguments: argparse.Namespace) -> None:
    import running

    command = running.inside(Node(arguments.name), *(arguments.program or ["bash"]))
    os.execvp(command[0], command)


def _keep(arguments: argparse.Namespace) -> None:
    import keeper

    keeper.main(arguments.name)


if __name__ == "__main__":
    main()
