"""The words of the Certificates pane, for whoever else tells of certificates."""

from __future__ import annotations

from datetime import datetime

from meshtui.mesh import certificate_facts
from meshtui.mesh.certificate_rows import Role, Row
from meshtui.mesh.health import Health
from meshtui.ui import times
from meshtui.ui.detail import Fact
from meshtui.ui.spans import Line, Span, mark


def title(row: Row) -> str:
    """Whose it is: a SPIFFE identity without its scheme; of many of one namespace, how many."""
    if row.role is Role.RENEWING:
        return f"{row.name}  ({row.count})"
    return row.name.removeprefix("spiffe://")


def renews(row: Row, now: datetime) -> str:
    """When it is renewed: how long until then, or how late that is, or that a person does it."""
    if row.renewal is None or row.due is None:
        return times.NONE
    if "hand" in row.renewal.words:
        return "by hand"
    return (
        times.duration(row.due - now) if row.due >= now else f"{times.duration(now - row.due)} late"
    )


def fact(said: certificate_facts.Fact) -> Fact:
    """A line of a certificate, with a mark where it is not well."""
    shown = said.health not in (Health.NONE, Health.OK)
    words: Line = (mark(said.health), Span(f" {said.text}")) if shown else (Span(said.text),)
    return Fact(said.label, words)
