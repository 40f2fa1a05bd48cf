"""Reading: what is opened over the panes to be read, and fed until it is left."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from textual.app import App

from meshtui.kube.errors import KubeError, Unreachable
from meshtui.kube.session import Session
from meshtui.mesh.logs import LogLine, LogOptions
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Problem, Ref, Snapshot, Trouble
from meshtui.ui import detail, notices, yaml_lines
from meshtui.ui.answers import AnswerScreen, Asked
from meshtui.ui.main import Main
from meshtui.ui.reader import Describe, Log, Yaml
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
        """Opens the tree about the row under the cursor; about everything where anything is said."""
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

    def log(self, pod: Ref, options: LogOptions) -> None:
        """Opens the log of a pod, and follows it until it is left."""
        before = " (previous container)" if options.previous else ""
        screen = Log(f"Log of {pod.key}{before}")
        feeding = self._app.run_worker(self._feed(screen, pod, options), group="log")
        self._app.push_screen(screen, lambda _: feeding.cancel())

    async def _feed(self, screen: Log, pod: Ref, options: LogOptions) -> None:
        """Feeds a log to its screen, a few times a second."""
        if self.session is None:
            screen.add([LogLine(None, _UNCONNECTED, notice=True)])
            return
        waiting: list[LogLine] = []

        def flush() -> None:
            if waiting:
                screen.add(waiting)
                waiting.clear()

        timer = self._app.set_interval(0.1, flush)
        try:
            async for said in self.session.logs(pod, options):
                waiting.append(said)  # noqa: PERF401 - each is drawn before the last has come
            waiting.append(LogLine(None, "end of the log", notice=True))
        except KubeError as failure:
            waiting.append(LogLine(None, notices.sentences(failure.problem), notice=True))
        finally:
            timer.stop()
            flush()
