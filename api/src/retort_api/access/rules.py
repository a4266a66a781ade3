"""Route -> right, in one file; a route that is missing here is refused at start.

`Rule.kept` says what the audit keeps: "acts" what changes something, in the transaction of the change; "reads" also
that data left the service. Refusals are kept of every route. `open` routes need no caller: they are how one comes in.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from retort_api.access.authoriser import Verb
from retort_core.http import routes


@dataclass(frozen=True)
class Rule:
    verb: Verb
    resource: str
    kept: Literal["", "acts", "reads"] = ""
    open: bool = False


RULES: Final[dict[tuple[str, str], Rule]] = {
    ("GET", routes.ABOUT): Rule("get", "about"),
    ("GET", routes.PROJECTS): Rule("list", "projects"),
    ("POST", routes.PROJECTS): Rule("create", "projects", "acts"),
    ("GET", routes.PROJECT): Rule("get", "projects"),
    ("GET", routes.DATASETS): Rule("list", "datasets"),
    ("POST", routes.DATASETS): Rule("create", "datasets", "acts"),
    ("GET", routes.DATASET): Rule("get", "datasets"),
    ("POST", routes.UPLOADS): Rule("create", "uploads", "acts"),
    ("POST", routes.UPLOAD_SESSIONS): Rule("create", "uploads", "acts"),
    ("GET", routes.UPLOAD_SESSION): Rule("create", "uploads"),
    ("PATCH", routes.UPLOAD_SESSION): Rule("create", "uploads"),
    ("POST", routes.UPLOAD_SESSION): Rule("create", "uploads", "acts"),
    ("DELETE", routes.UPLOAD_SESSION): Rule("create", "uploads", "acts"),
    ("GET", routes.BRANCHES): Rule("list", "branches"),
    ("POST", routes.BRANCHES): Rule("create", "branches", "acts"),
    ("GET", routes.BRANCH): Rule("get", "branches"),
    ("PUT", routes.BRANCH): Rule("update", "branches", "acts"),
    ("GET", routes.COMMITS): Rule("list", "commits"),
    ("GET", routes.COMMIT): Rule("get", "commits"),
    ("GET", routes.COMMIT_SCRIPT): Rule("get", "commits"),
    ("GET", routes.COMMIT_PLAN): Rule("get", "commits"),
    ("GET", routes.COMMIT_TABLE): Rule("get", "tables"),
    ("GET", routes.COMMIT_PROFILE): Rule("get", "tables"),
    ("GET", routes.COMMIT_QUALITY): Rule("get", "tables"),
    ("GET", routes.COMMIT_SUGGESTIONS): Rule("get", "tables"),
    ("GET", routes.COMMIT_EXPORT): Rule("get", "exports", "reads"),
    ("GET", routes.COMMIT_REPORT): Rule("get", "exports", "reads"),
    ("GET", routes.GRAPH): Rule("list", "commits"),
    ("GET", routes.REFLOG): Rule("list", "branches"),
    ("GET", routes.DIFF): Rule("get", "tables"),
    ("POST", routes.CONVERSATIONS): Rule("create", "conversations", "acts"),
    ("GET", routes.CONVERSATIONS): Rule("list", "conversations"),
    ("GET", routes.CONVERSATION): Rule("get", "conversations"),
    ("POST", routes.MESSAGES): Rule("run", "tasks", "acts"),
    ("GET", routes.MESSAGES): Rule("get", "conversations"),
    ("POST", routes.TASKS): Rule("run", "tasks", "acts"),
    ("GET", routes.TASKS): Rule("list", "tasks"),
    ("GET", routes.TASK): Rule("get", "tasks"),
    ("POST", routes.TASK_ANSWER): Rule("run", "tasks", "acts"),
    ("POST", routes.TASK_APPROVAL): Rule("approve", "tasks", "acts"),
    ("POST", routes.TASK_CANCEL): Rule("cancel", "tasks", "acts"),
    ("GET", routes.TASK_EVENTS): Rule("get", "tasks"),
    ("GET", routes.EVENTS): Rule("list", "tasks"),
    ("GET", routes.SENTENCES): Rule("get", "about"),
    ("GET", routes.CONVENTIONS): Rule("list", "conventions"),
    ("DELETE", routes.CONVENTION): Rule("update", "conventions", "acts"),
    ("GET", routes.TEMPLATES): Rule("list", "templates"),
    ("POST", routes.TEMPLATES): Rule("create", "templates", "acts"),
    ("GET", routes.TEMPLATE): Rule("get", "templates"),
    ("DELETE", routes.TEMPLATE): Rule("delete", "templates", "acts"),
    ("POST", routes.TEMPLATE_FIT): Rule("get", "templates"),
    ("POST", routes.TEMPLATE_RUNS): Rule("run", "tasks", "acts"),
    ("GET", routes.RESULT): Rule("get", "results"),
    ("GET", routes.RESULT_TABLE): Rule("get", "results"),
    ("GET", routes.RESULT_EXPORT): Rule("get", "exports", "reads"),
    ("POST", routes.LOGIN): Rule("create", "sessions", "acts", open=True),
    ("POST", routes.REFRESH): Rule("update", "sessions", "acts", open=True),
    ("POST", routes.LOGOUT): Rule("get", "me", "acts"),
    ("GET", routes.ME): Rule("get", "me"),
    ("PUT", routes.PASSWORD): Rule("update", "me", "acts"),
    ("POST", routes.KEYS): Rule("create", "keys", "acts"),
    ("GET", routes.KEYS): Rule("list", "keys"),
    ("DELETE", routes.KEY): Rule("delete", "keys", "acts"),
    ("POST", routes.ACCOUNTS): Rule("create", "accounts", "acts", open=True),
    ("GET", routes.ACCOUNTS): Rule("list", "accounts"),
    ("PATCH", routes.ACCOUNT): Rule("update", "accounts", "acts"),
    ("POST", routes.INVITATIONS): Rule("create", "invitations", "acts"),
    ("POST", routes.PROJECT_INVITATIONS): Rule("create", "invitations", "acts"),
    ("GET", routes.MEMBERS): Rule("list", "members"),
    ("PUT", routes.MEMBERS): Rule("update", "members", "acts"),
    ("DELETE", routes.MEMBERS): Rule("delete", "members", "acts"),
    ("GET", routes.QUOTA): Rule("get", "quotas"),
    ("PUT", routes.QUOTA): Rule("update", "quotas", "acts"),
    ("PUT", routes.PROTECTION): Rule("update", "protections", "acts"),
    ("DELETE", routes.PROTECTION): Rule("update", "protections", "acts"),
    ("GET", routes.AUDIT): Rule("get", "audit", "reads"),
    ("GET", routes.AUDIT_HEADS): Rule("get", "audit"),
    ("GET", routes.SYSTEM_AUDIT): Rule("get", "audit", "reads"),
    ("GET", routes.SYSTEM_AUDIT_HEADS): Rule("get", "audit"),
}
