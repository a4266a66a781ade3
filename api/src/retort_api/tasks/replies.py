"""The reply to everything that takes time: 202, the task, and where to look for it."""

from __future__ import annotations

from fastapi import Response

from retort_api.tasks.records import TaskRecord
from retort_core.http import routes
from retort_core.http.tasks import Task


def accepted(response: Response, project: str, task: TaskRecord) -> Task:
    response.status_code = 202
    response.headers["Location"] = routes.TASK.format(project=project, task=task.uid)
    return task.public
