"""What is measured of a program on a terminal: from its start to its end."""

from __future__ import annotations

import re
import statistics
import time
from typing import Any

from tests.bench.screen import Screen
from tests.bench.terminal import Terminal

PATIENCE = 120.0

Figures = dict[str, Any]


def start(terminal: Terminal) -> Figures:
    """Seconds from the start of the process to the first character, to the first pods in the Workloads pane, and to a
    list that says it is complete and live; and how many rows that has."""
    painted = terminal.until(lambda screen: bool(screen.text.strip()), PATIENCE)
    first = terminal.until(lambda screen: "Running" in screen.text, PATIENCE)
    complete_at = terminal.until(_is_complete, PATIENCE)
    moments = {"first_paint": painted, "first_rows": first, "all_rows": complete_at}
    return {name: round(at - terminal.started, 3) for name, at in moments.items()}


def rows(screen: Screen) -> int:
    """The rows of the pane in front, as its stamp has them; 0 where that tells none."""
    found = _STAMP.search(_top(screen))
    return int(found[1].replace(",", "")) if found else 0


_STAMP = re.compile(r"([\d,]+)  ● live")


def _top(screen: Screen) -> str:
    return " ".join(screen.lines[:3])


def _is_complete(screen: Screen) -> bool:
    return "loading" not in _top(screen) and rows(screen) > 0


def keys(terminal: Terminal, pressed: list[str]) -> Figures:
    """Milliseconds from a key to the first thing written after it, each after a moment of silence."""
    return _of(_pressed(terminal, pressed))


def _pressed(terminal: Terminal, pressed: list[str]) -> list[float]:
    took = []
    for key in pressed:
        terminal.quiet(0.1, most=2)
        at = terminal.press(key)
        seen = terminal.output(5)
        if seen is None:
            raise TimeoutError(f"nothing came of {key!r}")
        took.append(1000 * (seen - at))
    return took


def keys_for(terminal: Terminal, seconds: float) -> Figures:
    """The same for keys that move the cursor down and up again, for so many seconds; and how many were pressed."""
    took, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        for key in ("j", "k"):
            took += _pressed(terminal, [key] * 10)
    return {**_of(took), "pressed": len(took)}


def filters(terminal: Terminal, text: str, times: int = 5) -> Figures:
    """Milliseconds from the last character of a filter to the rows that it keeps, over all rows."""
    took, stamped = [], re.compile(rf"/{re.escape(text)}  [\d,]+ of ")
    for _ in range(times):
        terminal.press(f"/{text[:-1]}")
        terminal.quiet(0.3, most=5)
        at = terminal.press(text[-1])
        seen = terminal.until(lambda screen: bool(stamped.search(_top(screen))), 10)
        took.append(1000 * (seen - at))
        terminal.press("\x1b")
        terminal.until(lambda screen: not stamped.search(_top(screen)), 10)
        terminal.quiet(0.3, most=5)
    return _of(took)


def switches(terminal: Terminal, times: int = 10) -> Figures:
    """Milliseconds from `tab`, or `shift+tab`, to the columns of the other pane."""
    return _headings(terminal, ["\t", "\x1b[Z"] * (times // 2))


def sorts(terminal: Terminal, times: int = 5) -> Figures:
    """Milliseconds from a key that sorts all rows to the heading that says so, which is drawn with them."""
    return _headings(terminal, ["N", "P", "S"] * times)


def _headings(terminal: Terminal, keys: list[str]) -> Figures:
    """Milliseconds from each key to another line of headings."""
    took = []
    for key in keys:
        terminal.quiet(0.3, most=5)
        before = terminal.screen.lines[2]
        at = terminal.press(key)
        seen = terminal.until(lambda screen: screen.lines[2] != before, 10)  # noqa: B023
        took.append(1000 * (seen - at))
    return _of(took)


def quits(terminal: Terminal) -> float:
    """Seconds from `:q` to the end of the process."""
    terminal.press(":q")
    terminal.quiet(0.2, most=3)
    at = terminal.press("\r")
    return round(terminal.ended(30) - at, 3)


def idle(terminal: Terminal, seconds: float) -> float:
    """Percent of one core."""
    before, began = terminal.cpu(), time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        terminal.output(left)
    return round(100 * (terminal.cpu() - before) / (time.monotonic() - began), 2)


def memory(terminal: Terminal) -> Figures:
    """Resident MiB: program, children (there should be none), and the program's peak."""
    return {name: round(size / 2**20, 1) for name, size in terminal.memory().items()}


def _of(took: list[float]) -> Figures:
    return {"median": round(statistics.median(took), 1), "worst": round(max(took), 1)}
