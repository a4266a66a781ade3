"""`decide`: the usual courses one by one, and for any course at all: one end, once."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retort_core.errors import Unavailable
from retort_core.lifecycle import failures
from retort_core.lifecycle.observations import (
    Claim,
    Observed,
    Prepare,
    Prepared,
    Promote,
    Promoted,
    Ran,
    Release,
    Run,
    SandboxState,
)
from retort_core.lifecycle.sources import Answer, Approval
from retort_core.lifecycle.statuses import (
    AskedQuestion,
    Condition,
    ConditionType,
    Failure,
    Outcome,
    PlannedWork,
    Staged,
    TaskStatus,
)
from retort_core.lifecycle.tasks import Decision, TaskFacts, decide
from retort_core.plans import Option, Slot

START = datetime(2024, 6, 1, tzinfo=UTC)
PLAN = PlannedWork(digest="d", title="drop a column")
READY = Prepared(round=0, ready=PLAN)
HELD = SandboxState(attempt=1, phase="ready")
LOST = Failure(failure="Infrastructure", code="session-lost", message="gone")
BAD_DATA = Failure(failure="Data", code="data-error", message="column 年龄: 'abc' is no number")
QUESTION = AskedQuestion(
    id="q1", text="which?", slots=(Slot(id="s", text="which?", options=(Option(id="a", label="A"),)),)
)


def task(status: TaskStatus | None = None, **changes: object) -> TaskFacts:
    return replace(TaskFacts(created_at=START, status=status or TaskStatus()), **changes)  # type: ignore[arg-type]


def after(facts: TaskFacts, seen: Observed, seconds: float = 1) -> tuple[Decision, TaskFacts]:
    decision = decide(facts, seen, START + timedelta(seconds=seconds))
    return decision, replace(facts, status=decision.status)


def test_the_straight_course_prepares_claims_runs_promotes_and_releases() -> None:
    seen = Observed(base="c0")
    decision, facts = after(task(), seen)
    assert decision.actions == (Prepare(0),)
    assert decision.status.base_commit == "c0"

    seen = replace(seen, prepared=READY)
    decision, facts = after(facts, seen)
    assert decision.actions == (Claim(1),)

    seen = replace(seen, sandbox=HELD)
    decision, facts = after(facts, seen)
    assert decision.actions == (Run(1),)
    assert decision.status.phase == "Running"

    seen = replace(seen, run=Ran(attempt=1, staged=Staged(commit="c1")))
    decision, facts = after(facts, seen)
    assert decision.actions == (Release(1), Promote("c1"))

    seen = replace(seen, sandbox=None, promoted=Promoted(done=Outcome(commit="c1"), message="done"))
    decision, facts = after(facts, seen)
    assert decision.status.phase == "Complete"
    assert decision.status.result == Outcome(commit="c1")
    assert decision.status.message == "done"
    assert not decision.actions


def test_loss_beyond_the_words_waits_for_a_yes_to_exactly_that_commit() -> None:
    staged = Staged(commit="c1", code="rows-beyond-words", why="12 rows would go")
    seen = Observed(base="c0", prepared=READY, run=Ran(attempt=1, staged=staged))
    decision, facts = after(task(), seen)
    assert decision.status.phase == "AwaitingInput"
    assert decision.status.message == "12 rows would go"

    decision, _ = after(replace(facts, approval=Approval(commit="another")), seen)
    assert decision.status.phase == "AwaitingInput"
    assert not decision.actions

    decision, _ = after(replace(facts, approval=Approval(commit="c1")), seen)
    assert decision.actions == (Promote("c1"),)

    decision, _ = after(replace(facts, approval=Approval(commit="c1", approved=False)), seen)
    assert decision.status.failure is not None
    assert decision.status.failure.code == "rejected"


@pytest.mark.parametrize(("review", "code", "asks"), [
    ("Auto", "empty-result", False), ("WhenSurprising", "", False), ("WhenSurprising", "empty-result", True),
    ("Always", "", True),
])  # fmt: skip
def test_review_decides_who_is_asked(review: str, code: str, asks: bool) -> None:
    seen = Observed(
        base="c0", prepared=READY, run=Ran(attempt=1, staged=Staged(commit="c1", code=code, why="!"))
    )
    decision, _ = after(task(review=review), seen)
    assert (decision.status.phase == "AwaitingInput") is asks


def test_an_answer_prepares_another_round_and_an_answer_to_another_question_does_not() -> None:
    seen = Observed(base="c0", prepared=Prepared(round=0, asked=QUESTION))
    decision, facts = after(task(), seen)
    assert decision.status.question == QUESTION

    decision, _ = after(replace(facts, answer=Answer(question="q0", choice="a")), seen)
    assert not decision.actions
    assert decision.status.phase == "AwaitingInput"

    decision, facts = after(replace(facts, answer=Answer(question="q1", choice="a")), seen)
    assert decision.actions == (Prepare(1),)
    assert decision.status.question is None
    assert decision.status.phase == "Preparing"

    decision, _ = after(facts, replace(seen, prepared=Prepared(round=1, ready=PLAN)))
    assert decision.actions == (Claim(1),)


def test_a_lost_sandbox_is_another_attempt_after_a_pause_and_bad_data_is_not() -> None:
    seen = Observed(base="c0", prepared=READY, sandbox=HELD)
    _, facts = after(task(), seen)
    decision, facts = after(facts, replace(seen, sandbox=None), 2)
    assert decision.status.attempt == 2
    assert decision.wake_at == START + timedelta(seconds=3)

    early, _ = after(facts, Observed(base="c0", prepared=READY), 2.5)
    assert early.actions == ()
    due, _ = after(facts, Observed(base="c0", prepared=READY), 3)
    assert due.actions == (Claim(2),)

    failed, _ = after(facts, Observed(base="c0", prepared=READY, run=Ran(attempt=2, failure=BAD_DATA)), 4)
    assert failed.status.failure == BAD_DATA
    assert failed.status.condition(ConditionType.failed).reason == "Data"  # type: ignore[union-attr]


def test_infrastructure_is_given_up_after_the_allowed_retries() -> None:
    facts = task(infrastructure_retries=1)
    _, facts = after(facts, Observed(base="c0", prepared=READY, run=Ran(attempt=1, failure=LOST)), 1)
    decision, _ = after(facts, Observed(base="c0", prepared=READY, run=Ran(attempt=2, failure=LOST)), 9)
    assert decision.status.failure == LOST


@pytest.mark.parametrize("retries", [0, 2, 10])
def test_regression_seconds_without_the_object_store_used_up_the_attempts(retries: int) -> None:
    """Whatever is allowed for lost sandboxes: about two minutes of pauses, and an end."""
    facts, seconds, attempt = task(infrastructure_retries=retries), 1.0, 1
    away = failures.failure_of(Unavailable("The object store cannot be reached."))
    while facts.status.failure is None:
        seen = Observed(base="c0", prepared=READY, run=Ran(attempt=attempt, failure=away))
        decision, facts = after(facts, seen, seconds)
        if decision.status.failure is None:
            assert decision.wake_at is not None
            seconds = (decision.wake_at - START).total_seconds()
            attempt += 1
    assert attempt == 1 + max(retries, failures.OUTAGE_RETRIES)
    assert seconds > 120
    assert facts.status.failure == away


def test_a_run_past_its_deadline_is_stopped_and_its_sandbox_released() -> None:
    seen = Observed(base="c0", prepared=READY, sandbox=HELD)
    _, facts = after(task(active_deadline=timedelta(seconds=5)), seen, 0)
    decision, _ = after(facts, seen, 5)
    assert decision.status.failure is not None
    assert decision.status.failure.code == "deadline-exceeded"
    assert decision.actions == (Release(1),)


def test_cancel_wins_until_the_branch_is_being_moved_and_then_the_transaction_decides() -> None:
    seen = Observed(base="c0", prepared=READY, sandbox=HELD)
    _, facts = after(task(), seen)
    decision, _ = after(replace(facts, cancelled=True), seen)
    assert decision.status.failure is not None
    assert decision.status.failure.failure == "Cancelled"

    _, moving = after(facts, replace(seen, run=Ran(attempt=1, staged=Staged(commit="c1"))))
    decision, _ = after(replace(moving, cancelled=True), Observed(base="c0"))
    assert decision.actions == (Promote("c1"),)
    decision, _ = after(
        replace(moving, cancelled=True), Observed(base="c0", promoted=Promoted(done=Outcome(commit="c1")))
    )
    assert decision.status.phase == "Complete"


MOVED = Failure(failure="Input", code="conflict", message="the branch moved")


def test_a_branch_that_moved_is_another_attempt_on_its_new_head_and_an_old_yes_holds_no_longer() -> None:
    staged = Staged(commit="c1", code="rows-beyond-words", why="12 rows would go")
    seen = Observed(base="c0", prepared=READY, sandbox=HELD, run=Ran(attempt=1, staged=staged))
    _, facts = after(task(), seen)
    facts = replace(facts, approval=Approval(commit="c1"))
    decision, facts = after(facts, replace(seen, sandbox=None))
    assert decision.actions == (Promote("c1"),)

    late = replace(seen, sandbox=None, promoted=Promoted(commit="c1", head="h1", failure=MOVED))
    decision, facts = after(facts, late)
    assert (decision.status.attempt, decision.status.staged, decision.status.rebases) == (2, None, 1)
    assert decision.status.condition(ConditionType.running).reason == "Rebasing"  # type: ignore[union-attr]
    decision, facts = after(facts, late)
    assert decision.actions == (Claim(2),)

    again = replace(late, run=Ran(attempt=2, staged=staged.model_copy(update={"commit": "c2"})))
    decision, facts = after(facts, again)
    assert decision.status.phase == "AwaitingInput"  # the yes was to another version
    decision, facts = after(replace(facts, approval=Approval(commit="c2")), again)
    assert decision.actions == (Promote("c2"),)  # what became of the first is no answer to the second
    moved = replace(again, promoted=Promoted(commit="c2", done=Outcome(commit="c2")))
    decision, _ = after(facts, moved)
    assert decision.status.phase == "Complete"


def test_a_branch_that_never_rests_is_left_to_a_person_who_is_told_both_heads() -> None:
    facts, now, tries = task(), START, 0
    seen = Observed(base="c0", prepared=READY)
    while not facts.status.terminal:
        decision = decide(facts, seen, now)
        facts = replace(facts, status=decision.status)
        now = max(now, decision.wake_at or now)
        for action in decision.actions:
            match action:
                case Claim(attempt):
                    seen = replace(seen, sandbox=SandboxState(attempt=attempt, phase="ready"))
                case Run(attempt):
                    seen = replace(seen, run=Ran(attempt=attempt, staged=Staged(commit=f"c{attempt}")))
                case Promote(commit):
                    tries += 1
                    seen = replace(
                        seen, promoted=Promoted(commit=commit, head=f"h{tries}", failure=MOVED), sandbox=None
                    )
                case _:
                    seen = replace(seen, sandbox=None)
    assert tries == failures.MOST_REBASES + 1
    assert facts.status.failure == MOVED


def test_who_keeps_losing_the_race_waits_as_long_as_the_work_takes_and_not_all_the_same() -> None:
    pauses = [failures.rebase_pause(number, 2.0, "c1").total_seconds() for number in (1, 2, 3, 9)]
    assert pauses[0] == 0
    assert 1 <= pauses[1] <= 3
    assert pauses[2:] == pytest.approx([min(2 * pauses[1], 5), 5])
    assert failures.rebase_pause(2, 2.0, "c2").total_seconds() != pauses[1]


def test_who_cancels_while_the_branch_moves_on_is_not_run_again() -> None:
    seen = Observed(base="c0", prepared=READY, run=Ran(attempt=1, staged=Staged(commit="c1")))
    _, facts = after(task(), seen)
    late = replace(seen, promoted=Promoted(commit="c1", head="h1", failure=MOVED))
    decision, _ = after(replace(facts, cancelled=True), late)
    assert decision.status.failure is not None
    assert decision.status.failure.failure == "Cancelled"


def test_lost_executors_of_a_rebased_task_are_counted_from_its_new_start() -> None:
    status = TaskStatus(attempt=5, rebases=4, conditions=_conditions())
    seen = Observed(base="c0", prepared=READY, run=Ran(attempt=5, failure=LOST))
    decision, _ = after(task(status, infrastructure_retries=1), seen)
    assert decision.status.attempt == 6
    assert decision.wake_at == START + timedelta(seconds=2)


def _conditions() -> tuple[Condition, ...]:
    kinds = (ConditionType.accepted, ConditionType.prepared)
    return tuple(Condition(type=kind, status="True", reason="Done", at=START) for kind in kinds)


def test_a_missing_base_is_refused_at_the_door() -> None:
    missing = Failure(failure="Input", code="not-found", message="no version 'abc'")
    decision, _ = after(task(), Observed(base=missing))
    assert decision.status.phase == "Failed"
    assert not decision.status.holds(ConditionType.accepted)


failure = st.sampled_from([LOST, BAD_DATA])
prepared = st.builds(
    lambda number, kind: Prepared(round=number, **kind),
    st.integers(0, 2),
    st.sampled_from(
        [{"ready": PLAN}, {"asked": QUESTION}, {"done": Outcome()}, {"failure": LOST}, {"failure": BAD_DATA}]
    ),
)
staged = st.builds(Staged, commit=st.sampled_from(["c1", "c2"]), code=st.sampled_from(["", "empty-result"]))
ran = st.one_of(
    st.builds(Ran, attempt=st.integers(1, 4), staged=staged),
    st.builds(Ran, attempt=st.integers(1, 4), failure=failure),
    st.builds(Ran, attempt=st.integers(1, 4), done=st.just(Outcome(result="r"))),
)
observed = st.builds(
    Observed,
    base=st.sampled_from(["", "c0", LOST]),
    prepared=st.none() | prepared,
    sandbox=st.none()
    | st.builds(
        SandboxState, attempt=st.integers(1, 4), phase=st.sampled_from(["claiming", "ready", "lost"])
    ),
    run=st.none() | ran,
    promoted=st.none()
    | st.builds(Promoted, done=st.just(Outcome(commit="c1")))
    | st.builds(Promoted, failure=failure)
    | st.builds(Promoted, commit=st.sampled_from(["c1", "c2"]), head=st.just("h"), failure=failure),
)
inputs = st.fixed_dictionaries(
    {},
    optional={
        "answer": st.sampled_from([Answer(choice="a"), Answer(question="q1", text="a")]),
        "approval": st.builds(Approval, commit=st.sampled_from(["c1", "c2"]), approved=st.booleans()),
        "cancelled": st.just(True),
    },
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(observed, inputs, st.integers(0, 900)), max_size=25))
def test_any_course_ends_exactly_once_and_always_ends(steps: list) -> None:
    """Whatever is observed in whatever order: at most one terminal condition, never taken back or changed, and
    when nothing more is observed, time alone ends the task."""
    facts, now, ends = task(), START, []
    quiet = [(Observed(base="c0"), {}, 700)] * 8 + [
        (Observed(base="c0", promoted=Promoted(failure=LOST)), {}, 8 * 24 * 3600)
    ] * 8
    for seen, given_input, seconds in [*steps, *quiet]:
        now += timedelta(seconds=seconds)
        facts = replace(facts, **given_input)
        before = facts.status
        decision = decide(facts, seen, now)
        facts = replace(facts, status=decision.status)
        if before.terminal:
            assert decision.status == before
            assert all(isinstance(action, Release) for action in decision.actions)
        complete, failed = (
            facts.status.holds(ConditionType.complete),
            facts.status.holds(ConditionType.failed),
        )
        assert not (complete and failed)
        ends.append(complete or failed)
        # The same look at the same moment decides the same: effects may be asked for again, nothing moves.
        again = decide(facts, seen, now)
        assert again.status == decision.status or not before.terminal
    assert ends[-1]
    assert sorted(ends) == ends  # once over, over


@settings(max_examples=60, deadline=None)
@given(st.lists(st.booleans(), max_size=6))
def test_a_fair_world_with_random_losses_completes_or_gives_up_within_its_retries(losses: list[bool]) -> None:
    facts, now, runs = task(infrastructure_retries=2), START, 0
    seen = Observed(base="c0")
    lost = iter(losses)
    for _ in range(60):
        decision = decide(facts, seen, now)
        facts = replace(facts, status=decision.status)
        if facts.status.terminal:
            break
        now = max(now + timedelta(milliseconds=10), decision.wake_at if not decision.actions else now)
        for action in decision.actions:
            match action:
                case Prepare(number):
                    seen = replace(seen, prepared=Prepared(round=number, ready=PLAN))
                case Claim(attempt):
                    seen = replace(seen, sandbox=SandboxState(attempt=attempt, phase="ready"))
                case Run(attempt):
                    runs += 1
                    reply = (
                        {"failure": LOST} if next(lost, False) else {"staged": Staged(commit=f"c{attempt}")}
                    )
                    seen = replace(seen, run=Ran(attempt=attempt, **reply))
                case Promote(commit):
                    seen = replace(seen, promoted=Promoted(done=Outcome(commit=commit)))
                case Release():
                    seen = replace(seen, sandbox=None)
    assert facts.status.terminal
    assert runs <= 3
    assert facts.status.holds(ConditionType.complete) is not (losses[:3] == [True] * 3)
