"""An act as the audit shows it: fields of `audit.k8s.io/v1` Event, and what Kubernetes has no word for under `retort`.

Names and ids only. The words of an instruction may repeat cell values, so their hash stands here; a query string is
left out of the path for the same reason. Nothing in here is a secret, and nothing of a request's body.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from pydantic import JsonValue

from retort_api.access.authoriser import Caller
from retort_core.identity import digest

LONGEST: Final = 500  # characters of anything the outside chose
ANONYMOUS: Final = "system:anonymous"  # as Kubernetes calls who has not said who they are


@dataclass(frozen=True, kw_only=True)
class Act:
    """One request. `project`, `namespace`: id and name of the project, empty when it concerns the system."""

    id: str
    at: datetime
    verb: str
    resource: str
    path: str
    addresses: tuple[str, ...] = ()
    agent: str = ""
    caller: Caller | None = None
    project: str = ""
    namespace: str = ""
    dataset: str = ""
    noted: list[str] = field(default_factory=list)  # what was written for it, so that nothing is forgotten

    @property
    def user(self) -> dict[str, JsonValue]:
        return user_of(self.caller) if self.caller is not None else {"username": ANONYMOUS}


def user_of(caller: Caller) -> dict[str, JsonValue]:
    extra: dict[str, JsonValue] = {"retort.dev/kind": [caller.kind]}
    if caller.credential:
        extra["retort.dev/credential"] = [caller.credential]
    return {
        "username": caller.name[:LONGEST],
        "uid": caller.uid or caller.id,
        "groups": [group[:LONGEST] for group in caller.groups],
        "extra": extra,
    }


def event(
    act: Act, code: int, now: datetime, name: str, reason: str, facts: dict[str, JsonValue]
) -> dict[str, JsonValue]:
    """`code`: the HTTP status; `facts`: what the act was about, as far as Kubernetes has no field for it."""
    resource, _, sub = act.resource.partition("/")
    reference: dict[str, JsonValue] = {
        "apiGroup": "retort.dev", "apiVersion": "v1", "resource": resource, "subresource": sub,
        "namespace": act.namespace, "name": name[:LONGEST],
    }  # fmt: skip
    status: dict[str, JsonValue] = {"code": code}
    if reason:
        status["reason"] = reason
    own = {"dataset": act.dataset, **facts} if act.dataset else dict(facts)
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "Metadata",
        "auditID": act.id,
        "stage": "ResponseComplete",
        "requestURI": act.path[:LONGEST],
        "verb": act.verb,
        "user": act.user,
        "sourceIPs": list(act.addresses),
        "userAgent": act.agent[:LONGEST],
        "objectRef": {key: value for key, value in reference.items() if value},
        "responseStatus": status,
        "requestReceivedTimestamp": stamp(act.at),
        "stageTimestamp": stamp(now),
        "annotations": {
            "authorization.k8s.io/decision": "forbid" if code in (401, 403, 404, 429) else "allow"
        },
        "retort": own,
    }


def harmless(value: JsonValue) -> JsonValue:
    """Texts of bounded length that every encoding can hold; half a character becomes a question mark."""
    match value:
        case str():
            return value[:LONGEST].encode("utf-8", "replace").decode()
        case list():
            return [harmless(one) for one in value[:LONGEST]]
        case dict():
            return {key: harmless(one) for key, one in value.items()}
        case _:
            return value


def stamp(moment: datetime) -> str:
    """As Kubernetes writes a MicroTime."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def words(text: str) -> str:
    """Hash of what somebody said; empty when nothing was said."""
    return digest("prompt:v1", text) if text else ""
