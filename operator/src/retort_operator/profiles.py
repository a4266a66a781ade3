"""The ExecutorProfiles as they are known, and whether a project may name one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from retort_core.lifecycle.statuses import Failure
from retort_core.resources.v1alpha1 import ExecutorProfileSpec
from retort_operator.pods import template_of


@dataclass(frozen=True, kw_only=True)
class Profile:
    name: str
    uid: str
    generation: int
    spec: ExecutorProfileSpec
    template: str


class Profiles:
    def __init__(self) -> None:
        self._found: dict[str, Profile] = {}

    def __iter__(self) -> Iterator[Profile]:
        return iter(tuple(self._found.values()))

    def get(self, name: str) -> Profile | None:
        return self._found.get(name)

    def apply(self, raw: Mapping[str, Any]) -> bool:
        """False for one that cannot be read (written under other rules); the one known before stays."""
        metadata = raw["metadata"]
        try:
            spec = ExecutorProfileSpec.model_validate(raw["spec"])
        except (ValidationError, KeyError):
            return False
        self._found[metadata["name"]] = Profile(
            name=metadata["name"],
            uid=metadata["uid"],
            generation=int(metadata.get("generation") or 0),
            spec=spec,
            template=template_of(spec),
        )
        return True

    def remove(self, name: str) -> None:
        self._found.pop(name, None)

    def problem(self, name: str, namespace: str) -> Failure | None:
        """Why a task of `namespace` cannot run with profile `name`; the same words for missing and not allowed."""
        found = self._found.get(name)
        if found is not None and {"*", namespace} & set(found.spec.allowed_namespaces):
            return None
        usable = [one.name for one in self if {"*", namespace} & set(one.spec.allowed_namespaces)]
        hint = (
            f"usable here: {', '.join(sorted(usable)[:20])}" if usable else "there is none for this project"
        )
        message = f"there is no executor profile {name!r} for the project {namespace!r}; {hint}"
        return Failure(failure="Input", code="not-found", message=message, details={"profile": name})
