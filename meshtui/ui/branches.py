"""Branches: a tree as lines, with a cursor that stays on its node and nodes that open and close, whatever changes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from msgspec import Struct
from rich.style import Style
from textual import events
from textual.binding import Binding
from textual.geometry import Size
from textual.message import Message
from textual.strip import Strip

from meshtui.mesh.health import Health
from meshtui.mesh.tree_nodes import Node, Part
from meshtui.ui.lines import Lines
from meshtui.ui.spans import Line, Span, Tone, line, text_of, tone
from meshtui.ui.table import fit

Path = tuple[tuple[str, int], ...]
"""The keys from the root to a node, each with how many siblings before it have the same."""

_MANY = 200
"""Where there would be more lines, Services are closed at first."""
_ONCE = (Part.ROUTE, Part.SERVICE)
"""What stands in several places is open in the first of them."""
_WORD = 9
_SAMPLE = 300
"""So many lines are measured to find how wide the tree is."""
_LEAST_REASON, _ROOMY = 24, 90
"""So many cells are worth to say why in; and with so many for both the tree leaves some to it."""


class Place(Struct, frozen=True):
    """One node in view, and where it stands."""

    path: Path
    node: Node
    guide: str
    sign: str
    """Whether it is open, closed, or has nothing under it."""
    opened: bool

    @property
    def health(self) -> Health:
        return self.node.verdict.health if self.opened else self.node.health

    @property
    def reason(self) -> str:
        """Why it has its mark; for a closed one of which something under it is worse, what that is."""
        own = self.node.verdict
        if self.health.rank > max(own.health.rank, Health.OK.rank):
            return f"under it: {self.node.below.reason}"
        return own.reason


class Branches(Lines, inherit_bindings=False):
    """A tree. Posts `Moved` when another node is under the cursor or others came into view, `Chosen` on enter."""

    BINDINGS = [
        Binding("enter", "choose", "Go to it", key_display="enter", id="tree.go"),
        Binding("space", "fold", "Open or close", id="tree.fold"),
        Binding("up,k", "move(-1)", "Up", show=False, id="lines.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="lines.down"),
        Binding("left,h", "close", "Close, or up to what leads here", show=False, id="tree.close"),
        Binding("right", "open", "Open, or down into it", show=False, id="tree.open"),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False, id="lines.page_up"),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False, id="lines.page_down"),
        Binding("home,g", "move_to(0)", "Top", show=False, id="lines.top"),
        Binding("end,G", "move_to(-1)", "End", show=False, id="lines.end"),
    ]

    @dataclass
    class Moved(Message):
        """Another node is under the cursor, or others are in view."""

    @dataclass
    class Chosen(Message):
        node: Node

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self._roots: Sequence[Node] = ()
        self._open: dict[Path, bool] = {}
        self._places: Sequence[Place] = ()
        self._cursor = 0
        self._tree = 0
        self._many = False

    # What it shows

    @property
    def place(self) -> Place | None:
        """Where the cursor is."""
        return self._places[self._cursor] if self._places else None

    @property
    def shown(self) -> Sequence[Line]:
        return [self._line(each) for each in self._places]

    @property
    def drawn(self) -> str:
        """The line under the cursor, as far as it had room."""
        return text_of(self._line(self._places[self._cursor])) if self._places else ""

    @property
    def in_view(self) -> Sequence[Node]:
        """The nodes that can be seen now."""
        top = self.scroll_offset.y
        return [each.node for each in self._places[top : top + self.size.height]]

    def plant(self, roots: Sequence[Node], start: Callable[[Node], bool]) -> None:
        """Shows these trees. The cursor stays on its node, and starts on the first one that `start` names."""
        before = self.place
        self._roots = roots
        self._grow()
        if before is None:
            named = (i for i, each in enumerate(self._places) if start(each.node))
            self._cursor = next(named, 0)
        else:
            self._cursor = self._index_of(before)
        self._draw()

    def text(self) -> str:
        """All that is open, with every word in full."""
        return "\n".join(
            "  ".join(filter(None, (f"{mark} {name}", note, reason)))
            for mark, name, note, reason in map(_words, self._places)
        )

    # Keys and mouse

    def go(self, index: int) -> None:
        """Puts the cursor on a line."""
        self._cursor = max(0, min(index, len(self._places) - 1))
        self.refresh()
        self._into_view()
        self.post_message(self.Moved())

    def action_move(self, step: int) -> None:
        self.go(self._cursor + step)

    def action_page(self, pages: int) -> None:
        self.go(self._cursor + pages * max(1, self.size.height - 1))

    def action_move_to(self, index: int) -> None:
        self.go(index if index >= 0 else len(self._places) - 1)

    def action_fold(self) -> None:
        if (place := self.place) is not None and place.node.children:
            self._set(place, opened=not place.opened)

    def action_close(self) -> None:
        place = self.place
        if place is None:
            return
        if place.opened and place.node.children:
            self._set(place, opened=False)
        elif len(place.path) > 1:
            self.go([each.path for each in self._places].index(place.path[:-1]))

    def action_open(self) -> None:
        place = self.place
        if place is None or not place.node.children:
            return
        if place.opened:
            self.action_move(1)
        else:
            self._set(place, opened=True)

    def action_choose(self) -> None:
        if (place := self.place) is None:
            return
        if place.node.part is Part.PODS:
            self.action_fold()
        else:
            self.post_message(self.Chosen(place.node))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if index < len(self._places):
            self.go(index)
            if event.chain == 2:
                self.action_choose()

    def on_resize(self) -> None:
        self._draw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        self.post_message(self.Moved())

    # Drawing

    def ground(self, index: int) -> Style:
        base = super().ground(index)
        return base + self.style_of("table--cursor") if index == self._cursor else base

    def render_line(self, y: int) -> Strip:
        index, width = y + self.scroll_offset.y, self.size.width
        if index >= len(self._places):
            return Strip.blank(width, self.rich_style)
        base = self.ground(index)
        return self.strip(self.paint(self._line(self._places[index]), base), width, base)

    def _draw(self) -> None:
        stride = max(1, len(self._places) // _SAMPLE)
        widest = max((len(text_of(_left(each))) for each in self._places[::stride]), default=0)
        room = self.scrollable_content_region.width - 2 - _WORD
        self._tree = max(0, min(widest + 2, room * 3 // 5 if room >= _ROOMY else room))
        self._resize()
        self._into_view()
        self.post_message(self.Moved())

    def _resize(self) -> None:
        self.virtual_size = Size(self.size.width, len(self._places))
        self.refresh()

    def _line(self, place: Place) -> Line:
        """In columns: mark, the tree with notes, the word of the health, and why, where there is room for that."""
        health = place.health
        calm = health.rank <= Health.OK.rank
        own = Tone.PLAIN if health is Health.OK else tone(health)
        word = "–" if health is Health.NONE else health.word
        left = fit(_left(place), self._tree - 1)
        rest = self.scrollable_content_region.width - 2 - _WORD - self._tree
        reason = line(Span(place.reason, Tone.MUTED if calm else Tone.PLAIN))
        return (
            Span(f"{health.mark} ", own),
            *left,
            Span(" " * (self._tree - len(text_of(left)))),
            Span(f"{word:<{_WORD}}", own),
            *fit(reason, rest if rest >= _LEAST_REASON else 0),
        )

    def _set(self, place: Place, *, opened: bool) -> None:
        self._open[place.path] = opened
        self._grow()
        self._cursor = self._index_of(place)
        self._draw()

    def _grow(self) -> None:
        self._many = len([*islice(_every(self._roots), _MANY)]) == _MANY
        seen: set[tuple[Part, str]] = set()
        self._places = [*self._of(self._roots, (), "", seen)]

    def _of(
        self, nodes: Iterable[Node], above: Path, guide: str, seen: set[tuple[Part, str]]
    ) -> Iterator[Place]:
        numbered: dict[str, int] = {}
        siblings = list(nodes)
        for position, node in enumerate(siblings, 1):
            number = numbered[node.key] = numbered.get(node.key, -1) + 1
            path = (*above, (node.key, number))
            last = position == len(siblings)
            branch = "" if not above else "└" if last else "├"
            again = node.part in _ONCE and (node.part, node.row) in seen
            seen.add((node.part, node.row))
            opened = self._open.setdefault(path, not (again or self._closed_at_first(node)))
            sign = "─" if not node.children else "▾" if opened else "▸"
            yield Place(path, node, guide + branch, f"{sign} ", opened or not node.children)
            if opened:
                under = guide if not above else f"{guide}  " if last else f"{guide}│ "
                yield from self._of(node.children, path, under, seen)

    def _closed_at_first(self, node: Node) -> bool:
        return node.part in (Part.PODS, Part.OTHER) or (self._many and node.part is Part.SERVICE)

    def _index_of(self, place: Place) -> int:
        """The line of the same node; where it is not there any more, of the same thing in another place, or of what it
        was under."""
        at = {each.path: index for index, each in enumerate(self._places)}
        if place.path in at:
            return at[place.path]
        node = place.node
        if node.row:
            for index, each in enumerate(self._places):
                if (each.node.part, each.node.row) == (node.part, node.row):
                    return index
        above = (place.path[:length] for length in range(len(place.path) - 1, 0, -1))
        return next((at[path] for path in above if path in at), 0)

    def _into_view(self) -> None:
        height, top = self.size.height, self.scroll_offset.y
        if height > 0:
            top = min(max(top, self._cursor - height + 1), self._cursor)
            if top != self.scroll_offset.y:
                self.scroll_to(y=top, animate=False, force=True)


def _every(nodes: Iterable[Node]) -> Iterator[Node]:
    """The nodes that stand there where nothing but pods is closed."""
    for node in nodes:
        yield node
        if node.part is not Part.PODS:
            yield from _every(node.children)


def _words(place: Place) -> tuple[str, str, str, str]:
    """Mark, name, note and reason of one line."""
    name = text_of(line((Span(f"{place.guide}{place.sign}{place.node.called}"),)))
    note, word = place.node.note, place.health.word
    reason = f"{word}: {place.reason}" if place.reason else word
    return place.health.mark, name, text_of(line(note)), text_of(line(reason))


def _left(place: Place) -> Line:
    node = place.node
    title = Span(f"{node.title} " if node.title else "", Tone.MUTED)
    note = (Span(f"  {node.note}", Tone.MUTED),) if node.note else ()
    sign = Span(place.sign, Tone.MUTED if place.opened else Tone.ACCENT)
    return line((Span(place.guide, Tone.MUTED), sign, title, Span(node.name), *note))
