"""Header: one line that says where one is, what one may do there, and whether what is shown is alive."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget

from meshtui.mesh.snapshot import Phase, Scope, Snapshot, Source
from meshtui.ui import times
from meshtui.ui.arguments import ALL
from meshtui.ui.columns import shorten
from meshtui.ui.exchange import Place
from meshtui.ui.paint import segments, style_of
from meshtui.ui.spans import Span, Tone, plain
from meshtui.ui.themes import label

ALIVE = timedelta(seconds=15)
"""A server that has not answered for longer is not called live (architecture §13.12)."""


class Header(Widget):
    """The header line. The clock is the only thing on the screen that moves by itself."""

    ALLOW_SELECT = False

    snapshot: reactive[Snapshot | None] = reactive(None)
    place: reactive[Place] = reactive(Place())

    def __init__(self, clock: Callable[[], datetime]) -> None:
        super().__init__(id="header")
        self._clock = clock
        self._said: list[Span] = []
        """What was drawn last of what depends on the time."""

    def on_mount(self) -> None:
        self.set_interval(1, self._tick)

    def _tick(self) -> None:
        """Draws it anew where time alone has changed what it says."""
        if self._said != self._right(self._clock(), self.size.width):
            self.refresh()

    def render_line(self, y: int) -> Strip:
        base = self.rich_style
        width = self.size.width
        now = self._clock()
        self._said = self._right(now, width)
        right = segments(self, self._said, base)
        room = max(0, width - sum(cell_len(segment.text) for segment in right))
        left = Strip(self._left(base, room - 2))
        return Strip([*left.adjust_cell_length(room, base), *right])

    def _left(self, base: Style, room: int) -> list[Segment]:
        """Context and namespaces, shortened where there is no room, and the server between them where there is."""
        place = self.place
        scope = plain(",".join(place.namespaces) or ALL)
        scope = f"  ns: {shorten(scope, max(8, room // 3))}"
        name = plain(place.context or "no context")
        name = f" {shorten(name, max(8, room - len(scope) - 2))} "
        used = len(name) + len(scope)
        favourites = self._favourites(room - used)
        where = self._where() if self.snapshot is not None else ""
        if used + len(where) + len(favourites) > room:
            where = ""
        colour = place.colour
        own = self.app.current_theme.ansi
        on_colour = label(colour, own=own) if colour else Style(bold=True)
        muted = base + style_of(self, Tone.MUTED.value)
        return [
            Segment(name, base + on_colour),
            Segment(where, muted),
            Segment(scope, base),
            Segment(favourites, muted),
        ]

    def _favourites(self, room: int) -> str:
        """The other namespaces that keys choose, as many as there is room for; "" where none were used yet."""
        place = self.place
        said = ""
        if place.favourites:
            for number, names in enumerate(((), *place.favourites)):
                more = f"  {number} {plain(','.join(names) or ALL)}"
                if len(said) + len(more) > room:
                    break
                said += more if names != place.namespaces else ""
        return said

    def _where(self) -> str:
        assert self.snapshot is not None
        server = self.snapshot.server
        cluster = server.cluster if server.cluster != self.place.context else ""
        parts = (cluster, server.url.removeprefix("https://"), server.version)
        found = " · ".join(part for part in parts if part)
        return f"  {plain(found)}" if found else ""

    def _right(self, now: datetime, width: int) -> list[Span]:
        spans = []
        snapshot = self.snapshot
        if snapshot is not None and snapshot.server.insecure:
            spans.append(Span("TLS not verified  ", Tone.BAD))
        if self.place.under_way:
            spans.append(Span(f"{plain(self.place.under_way)}  ", Tone.ACCENT))
        if self.place.read_only:
            spans.append(Span("read-only  ", Tone.WARN))
        elif self.place.unlocked is not None:
            spans.append(Span(f"writes {_left(self.place.unlocked - now)}  ", Tone.WARN))
        wide = width >= 100
        spans.append(_connection(snapshot, now, brief=bool(self.place.under_way) and not wide))
        if wide:
            spans.append(Span(f"   {now:%H:%M} UTC ", Tone.MUTED))
        else:
            spans.append(Span(" "))
        return spans


def _left(time: timedelta) -> str:
    """What is left of a time: "14:59"."""
    minutes, seconds = divmod(max(0, int(time.total_seconds())), 60)
    return f"{minutes}:{seconds:02}"


def _connection(snapshot: Snapshot | None, now: datetime, *, brief: bool) -> Span:
    """Whether the server still answers, and whether the watches still speak; `brief` without when it is tried again."""
    if snapshot is None:
        return Span("◌ connecting", Tone.UNKNOWN)
    server = snapshot.server
    if server.answered is None:
        if server.problem is not None:
            return Span(f"✗ {server.problem.trouble.value}", Tone.BAD)
        return Span("◌ connecting", Tone.UNKNOWN)
    if now - server.answered > ALIVE or server.problem is not None:
        retry = ""
        if server.retry_at is not None and server.retry_at > now and not brief:
            retry = f" (retry in {(server.retry_at - now).seconds}s)"
        return Span(f"◍ stale since {times.clock(server.answered)}{retry}", Tone.BAD)
    return snapshot.once(_watched, snapshot.sources)


def _watched(sources: Mapping[Scope, Source]) -> Span:
    """Whether all watches speak."""
    phases = {source.phase for source in sources.values()}
    if Phase.STALE in phases:
        return Span("◍ some watches cut", Tone.WARN)
    if Phase.LOADING in phases:
        read = sum(source.count for source in sources.values())
        return Span(f"◌ loading {read:,}", Tone.UNKNOWN)
    if Phase.FORBIDDEN in phases and phases <= {Phase.FORBIDDEN, Phase.ABSENT}:
        return Span("✗ forbidden", Tone.BAD)
    if any(source.problem for source in sources.values() if source.phase is Phase.LIVE):
        return Span("◍ not all watched", Tone.WARN)
    return Span("● live", Tone.OK)
