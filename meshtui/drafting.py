"""Drafting: what a person writes in their own editor becomes a change; where that is not applied, the draft is kept."""

from __future__ import annotations

from collections.abc import Callable

from textual.app import App

from meshtui.kube.errors import KubeError
from meshtui.kube.session import Session
from meshtui.mesh import changes
from meshtui.mesh.changes import Change, Create, Patch, Refusal
from meshtui.mesh.kinds import SECRET
from meshtui.mesh.snapshot import Ref
from meshtui.ui import editor
from meshtui.ui.spans import Tone
from meshtui.waiting import Waiting


class Drafting:
    """One draft at a time, until its change is over."""

    def __init__(self, app: App[int], waiting: Waiting, tell: Callable[[str, Tone], None]) -> None:
        self._app = app
        self._waiting = waiting
        self._tell = tell
        self._draft: tuple[Change, editor.Written] | None = None

    async def edited(self, session: Session | None, ref: Ref) -> Patch | None:
        """An object as a person changes it in their editor; None where nothing comes of it, which is said."""
        if session is None or ref.kind == SECRET:
            none, secret = "There is no connection to read it from.", "Secrets are not edited here."
            self._tell(none if session is None else secret, Tone.WARN)
            return None
        try:
            with self._waiting.answer_to(f"{ref.kind.title} {ref.key}"):
                before = await session.get(ref, managed_fields=True)
        except KubeError as error:
            self._tell(f"{ref.kind.title} {ref.key} cannot be read: {error}", Tone.WARN)
            return None
        try:
            written = await editor.edited(self._app, ref, before)
        except editor.EditorError as error:
            self._tell(str(error), Tone.WARN)
            return None
        change = changes.edit(ref, before, written.object)
        if isinstance(change, Patch):
            self._draft = change, written
            return change
        if written.unchanged:
            written.forget()
            self._tell("Nothing was changed.", Tone.PLAIN)
        else:
            words = f"Not sent: {change.reason}. What was written is in {written.path}."
            self._tell(words, Tone.WARN)
        return None

    async def rewritten(self, change: Create) -> Create | Refusal:
        """What is to be created, with what the person makes of it in their editor."""
        try:
            written = await editor.edited(self._app, change.target, change.wanted)
        except editor.EditorError as error:
            return Refusal(str(error).rstrip("."))
        found = changes.rewritten(change, written.object)
        if isinstance(found, Refusal):
            return Refusal(f"{found.reason} (it is in {written.path})")
        self._draft = found, written
        return found

    def close(self, change: Change, *, applied: bool) -> None:
        """A change is over: says where what was written of it is, unless it was applied."""
        if self._draft is None or self._draft[0] is not change:
            return
        (_, written), self._draft = self._draft, None
        if applied:
            written.forget()
        else:
            self._tell(f"What was written is in {written.path}.", Tone.WARN)
