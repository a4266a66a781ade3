"""What goes wrong between a client and a service, as errors: it refuses, or nobody answers."""

from __future__ import annotations

import httpx2 as httpx

from retort_core.errors import Infrastructure, RetortError
from retort_core.http.pages import Problem


class Refused(RetortError):
    """The service refused a request: `code` and `status` are its own, `message` its sentence."""

    def __init__(self, problem: Problem) -> None:
        fields = "".join(f"\n  {error.where}: {error.message}" for error in problem.errors)
        super().__init__(problem.detail + fields, **problem.details)
        self.problem = problem


class Unreachable(Infrastructure):
    """Nobody answers at the service's address."""

    code = "unreachable"


def raise_for_problem(reply: httpx.Response) -> None:
    if not reply.is_error:
        return
    try:
        problem = Problem.model_validate_json(reply.content)
    except ValueError:
        problem = Problem(
            type="about:blank", title="Unexpected answer", status=reply.status_code, code="unexpected",
            detail=f"The service answered {reply.status_code} without saying why.",
        )  # fmt: skip
    raise Refused(problem)
