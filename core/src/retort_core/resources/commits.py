"""DataCommit (`dc`): one version of a dataset, shown to those who work with `kubectl`; facts only, written by the operator.

It has no status: that the object exists says that the version is published, and one write a version is what the API
server's budget allows. Deleting it deletes no data; the operator writes it again.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from retort_core.resources.fields import Commit, Count, DatasetName, Resource, Short, Time, rule, rules
from retort_core.resources.tasks import CountsStatus


class DataCommitSpec(Resource):
    model_config = {"json_schema_extra": rules(rule("self == oldSelf", "a version never changes"))}
    commit: Commit = Field(description="Id of the version.")
    sequence: Count = Field(description="Its place in the order of publication.")
    dataset_name: DatasetName = Field(description="Whose version it is.")
    branch: Annotated[str, StringConstraints(max_length=100)] = Field(
        default="", description="The branch that led to it first; empty where a tag did."
    )
    root: Annotated[str, StringConstraints(max_length=64)] = Field(
        description="Identity of the data: equal roots are equal tables."
    )
    parents: Annotated[list[Commit], Field(max_length=8)] = Field(
        default=[], description="The versions it came from."
    )
    title: Annotated[str, StringConstraints(max_length=300)] = Field(
        description="What was done, in a sentence."
    )
    change: Annotated[str, StringConstraints(max_length=32)] = Field(description="How it was made.")
    author: Short = Field(description="Who asked for it.")
    task_uid: Annotated[str, StringConstraints(max_length=36)] = Field(
        default="", alias="taskUID", description="The task that made it, if any."
    )
    counts: CountsStatus = Field(default=CountsStatus(), description="What it changed.")
    committed_at: Time = Field(description="When it was published.")


class DataCommit(Resource):
    """One version of a dataset: a projection of what the service holds. Deleting it deletes no data."""

    spec: DataCommitSpec = Field(description="Facts, immutable.")
