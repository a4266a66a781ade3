"""Every operation of the OpenAPI document as a request: which path, which body, filled from a set of names."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from retort_api.access.rules import RULES, Rule

A = "/api/v1"
BODIES: dict[str, Any] = {
    "createProject": {"name": "walked"},
    "createDataset": {"name": "walked"},
    "createBranch": {"name": "walked", "source": "main"},
    "moveBranch": {"head": "main~1"},
    "createConversation": {},
    "createMessage": {"text": "drop the age column"},
    "createTask": {"source": {"instruction": {"text": "drop the age column"}}},
    "answerTask": {"choice": "o1"},
    "approveTask": {"commit": "0" * 64},
    "login": {"name": "nobody-here", "password": "wrong wrong wrong"},
    "refresh": {"refresh_token": "x"},
    "createAccount": {"name": "walked", "password": "a long enough one"},
    "changePassword": {"old": "x", "new": "a long enough one"},
    "createKey": {"title": "walked", "scopes": ["read"]},
    "changeAccount": {"disabled": False},
    "inviteToSystem": {},
    "inviteToProject": {},
    "putMember": {"subject": "ours-analyst", "role": "admin"},
    "putQuota": {"storage_bytes": 1},
    "createTemplate": {"name": "walked", "dataset": "secret"},
    "fitTemplate": {},
    "runTemplate": {},
}
RAW = {"uploadFile", "sendPiece"}
QUERIES: dict[str, dict[str, str]] = {
    "getDiff": {"from": "main", "to": "main"},
    "removeMember": {"subject": "ours-analyst"},
    "uploadFile": {"mode": "append"},  # a new file would make a dataset of that name
    "beginUpload": {"mode": "append"},
}
HEADERS: dict[str, dict[str, str]] = {
    "moveBranch": {"if-match": '"0"'},
    "uploadFile": {"filename": "w.csv"},
    "beginUpload": {"filename": "w.csv", "upload-length": "4", "repr-digest": f"sha-256=:{'A' * 43}=:"},
    "sendPiece": {"upload-offset": "0"},
    "streamEvents": {"last-event-id": "no number"},
}


@dataclass(frozen=True)
class Operation:
    name: str
    method: str
    template: str
    rule: Rule

    @property
    def in_project(self) -> bool:
        return "{project}" in self.template

    def __str__(self) -> str:
        return self.name

    def request(self, person: Any, names: Mapping[str, str]) -> Any:
        from urllib.parse import quote

        path = self.template.format(**{key: quote(value, safe="") for key, value in names.items()})
        rest: dict[str, Any] = {"params": QUERIES.get(self.name, {}), "headers": HEADERS.get(self.name, {})}
        if self.name in RAW:
            rest["content"] = b"a\n1\n"
        elif self.name in BODIES:
            rest["json"] = BODIES[self.name]
        return person.request(self.method, path, **rest)


def operations(document: Mapping[str, Any]) -> Iterator[Operation]:
    for template, methods in document["paths"].items():
        for method, found in methods.items():
            rule = RULES[method.upper(), template]
            yield Operation(found["operationId"], method.upper(), template, rule)


def begin_upload(person: Any, dataset: str) -> str:
    """A file on its way into a dataset of this person's project; its id."""
    path = f"{person.p}/datasets/{dataset}/upload-sessions"
    reply = person.request("POST", path, params=QUERIES["beginUpload"], headers=HEADERS["beginUpload"])
    assert reply.status_code == 201, reply.text
    return str(reply.json()["id"])


__all__ = ["Operation", "begin_upload", "operations"]
