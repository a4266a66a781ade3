"""The DataCommit object of a published version."""

from __future__ import annotations

import re
from typing import Any

from retort_core.http.internal import CommitFact
from retort_core.resources import labels
from retort_core.resources.labels import label_value
from retort_core.resources.v1alpha1 import CountsStatus, DataCommitSpec


def name_of(dataset: str, commit: str) -> str:
    """The same for the same version; readable where the dataset's name is."""
    slug = re.sub(r"[^a-z0-9]+", "-", dataset.lower()).strip("-")[:40].strip("-")
    return f"{slug}-{commit[:12]}" if slug else f"v-{commit[:16]}"


def body_of(fact: CommitFact, page: str) -> dict[str, Any]:
    spec = DataCommitSpec(
        commit=fact.id,
        sequence=fact.seq,
        dataset_name=fact.dataset,
        branch=fact.branch[:100],
        root=fact.root[:64],
        parents=list(fact.parents[:8]),
        title=fact.title[:300],
        change=fact.kind[:32],
        author=fact.author[:253],
        task_uid=fact.task,
        counts=CountsStatus.model_validate(
            {name: getattr(fact.counts, name) for name in CountsStatus.model_fields}
        ),
        committed_at=fact.created_at,
    )
    marks = {labels.DATASET: label_value(fact.dataset), labels.PAGE: page}
    return {
        "apiVersion": labels.API_VERSION,
        "kind": "DataCommit",
        "metadata": {"name": name_of(fact.dataset, fact.id), "namespace": fact.namespace, "labels": marks},
        "spec": spec.model_dump(mode="json", by_alias=True, exclude_defaults=True),
    }
