"""Outcomes: how a change ended, and what the audit tells of all of them, as lines to read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from meshtui.mesh.past import Past
from meshtui.mesh.raw import text
from meshtui.ui.spans import Line, Span, Tone

_TONES = {
    "applied": Tone.OK,
    "undone": Tone.MUTED,
    "declined": Tone.MUTED,
    "unknown": Tone.UNKNOWN,
    "intent": Tone.UNKNOWN,
}


GONE = "gone"
"""What was to be changed is not there any more, and nothing is left to do."""


def told(
    title: str, state: str, reason: str, unaudited: str, *, done: str
) -> Iterator[tuple[str, Tone]]:
    """How a change ended, to be said; `done` says it of one that was applied, `unaudited` why the audit has not got
    it."""
    if unaudited:
        yield f"{title}: this is not in the audit: {unaudited}", Tone.BAD
    match state:
        case "applied":
            yield f"{title}: {done}", Tone.PLAIN
        case "declined":
            yield f"{title}: nothing was changed.", Tone.PLAIN
        case _ if state == GONE:
            yield f"{title}: {reason}", Tone.PLAIN
        case _:
            yield f"{title}: {state}: {reason}", Tone.BAD


def lines(state: str, reason: str, remedy: str, diff: Sequence[str]) -> list[Line]:
    """Why a change was not made, and after a conflict what somebody else changed."""
    found: list[Line] = [(Span(f"✗ {state}", _TONES.get(state, Tone.BAD)),), (Span(reason),)]
    if remedy:
        found.append((Span(remedy, Tone.MUTED),))
    if diff:
        found += [(), (Span("Changed in the meantime", Tone.STRONG),)]
        found += [(Span(f"  {each[:1]} {each[1:]}", changed(each)),) for each in diff]
    return found


def changed(line: str) -> Tone:
    """The tone of a line of a diff."""
    return {"+": Tone.OK, "-": Tone.BAD}.get(line[:1], Tone.MUTED)


def audited(past: Past) -> Line:
    """A change as the audit tells it: when, how it ended, where, what, as whom and why."""
    entry, state = past.entry, "undone" if past.undone else past.state
    who = text(entry, "as") or text(entry, "user") or "whom is unknown"
    reason = f": {past.reason}" if past.reason else ""
    return (
        Span(f"{text(entry, 'at')[:19].replace('T', ' ')}  ", Tone.MUTED),
        Span(f"{state:<9}", _TONES.get(state, Tone.BAD)),
        Span(f" {text(entry, 'context')}  ", Tone.MUTED),
        Span(f"{text(entry, 'title')}{reason}"),
        Span(f"  as {who}", Tone.MUTED),
    )
