"""Info: this program, the cluster that is looked at, and how they are connected, as lines to read."""

from __future__ import annotations

from pathlib import Path

from meshtui import __version__
from meshtui.mesh.snapshot import Server, Snapshot
from meshtui.ui import notices, times
from meshtui.ui.exchange import Place
from meshtui.ui.spans import Line, Span, Tone


def lines(snapshot: Snapshot | None, place: Place, config: Path | None) -> list[Line]:
    server = snapshot.server if snapshot else Server()
    facts = (
        ("meshtui", __version__),
        ("context", place.context),
        ("cluster", server.cluster),
        ("server", server.url),
        ("version", server.version),
        ("user", server.user or "not known"),
        *((("acting as", server.impersonating),) if server.impersonating else ()),
        ("answered", times.stamp(server.answered)),
        ("requests", _sent(server) if snapshot else "not known"),
        ("namespaces", ", ".join(place.namespaces) or "all"),
        ("read-only", place.read_only or "no"),
        ("config", str(config or "none")),
    )
    found: list[Line] = [(Span(f"{name:<12}", Tone.MUTED), Span(value)) for name, value in facts]
    troubled = notices.causes(snapshot) if snapshot else []
    if troubled:
        found += [(), (Span("Not known, or not as it is now", Tone.STRONG),), *troubled]
    return found


def _sent(server: Server) -> str:
    return f"{server.requests:,} in the last minute, of which port-forwards {server.forwards:,}"
