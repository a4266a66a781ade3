"""The cluster as kubectl sees it: the same configuration, context and credentials, by asking kubectl itself.

A plugin that speaks to the API server by its own means would have to know every way of logging in that kubectl knows.
"""

from __future__ import annotations

import codecs
import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from retort_core.errors import BadInput, Infrastructure, NotFound, PolicyDenied, RetortError
from retort_core.resources.quotas import exceeded

SECONDS: Final = 30.0
READ: Final = 1 << 16


class Kubectl(Protocol):
    def __call__(self, arguments: Sequence[str], given: str = "") -> str:
        """Standard output of `kubectl ARGUMENTS`, with `given` as its input; raises a RetortError with its words."""

    def watch(self, arguments: Sequence[str], seconds: float) -> Iterator[dict[str, Any]]:
        """Objects that `kubectl get --watch -o json` prints, as they come; ends after `seconds`."""


@dataclass(frozen=True)
class Program:
    """The kubectl on the PATH. `options`: those that were given to the plugin, such as --context."""

    options: tuple[str, ...] = ()

    def __call__(self, arguments: Sequence[str], given: str = "") -> str:
        try:
            done = subprocess.run(  # noqa: S603 - kubectl, with arguments as a list
                self._command(arguments),
                input=given,
                capture_output=True,
                text=True,
                timeout=SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired:
            raise Infrastructure("kubectl did not answer in time.") from None
        if done.returncode:
            raise refusal(done.stderr)
        return done.stdout

    def watch(self, arguments: Sequence[str], seconds: float) -> Iterator[dict[str, Any]]:
        command = self._command([*arguments, "--watch", "-o", "json"])
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:  # noqa: S603
            assert process.stdout is not None
            end = threading.Timer(seconds, process.kill)
            end.start()
            try:
                yield from objects(iter(lambda: os.read(process.stdout.fileno(), READ), b""))  # type: ignore[union-attr]
            finally:
                end.cancel()
                process.kill()

    def _command(self, arguments: Sequence[str]) -> list[str]:
        program = os.environ.get("RETORT_KUBECTL") or shutil.which("kubectl")
        if program is None:
            raise BadInput("There is no kubectl on the PATH; this is a plugin of it.")
        return [program, *self.options, *arguments]


def objects(pieces: Iterable[bytes]) -> Iterator[dict[str, Any]]:
    """JSON objects printed one after another, in whatever pieces they arrive."""
    decoder, held = json.JSONDecoder(), codecs.getincrementaldecoder("utf-8")()
    text = ""
    for piece in pieces:
        text = (text + held.decode(piece)).lstrip()
        while text:
            try:
                value, end = decoder.raw_decode(text)
            except ValueError:
                break  # the rest is still to come
            yield value
            text = text[end:].lstrip()


def refusal(words: str) -> RetortError:
    """Kubectl's own words, without what only programs read."""
    text = words.strip().removeprefix("Error from server ").strip()
    if text.startswith("(Forbidden)") and (quota := exceeded(text)) is not None:
        return quota
    for kind, error in (("(NotFound)", NotFound), ("(Forbidden)", PolicyDenied), ("(Invalid)", BadInput)):
        if text.startswith(kind):
            return error(text.removeprefix(kind).lstrip(": "))
    return Infrastructure(text or "kubectl failed without saying why")


@dataclass(frozen=True, kw_only=True)
class Tasks:
    """AgentTasks and DataCommits of one namespace ("" = the context's own)."""

    kubectl: Kubectl
    namespace: str = ""

    def _in(self) -> list[str]:
        return ["--namespace", self.namespace] if self.namespace else []

    def whoami(self) -> str:
        """The name under which requests arrive, which is what `spec.requester` must say."""
        found = json.loads(self.kubectl(["auth", "whoami", "-o", "json"]))
        return str(found["status"]["userInfo"]["username"])

    def may(self, verb: str, resource: str, sub: str) -> bool:
        """Whether whoever asks has a right of Retort's in this namespace; kubectl says no by its exit code as well."""
        asked = ["auth", "can-i", *self._in(), verb, f"{resource}.retort.dev", "--subresource", sub]
        try:
            return self.kubectl(asked).strip() == "yes"
        except RetortError:
            return False

    def create(self, spec: Mapping[str, Any], prefix: str) -> dict[str, Any]:
        body = {
            "apiVersion": "retort.dev/v1alpha1",
            "kind": "AgentTask",
            "metadata": {"generateName": prefix},
            "spec": dict(spec),
        }
        return self._json(["create", *self._in(), "-f", "-", "-o", "json"], json.dumps(body))

    def get(self, name: str) -> dict[str, Any]:
        return self._json(["get", *self._in(), "agenttask", name, "-o", "json"])

    def patch(self, name: str, spec: Mapping[str, Any]) -> dict[str, Any]:
        text = json.dumps({"spec": dict(spec)}, ensure_ascii=False)
        return self._json(["patch", *self._in(), "agenttask", name, "--type=merge", "-p", text, "-o", "json"])

    def settled(self, name: str, seconds: float) -> dict[str, Any]:
        """The task once it is over or waits for a person, at the latest after `seconds`.

        Watched as a list of one: of an object by its name kubectl prints what it has read, then leaves out the first event of its
        watch, and with it whatever happened in between.
        """
        last = self.get(name)
        if settled(last):
            return last
        alone = ["--field-selector", f"metadata.name={name}"]
        for found in self.kubectl.watch(["get", *self._in(), "agenttasks", *alone], seconds):
            last = found
            if settled(found):
                break
        return last

    def events(self, uid: str) -> list[dict[str, Any]]:
        selector = f"involvedObject.uid={uid}"
        found = self._json(["get", *self._in(), "events", "--field-selector", selector, "-o", "json"])
        return list(found.get("items", []))

    def commits(self) -> list[dict[str, Any]]:
        """Newest first."""
        found = self._json(["get", *self._in(), "datacommits", "-o", "json"])
        return sorted(found.get("items", []), key=lambda one: -int(one["spec"].get("sequence", 0)))

    def _json(self, arguments: Sequence[str], given: str = "") -> dict[str, Any]:
        value: dict[str, Any] = json.loads(self.kubectl(arguments, given))
        return value


def holds(task: Mapping[str, Any], kind: str) -> bool:
    conditions = task.get("status", {}).get("conditions", [])
    return any(one["type"] == kind and one["status"] == "True" for one in conditions)


def settled(task: Mapping[str, Any]) -> bool:
    """Over, or waiting for something that its spec does not say yet."""
    if holds(task, "Complete") or holds(task, "Failed"):
        return True
    if not holds(task, "AwaitingInput"):
        return False
    spec, status = task["spec"], task["status"]
    question, staged = status.get("question"), status.get("staged")
    if question is not None:
        return bool(spec.get("answer", {}).get("questionID") != question["id"])
    return bool(staged is None or spec.get("approval", {}).get("commit") != staged["commit"])
