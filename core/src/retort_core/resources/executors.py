"""ExecutorProfile: what a run may use and how many idle executors are kept; the platform team's, in the executors' namespace.

Tenants name a profile, they never pass a Pod template: making an AgentTask must not equal making a Pod.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from retort_core.resources.fields import CONDITIONS, Condition, Count, Quantity, Resource, rule, rules

Label = Annotated[str, StringConstraints(max_length=253)]


class Toleration(Resource):
    key: Label = Field(default="", description="As in a Pod.")
    operator: Literal["Equal", "Exists"] = Field(default="Equal", description="As in a Pod.")
    value: Label = Field(default="", description="As in a Pod.")
    effect: Literal["", "NoSchedule", "PreferNoSchedule", "NoExecute"] = Field(
        default="", description="As in a Pod."
    )


class NodeLabel(Resource):
    key: Annotated[str, StringConstraints(min_length=1, max_length=253)] = Field(
        description="Label of the node."
    )
    value: Annotated[str, StringConstraints(max_length=63)] = Field(description="The value it must have.")


class ProfileResources(Resource):
    """Requests equal limits, so that a run never depends on what else is on the node."""

    cpu: Quantity = Field(default="1", description="Processor time; also the threads of a run, rounded up.")
    memory: Quantity = Field(default="2Gi", description="Of the Pod; a run may use this less 256 MiB.")
    scratch: Quantity = Field(default="64Mi", description="Of /tmp, in memory and counted as such.")


class ProfileLimits(Resource):
    run_seconds: Annotated[int, Field(ge=1, le=86_400)] = Field(
        default=600, description="Longest run; a task's own deadline can only be shorter."
    )
    output: Quantity = Field(default="2Gi", description="Largest result.")


class ExecutorProfileSpec(Resource):
    model_config = {
        "json_schema_extra": rules(
            rule(
                "self.replicas <= self.capacity",
                "replicas (idle executors) must not exceed capacity (all of them)",
            )
        )
    }
    image: Annotated[str, StringConstraints(min_length=1, max_length=512)] = Field(
        description="The executor's image, by digest where the registry has one."
    )
    image_pull_policy: Literal["Always", "IfNotPresent", "Never"] = Field(
        default="IfNotPresent", description="As in a Pod."
    )
    replicas: Annotated[int, Field(ge=0, le=1000, json_schema_extra={"format": "int32"})] = Field(
        default=2, description="Idle executors to keep ready; `kubectl scale` changes it."
    )
    capacity: Annotated[int, Field(ge=1, le=5000)] = Field(
        default=20, description="All executors there may be."
    )
    resources: ProfileResources = Field(default=ProfileResources(), description="Of each executor.")
    limits: ProfileLimits = Field(default=ProfileLimits(), description="Of each run.")
    runtime_class_name: Annotated[str, StringConstraints(max_length=253)] = Field(
        default="", description="For example gvisor or kata; empty for the cluster's own."
    )
    user_namespaces: Literal["Host", "Own"] = Field(
        default="Host", description="Own: users of the Pod are nobody outside of it (hostUsers: false)."
    )
    allowed_namespaces: Annotated[
        list[Annotated[str, StringConstraints(min_length=1, max_length=63)]], Field(max_length=512)
    ] = Field(
        default=["*"], description='Projects that may name it; "*" for all.', json_schema_extra={"x-kubernetes-list-type": "set"}
    )  # fmt: skip
    node_labels: Annotated[list[NodeLabel], Field(max_length=16)] = Field(
        default=[], description="Labels a node must have.",
        json_schema_extra={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["key"]},
    )  # fmt: skip
    tolerations: Annotated[list[Toleration], Field(max_length=16)] = Field(
        default=[], description="As in a Pod."
    )


class ExecutorProfileStatus(Resource):
    observed_generation: Count = Field(default=0, description="Generation of `spec` this tells of.")
    replicas: Count = Field(default=0, description="Executors that are idle or starting.")
    ready: Count = Field(default=0, description="Idle executors that can be claimed.")
    claimed: Count = Field(default=0, description="Executors at work.")
    selector: Annotated[str, StringConstraints(max_length=253)] = Field(
        default="", description="Selects the idle executors, for autoscalers."
    )
    conditions: Annotated[list[Condition], Field(max_length=8)] = Field(
        default=[], description="Available and Isolated.", json_schema_extra=CONDITIONS
    )


class ExecutorProfile(Resource):
    """What a run may use, and how many idle executors are kept for it."""

    spec: ExecutorProfileSpec = Field(description="What is wanted.")
    status: ExecutorProfileStatus | None = Field(default=None, description="What the operator tells of it.")
