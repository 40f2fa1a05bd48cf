"""`meshtui certs`: the certificates of the mesh, the one whose renewal is most overdue first: the Certificates pane as
text, JSON and YAML."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from msgspec import Struct

from meshtui.commands import documents, frame, whole
from meshtui.commands.frame import Told
from meshtui.commands.whole import Asked
from meshtui.mesh import certificates, scopes
from meshtui.mesh.certificate_rows import Row
from meshtui.mesh.health import Health
from meshtui.mesh.life import Renewal
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Snapshot
from meshtui.settings import Settings
from meshtui.ui import certificate_words, times

SCHEMA = "meshtui.certs/v1"
"""What `schema` says in JSON and YAML. It gets a new number where a field changes its meaning or goes."""


class Order(Struct, frozen=True):
    """What is asked for."""

    expiring: timedelta | None = None
    """Only what ends within so long unless somebody renews it; None for all."""
    output: str = "table"
    strict: bool = False
    """A cluster that was read only in part is one that could not be read."""


class Report(Struct, frozen=True, eq=False):
    """What is to be told."""

    snapshot: Snapshot
    rows: Sequence[Row]
    missing: Sequence[str]
    """What could not be read."""


def run(order: Order, settings: Settings) -> int:
    """Tells it, and gives the exit status."""
    tell = partial(_told, order)
    return frame.answer(settings, _asked, certificates.KINDS, tell, strict=order.strict)


def _told(order: Order, snapshot: Snapshot, missing: Sequence[str]) -> Told:
    rows = [row for row in certificates.of(snapshot) if _is_wanted(row, order, snapshot.now)]
    ending = order.expiring is not None and any(row.not_after for row in rows)
    bad = ending or any(row.verdict.health is Health.BAD for row in rows)
    return Told(FORMATS[order.output](Report(snapshot, rows, missing)), well=not bad)


def _asked(namespaces: Sequence[str]) -> Asked:
    return Asked(scopes.of(certificates.KINDS, namespaces), whole.dumps, certificates.refs)


def _is_wanted(row: Row, order: Order, now: datetime) -> bool:
    """All of them; of those that end within a time, what ends nobody knows when too, where something is wrong."""
    if order.expiring is None:
        return True
    if row.not_after is None:
        return row.verdict.health not in (Health.OK, Health.NONE)
    by_hand = row.renewal in (Renewal.HAND, Renewal.CA_BY_HAND)
    renews_itself = not by_hand and row.verdict.health is Health.OK
    return row.not_after - now <= order.expiring and not renews_itself


# For people


def table(report: Report) -> str:
    head = ("", "EXPIRES", "RENEWS", "IDENTITY", "HELD BY", "ISSUER")
    cells = [_cells(row, report.snapshot.now) for row in report.rows]
    lines = iter(documents.aligned([head, *cells]))
    told = [next(lines)]
    for row, line in zip(report.rows, lines, strict=True):
        told.append(line)
        if row.verdict.health not in (Health.OK, Health.NONE):
            told.append(f"     {plain(row.verdict.reason)}")
    return "\n".join([*told, _summary(report)]) + "\n"


def _cells(row: Row, now: datetime) -> tuple[str, ...]:
    when = (times.left(row.not_after, now), certificate_words.renews(row, now))
    what = map(plain, (certificate_words.title(row), row.held_by, row.issuer))
    return row.verdict.health.mark, *when, *what


def _summary(report: Report) -> str:
    counts = Counter(row.verdict.health for row in report.rows)
    by_rank = sorted(counts, key=lambda health: -health.rank)
    told = ", ".join(f"{counts[health]} {health.word}" for health in by_rank)
    return told or "no certificates"


# For programs


def _document(report: Report) -> dict[str, Any]:
    return {
        **documents.head(SCHEMA, report.snapshot, report.missing),
        "certificates": [_row(row) for row in report.rows],
    }


def _row(row: Row) -> dict[str, Any]:
    return {
        "role": row.role.value,
        "name": row.name,
        "health": row.verdict.health.word,
        "reason": row.verdict.reason,
        "count": row.count,
        "notBefore": _moment(row.not_before),
        "notAfter": _moment(row.not_after),
        "renewalDue": _moment(row.due),
        "renewed": row.renewal.words if row.renewal else None,
        "issuer": row.issuer,
        "holders": list(_holders(row)),
    }


def _holders(row: Row) -> Iterator[Mapping[str, str]]:
    for ref in row.holders:
        yield {"kind": ref.kind.title, "namespace": ref.namespace, "name": ref.name}


def _moment(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


FORMATS = documents.formats(table, _document)
