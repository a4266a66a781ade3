"""Names that charts, operator, broker and probes must spell alike: group, labels, annotations, environment of a Pod."""

from __future__ import annotations

import hashlib
import re
from typing import Final

GROUP: Final = "retort.dev"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"

# On Pods of the executors' namespace. `ROLE` is what watches and network policies select by.
ROLE: Final = f"{GROUP}/role"
EXECUTOR: Final = "executor"
PROBE: Final = "probe"  # tries to get out, under the same policies as an executor
PROBE_CONTROL: Final = "probe-control"  # in the probes' namespace, under no policy
MAY_DIAL: Final = (
    f"{GROUP}/may-dial-executors"  # "true" on the broker's Pods and on the positive control of ingress
)
PROFILE: Final = f"{GROUP}/profile"
TEMPLATE: Final = f"{GROUP}/template"  # hash of what the Pod was made from
STATE: Final = f"{GROUP}/state"
IDLE: Final = "idle"
CLAIMED: Final = "claimed"
TASK: Final = f"{GROUP}/task"  # uid without dashes
ATTEMPT: Final = f"{GROUP}/attempt"
TENANT: Final = f"{GROUP}/tenant"  # the namespace whose task it was claimed for
NONCE: Final = f"{GROUP}/nonce"  # annotation: the other half of the session key

PROVEN: Final = (
    f"{GROUP}/proven"  # annotation of the operator's Lease: what is proven of nodes, for the next leader
)

# On namespaces: an administrator opts a project in.
PROJECT: Final = f"{GROUP}/project"
ENABLED: Final = "enabled"
WEIGHT: Final = f"{GROUP}/weight"  # its share of the executors where there are too few for all, to that of others; 1 to 100

# On AgentTasks that the service makes, an annotation: the trace of the request that asked for it, as W3C writes it.
TRACEPARENT: Final = f"{GROUP}/traceparent"

# On DataCommits.
DATASET: Final = f"{GROUP}/dataset"
PAGE: Final = f"{GROUP}/page"  # commits that are pruned together

SESSION_KEY_VARIABLE: Final = "RETORT_SESSION_KEY"
POD_NAME_VARIABLE: Final = "RETORT_POD_NAME"
_NAMESPACE: Final = re.compile(r"[a-z0-9](?:[-a-z0-9]{0,61}[a-z0-9])?")
_VALUE: Final = re.compile(r"^[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$")


def label_value(text: str) -> str:
    """`text` where it is a label value as it stands, else a hash of it (names may be Chinese, or too long)."""
    return text if _VALUE.match(text) else "x" + hashlib.sha256(text.encode()).hexdigest()[:24]


def is_namespace(name: str) -> bool:
    """Whether a namespace can have that name (RFC 1123), so that it may stand in a path."""
    return _NAMESPACE.fullmatch(name) is not None
