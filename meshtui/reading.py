"""Reading: what is opened over the panes to be read, and fed until it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from functools import partial

from textual.app import App

from meshtui import log_feeding, rights_feeding
from meshtui.kube import background
from meshtui.kube.errors import KubeError, Unreachable
from meshtui.kube.session import Session
from meshtui.mesh.logs import LogLine
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Problem, Ref, Snapshot, Trouble
from meshtui.ui import asking, detail, notices, yaml_lines
from meshtui.ui.answers import AnswerScreen, Asked
from meshtui.ui.commands import Command
from meshtui.ui.log_reader import LogReader
from meshtui.ui.main import Main
from meshtui.ui.reader import Describe, Yaml
from meshtui.ui.rights_reader import RightsReader
from meshtui.ui.spans import Line, Span, Tone
from meshtui.ui.tree import EVERYTHING, TreeScreen, focus

_UNCONNECTED = "There is no connection to read it from."


class Reading:
    """Opens readers for the app. `session` and `snapshot` are those of the cluster that is looked at now."""

    def __init__(
        self,
        app: App[int],
        main: Main,
        derive: Callable[[Callable[[Snapshot], object], Snapshot], Awaitable[None]],
        looked: Callable[[], None],
    ) -> None:
        """`derive` derives beside the event loop; `looked` is told when other things are looked at."""
        self.session: Session | None = None
        self.snapshot: Snapshot | None = None
        self._app = app
        self._main = main
        self._derive = derive
        self._looked = looked

    def commands(self) -> list[Command]:
        """What may be asked to be read."""

        def more(words: str) -> None:
            self._main.prompt.ask(":", words)

        return [
            Command(("tree",), "gateways down to ztunnels: what leads to this row and on from it, or `all`",
                    self.tree, lambda: ["all"], "[all]", closed=True),
            *asking.commands(lambda: self.snapshot, self.ask, more),
            Command(("can",), "what you may do here, and which rights are missing", lambda _: self.rights()),
        ]  # fmt: skip

    def describe(self, key: str) -> None:
        """Opens what is known of a row of the pane in front; it stays when the row goes."""
        pane = self._main.front
        row = pane.find(key)
        if row is None or self.snapshot is None:
            return
        last = row

        def draw(snapshot: Snapshot, width: int) -> Sequence[Line]:
            nonlocal last
            found = pane.find(key)
            last = found or last
            gone: list[Line] = [(Span("It is gone; this was known last.", Tone.WARN),), ()]
            lines = detail.render(pane.verdict(last), pane.described(last, snapshot), width)
            return lines if found else [*gone, *lines]

        title = f"{pane.title} · {pane.called(row)}"
        wants = pane.described_wants(row, self.snapshot)
        self._app.push_screen(Describe(title, draw, self.snapshot, wants), self._left)
        self._looked()

    def _left(self, _: None) -> None:
        self._looked()

    def tree(self, argument: str) -> None:
        """Opens the tree about the row under the cursor, or about `all`."""
        if argument.lower() not in ("", "all"):
            words = (
                f":tree {argument}: write all behind it, or nothing for the row under the cursor."
            )
            self._main.post_message(self._main.Told(words, Tone.WARN))
            return
        screen = TreeScreen(*(EVERYTHING if argument else focus(self._main.front)))
        self._app.push_screen(screen, self._left)
        self._app.run_worker(self._plant(screen), group="tree", exclusive=True)

    def ask(self, asked: Asked) -> None:
        """Opens the answer to a question."""
        screen = AnswerScreen(asked)
        self._app.push_screen(screen, self._left)
        self._app.run_worker(self._plant(screen), group="answer", exclusive=True)

    async def _plant(self, screen: TreeScreen | AnswerScreen) -> None:
        """Shows what a screen is of, once it was derived."""
        if self.snapshot is not None:
            await self._derive(screen.derive, self.snapshot)
            screen.update_from(self.snapshot)

    def yaml(self, ref: Ref) -> None:
        """Opens an object as YAML, read whole."""
        screen = Yaml(ref)
        self._app.push_screen(screen)
        self.read(screen, ref, managed=False)

    def read(self, screen: Yaml, ref: Ref, *, managed: bool) -> None:
        """Reads an object for its screen, with or without its managedFields."""
        self._app.run_worker(self._read(screen, ref, managed), group="yaml", exclusive=True)

    async def _read(self, screen: Yaml, ref: Ref, managed: bool) -> None:
        if self.session is None:
            screen.show([(Span(_UNCONNECTED, Tone.BAD),)])
            return
        try:
            found = await self.session.get(ref, managed_fields=managed)
        except KubeError as failure:
            screen.show(notices.problem(failure.problem), 0)
            return
        screen.show(await asyncio.to_thread(yaml_lines.lines, found))

    async def whole(self, ref: Ref) -> Raw:
        """An object, read whole, without who manages which field. Raises KubeError."""
        if self.session is None:
            raise Unreachable(Problem(Trouble.UNREACHABLE, _UNCONNECTED))
        return await self.session.get(ref, managed_fields=False)

    def log(self, pods: Sequence[Ref], *, previous: bool = False, replicas: bool = False) -> None:
        """Opens the log of a pod, or those of several as one, and follows it until it is left."""
        screen = LogReader(pods, previous=previous, replicas=replicas)
        group = self.feed(screen)

        def left(_: None) -> None:
            self._app.workers.cancel_group(self._app, group)

        self._app.push_screen(screen, left)

    def feed(self, screen: LogReader) -> str:
        """Feeds a log to its screen, in place of what fed it before; gives the group of the worker."""
        group = f"log {id(screen)}"
        feeding = partial(log_feeding.feed, self._app, self.session, screen, lambda: self.snapshot)
        self._app.run_worker(feeding, group=group, exclusive=True)  # type: ignore[arg-type]
        return group

    def rights(self) -> None:
        """Opens what one may do here, and asks the server until it is left."""
        screen, group = RightsReader(self._main.place, self.snapshot), "rights to read"
        feeding = partial(rights_feeding.feed, self.session, screen)

        def left(_: None) -> None:
            self._app.workers.cancel_group(self._app, group)

        self._app.push_screen(screen, left)
        self._app.run_worker(feeding, group=group, exclusive=True)  # type: ignore[arg-type]

    async def save(self, pods: Sequence[Ref], lines: Sequence[LogLine]) -> tuple[str, Tone]:
        """Keeps lines of a log in a file; gives what to tell of it."""
        path = log_feeding.place(pods, datetime.now(UTC))
        try:
            await background.start(log_feeding.write, path, lines)
        except OSError as error:
            return f"The log cannot be saved in {path}: {error.strerror}.", Tone.WARN
        return f"Saved {len(lines):,} lines in {path}", Tone.PLAIN
