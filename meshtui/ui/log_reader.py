"""LogReader: the log of a pod, or those of several as one, as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import NamedTuple

from msgspec.structs import replace
from textual import on
from textual.binding import Binding
from textual.events import Resize
from textual.message import Message

from meshtui.mesh.logs import RANGES, LogLine, Range
from meshtui.mesh.snapshot import Ref
from meshtui.ui import filters, log_lines
from meshtui.ui.filters import BadPattern
from meshtui.ui.log_lines import Look, Sieve, Sifted, Stamps
from meshtui.ui.reader import Reader
from meshtui.ui.spans import Line

MOST = 20_000
"""So many lines are kept."""


class Search(NamedTuple):
    """What is looked for, and whether other lines stand too."""

    text: str = ""
    finds: Callable[[str], bool] | None = None
    only: bool = False
    around: int = 0


class LogReader(Reader):
    """It scrolls along until one scrolls up. What is looked for is marked, or stands alone with lines around it."""

    BINDINGS = [
        Binding("s", "along", "Follow", id="log.along"),
        Binding("t", "stamps", "Times: none, UTC, local", id="log.stamps"),
        Binding("w", "wrap", "Wrap", id="log.wrap"),
        Binding("x", "columns", "Columns, or as they came", id="log.columns"),
        Binding("f", "only", "Only lines that match", show=False, id="log.only"),
        Binding("plus", "around(1)", "More lines around them", show=False, id="log.more"),
        Binding("minus", "around(-1)", "Fewer", show=False, id="log.fewer"),
        Binding("m", "mark", "Mark with the time", show=False, id="log.mark"),
        Binding("ctrl+s", "save", "Save", show=False, id="log.save"),
        Binding("C", "clear", "Clear", show=False, id="log.clear"),
        *(
            Binding(key, f"range('{key}')", f"{each.words.capitalize()}, and on", show=False, id=f"log.range_{key}")
            for key, each in RANGES.items()
        ),
    ]  # fmt: skip

    @dataclass
    class RangeAsked(Message):
        """Another range is wanted: `range` has it."""

        screen: LogReader

    @dataclass
    class SaveAsked(Message):
        """The lines that stand are to be kept in a file."""

        pods: Sequence[Ref]
        lines: Sequence[LogLine]

    def __init__(
        self,
        pods: Sequence[Ref],
        *,
        previous: bool = False,
        replicas: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """The log of one pod, or those of several, which others may join; so they may where one is all replicas."""
        self.pods = pods
        self.previous = previous
        self.merged = replicas or len(pods) > 1
        super().__init__(self._whose)
        self.range: Range = RANGES["0"]
        self._clock = clock
        self._log: list[LogLine] = []
        self._came = 0
        self._look = Look()
        self._search = Search()
        self._sieve = Sieve()
        self._found: list[int] = []
        """The drawn lines that were found, counted from the first that was ever drawn."""
        self._gone = 0
        """So many drawn lines went at the start, to make room."""
        self._along = True
        self._wrapped = False
        self._drawings = 0

    def on_mount(self) -> None:
        self.watch(self.lines, "scroll_y", self._scrolled, init=False)
        self.lines.scroll_end(animate=False)  # past what was read before the screen was there
        self._head()

    @property
    def _whose(self) -> str:
        some = f"Logs of {len(self.pods)} pods"
        one = f"Log of {self.pods[0].key}" if len(self.pods) == 1 else some
        return f"{one} (previous container)" if self.previous else one

    def join(self, pod: Ref) -> None:
        """The log of another pod is read too."""
        self.pods = (*self.pods, pod)

    def begin(self) -> None:
        """What comes from now on is of `range` alone."""
        self._came = 0
        self.action_clear()

    def add(self, lines: Sequence[LogLine]) -> None:
        """Adds lines at the end."""
        self._log = [*self._log, *lines][-MOST:]
        self._came += len(lines)
        if not self.is_mounted:
            return
        drawn, found = self._drawn(self._sieve, lines)
        begin = self._gone + len(self.lines.shown)
        self._found += [begin + each for each in found]
        self._gone += self.lines.add(drawn, MOST)
        self._point()
        self._head()
        if self._along:
            self.lines.scroll_end(animate=False)

    def initial(self) -> Sequence[Line]:
        drawn, self._found = self._drawn(self._sieve, self._log)
        return drawn

    # Keys

    def action_along(self) -> None:
        self.lines.scroll_end(animate=False)

    async def action_stamps(self) -> None:
        self._look = replace(self._look, stamps=self._look.stamps.next)
        await self._redraw()

    async def action_columns(self) -> None:
        self._look = replace(self._look, columns=not self._look.columns)
        await self._redraw()

    async def action_wrap(self) -> None:
        self._wrapped = not self._wrapped
        await self._redraw()

    async def action_only(self) -> None:
        self._search = self._search._replace(only=not self._search.only)
        await self._redraw()

    async def action_around(self, more: int) -> None:
        around = min(20, max(0, self._search.around + more))
        self._search = self._search._replace(around=around, only=True)
        await self._redraw()

    def action_mark(self) -> None:
        now = self._clock()
        clock = self._look.stamps if self._look.stamps is Stamps.LOCAL else Stamps.UTC
        words = f"marked at {clock.clock(now)} {clock.zone(now)} ".ljust(60, "─")
        self.add([LogLine(now, words, notice=True)])

    def action_clear(self) -> None:
        self._log, self._found, self._gone = [], [], 0
        self._sieve = self._new_sieve()
        if self.is_mounted:
            self.lines.show(())
            self._head()

    def action_range(self, key: str) -> None:
        self.range = RANGES[key]
        self.post_message(self.RangeAsked(self))

    def action_save(self) -> None:
        sieve = self._new_sieve()
        lines = [each.line for line in self._log for each in sieve.sift(line)]
        self.post_message(self.SaveAsked(self.pods, lines))

    def action_back(self) -> None:
        if self._search.text and not self.search.display:
            self._found = self._matches = []
            self.search.value = ""  # that it is another one is told to `searched`
            self._search = self._search._replace(text="", finds=None)
        else:
            super().action_back()

    def searched(self, wanted: str) -> None:
        try:
            finds = partial(filters.finds, filters.pattern_of(wanted)) if wanted else None
        except BadPattern as failure:
            self.retitle(f"{self._whose} · /{wanted}: {failure}")
            return
        self._search = self._search._replace(text=wanted, finds=finds)
        self._at = -1
        # a function, not a coroutine: one given up before it ran leaves nothing unawaited
        self.run_worker(self._searched, exclusive=True, group="search")  # type: ignore[arg-type]

    async def _searched(self) -> None:
        await self._redraw(to_first=True)

    def action_next(self, step: int) -> None:
        if self._matches:
            self._at = (self._at + step) % len(self._matches)
            self.lines.scroll_to(y=max(0, self._matches[self._at] - 2), animate=False)
            self._head()

    # How it is drawn

    def _scrolled(self, y: float) -> None:
        along = y >= self.lines.max_scroll_y
        if along is not self._along:
            self._along = along
            self._head()

    @on(Resize)
    async def _resized(self) -> None:
        if self._wrapped:
            await self._redraw()

    async def _redraw(self, *, to_first: bool = False) -> None:
        """All of it anew, where it was, or still at its end; `to_first`, at the first that is found, where there is
        one. On a thread: to wrap 20,000 lines takes half a second."""
        self._drawings += 1
        mine = self._drawings
        along, came, before = self._along, self._came, max(1, len(self.lines.shown))
        place = self.lines.scroll_offset.y / before
        sieve = self._new_sieve()
        drawn, found = await asyncio.to_thread(self._drawn, sieve, self._log)
        if mine != self._drawings:
            return  # it is to be drawn yet another way
        if missed := self._came - came:
            more, also = self._drawn(sieve, self._log[-missed:])
            found += [len(drawn) + each for each in also]
            drawn += more
        self._sieve, self._found, self._gone = sieve, found, 0
        self.lines.show(drawn)
        self._point()
        self._head()
        if to_first and self._matches:
            self.action_next(1)
        elif along:
            self.lines.scroll_end(animate=False)
        else:
            self.lines.scroll_to(0, round(place * len(drawn)), animate=False)

    def _new_sieve(self) -> Sieve:
        _, finds, only, around = self._search
        return Sieve(finds, only, around)

    def _drawn(self, sieve: Sieve, lines: Sequence[LogLine]) -> tuple[list[Line], list[int]]:
        """As lines, and which of them were found."""
        drawn: list[Line] = []
        found: list[int] = []
        for line in lines:
            for each in sieve.sift(line):
                if each.found:
                    found.append(len(drawn))
                drawn += self._fitted(each)
        return drawn, found

    def _fitted(self, sifted: Sifted) -> Sequence[Line]:
        """A notice is ours, and always wrapped so that its next step is in view."""
        hang = 3 if sifted.line.notice else 2 if self._wrapped else None
        return self.fitted(log_lines.drawn(sifted, self._look), hang)

    def _point(self) -> None:
        """Marks the lines that were found, where they stand now."""
        self._found = [each for each in self._found if each >= self._gone]
        self._matches = [each - self._gone for each in self._found]
        self.lines.find(frozenset(self._matches))

    def _head(self) -> None:
        """Whose log it is, what of it stands here, and how."""
        _, _, only, around = self._search
        said: list[str] = [self._whose]
        if self._search.text:
            count = f"{len(self._found):,} found" if self._found else "nowhere"
            if self._at >= 0 and self._found:
                count = f"{self._at + 1:,} of {len(self._found):,}, n the next"
            said.append(f"/{self._search.text}: {count}")
        if only and self._search.text:
            said.append(f"no others but {around} around" if around else "no others")
        if not self._along:
            said.append("not following, s does")
        said.append(self.range.words)
        if self._look.stamps is not Stamps.NONE:
            said.append(f"times in {self._look.stamps.zone(self._clock())}")
        if (more := self._came - len(self._log)) > 0 and len(self._log) == MOST:
            said.append(f"{more:,} older ones not kept")
        self._title = " · ".join(said)
        self.retitle(self._title)
