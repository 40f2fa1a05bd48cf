"""Rights feeding: asks the server what one may do, and brings the answers to the screen that waits for them."""

from __future__ import annotations

import asyncio

from msgspec.structs import replace

from meshtui.kube.session import Session
from meshtui.mesh.snapshot import Right
from meshtui.ui.rights_reader import Question, RightsReader

_AT_ONCE = 8
_BETWEEN = 0.1
"""Seconds from answers that are shown to the next ones."""


async def feed(session: Session | None, screen: RightsReader, *, patience: float = 30.0) -> None:
    """Shows each answer once it is there, and of those that do not come why. `patience` is how many seconds all of them
    together may take; each question has the deadline of a request besides."""
    rights = screen.rights
    if session is None:
        screen.answer(replace(rights, unanswered="there is no connection to ask"))
        return
    answers: dict[Question, Right] = {}
    gate = asyncio.Semaphore(_AT_ONCE)

    async def ask(it: Question) -> None:
        async with gate:
            answers[it] = await session.may(
                it.verb, it.kind, it.namespace, it.subresource, name=it.name
            )

    try:
        async with asyncio.timeout(patience), asyncio.TaskGroup() as tasks:
            left = {tasks.create_task(ask(each)) for each in rights.questions()}
            while left:
                _, left = await asyncio.wait(left, timeout=_BETWEEN)
                screen.answer(replace(rights, answers={**answers}))
    except TimeoutError:
        late = f"no answer within {patience:g} s"
        screen.answer(replace(rights, answers={**answers}, unanswered=late))
