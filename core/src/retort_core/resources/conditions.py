"""What conditions say: each type and each reason with the sentence that explains it; the reference page is made of these.

A reason is for programs and stays as it is; the message beside it is for people and may say more. Reasons of AgentTasks
that come from an error are the error's class (`Infrastructure`, `Data`, ...); see the reference page of errors.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class TaskReason(StrEnum):
    """Reasons the operator itself gives; the rest come from `decide`."""

    queued = "Queued"
    isolation_unproven = "IsolationUnproven"
    no_executor = "NoExecutor"


class ProfileCondition(StrEnum):
    available = "Available"
    isolated = "Isolated"


class ProfileReason(StrEnum):
    pool_ready = "PoolReady"
    pool_filling = "PoolFilling"
    pods_failing = "PodsFailing"
    proven = "Proven"
    open_ = "BarrierOpen"
    unknown = "ProofMissing"
    no_policy = "PolicyMissing"


TYPES: Final[Mapping[str, Mapping[str, str]]] = {
    "AgentTask": {
        "Accepted": "The task was understood and the version it starts from is fixed.",
        "Prepared": "It is known what will run; see `status.plan`.",
        "AwaitingInput": "A person has to say something: an answer to `status.question`, or a yes to `status.staged`.",
        "Running": "An executor works on it; False with a reason says why none does.",
        "Complete": "It ended well; see `status.result`. Never changes again.",
        "Failed": "It ended without a result; see the reason and `status.failure`. Never changes again.",
    },
    "ExecutorProfile": {
        "Available": "Idle executors are ready to be claimed.",
        "Isolated": "It was tried, node by node, that an executor can reach nothing; the message names what was not proven.",
    },
}
REASONS: Final[Mapping[str, Mapping[str, str]]] = {
    "AgentTask": {
        "BaseResolved": "The version it starts from was found and the caller may use it.",
        "Planned": "Words, plan or script became what will run.",
        "Question": "Something is undecided; the buttons are in `status.question`.",
        "Approval": "The finished version goes beyond what was said; it waits for a yes to exactly this commit.",
        "Answered": "The question was answered.",
        "Approved": "The staged version was approved.",
        "Running": "An executor works on it.",
        TaskReason.queued: "It waits for an executor: all are busy, or others of this project come first.",
        TaskReason.isolation_unproven: "Executors wait until it is proven that they can reach nothing; the barrier is named.",
        TaskReason.no_executor: "The profile has no executor yet, or they do not start; see the profile's conditions.",
        "Staged": "The run is over, its result is stored and not yet on a branch.",
        "Rebasing": "The branch moved before the result was on it; the work is done again on its new head.",
        "Retrying": "The executor was lost, or data could not be read or stored; another attempt follows.",
        "Done": "It is over.",
        "Infrastructure": "Executors were lost more often than `infrastructureRetries` allows, or data could not be read or stored for minutes.",
        "Model": "No usable plan came from the model, and the rules have none.",
        "Data": "The run met values it cannot handle; column and values are named.",
        "Limit": "A limit was reached; it is named.",
        "Policy": "It is not allowed, or a barrier stopped it.",
        "Input": "What was asked for does not exist or does not fit; what to change is said.",
        "Cancelled": "Somebody cancelled it.",
        "Rejected": "The staged version was not approved.",
        "QueueTimeout": "Neither plan nor executor came within `queueTimeoutSeconds`.",
        "Deadline": "The run took longer than `activeDeadlineSeconds`.",
        "InputTimeout": "Nobody answered within seven days.",
    },
    "ExecutorProfile": {
        ProfileReason.pool_ready: "As many executors are idle as are wanted.",
        ProfileReason.pool_filling: "Executors are starting.",
        ProfileReason.pods_failing: "Executors end before they are ready; the message says how.",
        ProfileReason.proven: "Every barrier was tried on every node in use, and a control got through.",
        ProfileReason.open_: "Something was reached that must not be; nothing is claimed there.",
        ProfileReason.unknown: "Not tried yet, or the control failed too, which proves nothing.",
        ProfileReason.no_policy: "The executors' namespace has no network policy; nothing is claimed.",
    },
}


def render() -> str:
    """The reference page."""
    lines = ["# Conditions and reasons", "", "Made from `retort_core.resources.conditions`; do not edit.", ""]
    for kind, types in TYPES.items():
        lines += [f"## {kind}", "", "| condition | says |", "|---|---|"]
        lines += [f"| `{name}` | {sentence} |" for name, sentence in types.items()]
        lines += ["", "| reason | why |", "|---|---|"]
        lines += [f"| `{name}` | {sentence} |" for name, sentence in REASONS[kind].items()]
        lines.append("")
    return "\n".join(lines)
