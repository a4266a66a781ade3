"""`crds/*.yaml`: the CustomResourceDefinitions of `retort_core.resources.crds` as files for `kubectl apply`."""

from __future__ import annotations

from functools import partial

import yaml

from retort_core.resources.crds import KINDS, Kind, definition

HEAD = "# Made from retort_core.resources by `make generate`; do not edit.\n"


def render(kind: Kind) -> str:
    body = yaml.safe_dump(definition(kind), sort_keys=False, allow_unicode=True, width=120)
    return HEAD + body


agenttasks, datacommits, executorprofiles = (partial(render, kind) for kind in KINDS)
