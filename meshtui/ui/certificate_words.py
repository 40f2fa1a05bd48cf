"""The words of the Certificates pane, for whoever else tells of certificates."""

from __future__ import annotations

from datetime import datetime

from meshtui.mesh.certificate_rows import Role, Row
from meshtui.ui import times


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
