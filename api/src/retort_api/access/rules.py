"""Route -> verb and resource, in one file; a route that is missing here is refused at start."""

from __future__ import annotations

from typing import Final

from retort_api.access.authoriser import Verb
from retort_core.http import routes

RULES: Final[dict[tuple[str, str], tuple[Verb, str]]] = {
    ("GET", routes.ABOUT): ("get", "about"),
    ("GET", routes.PROJECTS): ("list", "projects"),
    ("POST", routes.PROJECTS): ("create", "projects"),
    ("GET", routes.PROJECT): ("get", "projects"),
    ("GET", routes.DATASETS): ("list", "datasets"),
    ("POST", routes.DATASETS): ("create", "datasets"),
    ("GET", routes.DATASET): ("get", "datasets"),
    ("POST", routes.UPLOADS): ("create", "uploads"),
    ("GET", routes.BRANCHES): ("list", "branches"),
    ("POST", routes.BRANCHES): ("create", "branches"),
    ("GET", routes.BRANCH): ("get", "branches"),
    ("PUT", routes.BRANCH): ("update", "branches"),
    ("GET", routes.COMMITS): ("list", "commits"),
    ("GET", routes.COMMIT): ("get", "commits"),
    ("GET", routes.COMMIT_SCRIPT): ("get", "commits"),
    ("GET", routes.COMMIT_PLAN): ("get", "commits"),
    ("GET", routes.COMMIT_TABLE): ("get", "tables"),
    ("GET", routes.COMMIT_PROFILE): ("get", "tables"),
    ("GET", routes.COMMIT_QUALITY): ("get", "tables"),
    ("GET", routes.COMMIT_SUGGESTIONS): ("get", "tables"),
    ("GET", routes.COMMIT_EXPORT): ("get", "tables"),
    ("GET", routes.COMMIT_REPORT): ("get", "tables"),
    ("GET", routes.GRAPH): ("list", "commits"),
    ("GET", routes.REFLOG): ("list", "branches"),
    ("GET", routes.DIFF): ("get", "tables"),
    ("POST", routes.CONVERSATIONS): ("create", "conversations"),
    ("GET", routes.CONVERSATIONS): ("list", "conversations"),
    ("GET", routes.CONVERSATION): ("get", "conversations"),
    ("POST", routes.MESSAGES): ("run", "tasks"),
    ("GET", routes.MESSAGES): ("get", "conversations"),
    ("POST", routes.TASKS): ("run", "tasks"),
    ("GET", routes.TASKS): ("list", "tasks"),
    ("GET", routes.TASK): ("get", "tasks"),
    ("POST", routes.TASK_ANSWER): ("run", "tasks"),
    ("POST", routes.TASK_APPROVAL): ("approve", "tasks"),
    ("POST", routes.TASK_CANCEL): ("cancel", "tasks"),
    ("GET", routes.TASK_EVENTS): ("get", "tasks"),
    ("GET", routes.EVENTS): ("list", "tasks"),
    ("GET", routes.SENTENCES): ("get", "about"),
    ("GET", routes.TEMPLATES): ("list", "templates"),
    ("POST", routes.TEMPLATES): ("create", "templates"),
    ("GET", routes.TEMPLATE): ("get", "templates"),
    ("DELETE", routes.TEMPLATE): ("delete", "templates"),
    ("POST", routes.TEMPLATE_FIT): ("get", "templates"),
    ("POST", routes.TEMPLATE_RUNS): ("run", "tasks"),
    ("GET", routes.RESULT): ("get", "results"),
    ("GET", routes.RESULT_TABLE): ("get", "results"),
    ("GET", routes.RESULT_EXPORT): ("get", "results"),
}
