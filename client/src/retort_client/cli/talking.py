"""Verbs of the conversation: say, answer, approve, undo, redo, suggest."""

from __future__ import annotations

import re
from typing import Annotated

import typer

from retort_client import rendering
from retort_client.cli.desk import Desk, Json, desk
from retort_client.words import say
from retort_core.errors import BadInput
from retort_core.lifecycle.sources import Answer, Source
from retort_core.plans import Command, Lang

LONGEST = 10_000  # characters, as the service takes them
BUTTON = re.compile(r"q\d+[a-z]?")


def say_(
    context: typer.Context,
    words: Annotated[list[str], typer.Argument(help="What you want, in Chinese or English.")],
    as_json: Json = False,
) -> None:
    """Say what should happen to the data; each instruction becomes one version."""
    at = desk(context)
    text = _sayable(" ".join(words), at.lang)
    dataset = at.dataset()
    at.settle(dataset.say(at.conversation(dataset), text), as_json=as_json)


def _sayable(text: str, lang: Lang) -> str:
    """Refused here, with the sentence in the terminal's language, instead of by the shape of a request."""
    if not text.strip():
        raise BadInput(say("empty-words", lang))
    if len(text) > LONGEST:
        raise BadInput(say("too-long", lang, n=len(text), limit=LONGEST))
    return text


def _open_task(at: Desk) -> str:
    """The task that waits: the one this terminal knows, else the one its conversation knows."""
    if at.current.task:
        return at.current.task
    dataset = at.dataset()
    known = at.current.conversations.get(dataset.name, "")
    waiting = [c.task for c in dataset.conversations() if c.id == known and c.task]
    if not waiting:
        raise BadInput(say("nothing-open", at.lang))
    return waiting[0]


def answer(
    context: typer.Context,
    words: Annotated[
        list[str], typer.Argument(help="A button's id (o1, or o1+o3 for several slots), or words.")
    ],
    remember: Annotated[
        bool, typer.Option("--always", help="Store the answer as a convention of the project.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Answer the open question by its button or in words."""
    at = desk(context)
    uid, text = _open_task(at), _sayable(" ".join(words), at.lang)
    asked = at.client.task(uid).status.question
    known = {option.id for slot in asked.slots for option in slot.options} if asked else set()
    # What looks like a button is sent as one: a mistyped id is then refused and the question stays open.
    pressed = all(part in known or BUTTON.fullmatch(part) for part in text.split("+"))
    reply = Answer(choice=text, remember=remember) if pressed else Answer(text=text, remember=remember)
    at.settle(at.client.answer(uid, reply), as_json=as_json)


def approve(
    context: typer.Context,
    refuse: Annotated[bool, typer.Option("--no", help="Refuse: the branch stays where it is.")] = False,
    as_json: Json = False,
) -> None:
    """Say yes (or no) to exactly the result that was shown."""
    at = desk(context)
    uid = _open_task(at)
    staged = at.client.task(uid).status.staged
    if staged is None:
        raise BadInput(say("not-a-yes", at.lang))
    at.settle(at.client.approve(uid, staged.commit, approved=not refuse), as_json=as_json)


def _command(at: Desk, verb: str, as_json: bool, **args: int) -> None:
    dataset = at.dataset()
    source = Source(command=Command(verb=verb, args=dict(args)))
    task = dataset.submit(
        source, conversation=at.conversation(dataset), branch=at.branch(dataset), lang=at.lang
    )
    at.settle(task, as_json=as_json)


Steps = Annotated[int, typer.Argument(min=1, help="How many instructions.")]


def undo(context: typer.Context, steps: Steps = 1, as_json: Json = False) -> None:
    """Take back the last instructions; nothing is lost."""
    _command(desk(context), "undo", as_json, steps=steps)


def redo(context: typer.Context, steps: Steps = 1, as_json: Json = False) -> None:
    """Go forward again after an undo."""
    _command(desk(context), "redo", as_json, steps=steps)


def suggest(context: typer.Context, as_json: Json = False) -> None:
    """What the data itself suggests; accept one with `retort say 好的` or `retort say "the second one"`."""
    at = desk(context)
    dataset = at.dataset()
    if not as_json:
        # Through the conversation, so that 好的 and 第二个 refer to this very list.
        source = Source(command=Command(verb="suggest", args={}))
        task = dataset.submit(
            source, conversation=at.conversation(dataset), branch=at.branch(dataset), lang=at.lang
        )
        at.client.finish(task)
    found = dataset.suggestions(at.branch(dataset), at.lang)
    at.show(rendering.suggestions(found, at.lang), found, as_json=as_json)
