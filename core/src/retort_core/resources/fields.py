"""Building blocks of the custom resources: bounded strings and lists, and the markers that become rules of the API server.

Every string and list is bounded, because the cost of a CEL rule is reckoned from the largest value that the schema
allows, and because what lies in etcd is everybody's. No booleans and no floats: an enum can get a third value later, and
a float has no exact text everywhere.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Final, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints
from pydantic.alias_generators import to_camel

from retort_core import names

RULES: Final = "x-kubernetes-validations"


class Resource(BaseModel):
    """A part of a custom resource. Unknown fields are ignored: a newer API server may know more than this release."""

    model_config = ConfigDict(
        frozen=True, extra="ignore", alias_generator=to_camel, populate_by_name=True, serialize_by_alias=True
    )


def rule(expression: str, message: str) -> dict[str, str]:
    return {"rule": expression, "message": message}


def rules(*found: dict[str, str]) -> dict[str, Any]:
    """For `json_schema_extra` of a field or a model."""
    return {RULES: list(found)}


def immutable(name: str, *more: dict[str, str]) -> dict[str, Any]:
    return rules(rule("self == oldSelf", f"{name} is immutable: make another task"), *more)


Commit: TypeAlias = Annotated[str, StringConstraints(max_length=64, pattern="^[0-9a-f]{64}$")]
Text: TypeAlias = Annotated[str, StringConstraints(max_length=10_000)]
Message: TypeAlias = Annotated[str, StringConstraints(max_length=1024)]
Short: TypeAlias = Annotated[str, StringConstraints(max_length=253)]
Reason: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=128, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
]
DatasetName: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=names.LONGEST, pattern=f"^{names.NAME}$")
]
ObjectName: TypeAlias = Annotated[
    str, StringConstraints(min_length=1, max_length=63, pattern="^[a-z0-9]([-a-z0-9]*[a-z0-9])?$")
]
Count: TypeAlias = Annotated[int, Field(ge=0, json_schema_extra={"format": "int64"})]
Quantity: TypeAlias = Annotated[
    str,
    StringConstraints(
        min_length=1, max_length=20, pattern=r"^[0-9]+(\.[0-9]{1,3})?(m|k|M|G|T|Ki|Mi|Gi|Ti)?$"
    ),
]


def stamp(moment: datetime) -> str:
    """RFC 3339 with whole seconds, as the API server writes times itself."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


Time: TypeAlias = Annotated[datetime, PlainSerializer(stamp, when_used="json")]


class Condition(Resource):
    """As `metav1.Condition`: every tool for Kubernetes knows this shape."""

    type: Annotated[str, StringConstraints(min_length=1, max_length=64)] = Field(
        description="What is told of."
    )
    status: Literal["True", "False", "Unknown"] = Field(description="Whether it holds.")
    reason: Reason = Field(description="Why, for programs.")
    message: Annotated[str, StringConstraints(max_length=1024)] = Field(description="Why, for people.")
    last_transition_time: Time = Field(description="When `status` last changed.")
    observed_generation: Count = Field(default=0, description="Generation of the object that was looked at.")


CONDITIONS: Final[dict[str, Any]] = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}
_SCALE: Final = {"m": 0.001, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12,
                 "Ki": 2**10, "Mi": 2**20, "Gi": 2**30, "Ti": 2**40}  # fmt: skip


def amount(quantity: str) -> float:
    """A quantity of Kubernetes as a number: "500m" -> 0.5, "1Gi" -> 1073741824."""
    unit = quantity.lstrip("0123456789.")
    return float(quantity.removesuffix(unit) if unit else quantity) * _SCALE.get(unit, 1)
