"""`meshtui status`: the Cluster pane as one screen of text, or whole as JSON and YAML."""

from __future__ import annotations

import shutil
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from msgspec import Struct

from meshtui.commands import documents, frame, whole
from meshtui.commands.frame import Told
from meshtui.commands.whole import Asked
from meshtui.mesh import certificates, overview, policy_rows, scopes
from meshtui.mesh.doctor import analyzer
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.health import Health
from meshtui.mesh.overview_items import Item, Section, brief
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Snapshot
from meshtui.settings import Settings
from meshtui.ui import times
from meshtui.ui.columns import shorten

SCHEMA = "meshtui.status/v1"
"""What `schema` says in JSON and YAML. It gets a new number where a field changes its meaning or goes."""

KINDS = (*overview.KINDS, *policy_rows.KINDS, *analyzer.watched(ANALYZERS))


class Order(Struct, frozen=True):
    """What is asked for."""

    output: str = "table"
    strict: bool = False
    """A cluster that was read only in part is one that could not be read."""


class Report(Struct, frozen=True, eq=False):
    """What is to be told."""

    snapshot: Snapshot
    sections: Sequence[Section]
    """What is worst comes first."""
    missing: Sequence[str]
    """What could not be read."""


def run(order: Order, settings: Settings) -> int:
    """Tells it, and gives the exit status."""
    tell = partial(_told, order, settings)
    return frame.answer(settings, _asked, KINDS, tell, strict=order.strict)


def _told(order: Order, settings: Settings, snapshot: Snapshot, missing: Sequence[str]) -> Told:
    found = overview.of(snapshot, settings.namespaces_of(snapshot.server.context))
    sections = [section for section in found if section.title != "WATCHED"]  # nobody watched
    items = (item for section in sections for item in section.items)
    bad = any(item.verdict.health is Health.BAD for item in items)
    return Told(FORMATS[order.output](Report(snapshot, sections, missing)), well=not bad)


def _asked(namespaces: Sequence[str]) -> Asked:
    return Asked(scopes.of(KINDS, namespaces), whole.dumps, certificates.refs)


# For people

_WIDTH = 100
"""Where there is no terminal, lines of what is well are broken here."""


def table(report: Report) -> str:
    return text(report, shutil.get_terminal_size().columns if sys.stdout.isatty() else None)


def text(report: Report, columns: int | None) -> str:
    """In a terminal, each line in its columns, so that all of it is one screen; None where it is read by something
    else, to which nothing is cut."""
    lines = map(plain, _lines(report, columns or _WIDTH, spaced=columns is None))
    return "\n".join(shorten(line, columns) if columns else line for line in lines) + "\n"


def _lines(report: Report, width: int, *, spaced: bool) -> Iterator[str]:
    """Section by section: a line for each thing that is not well; all that is well side by side."""
    now = report.snapshot.now
    for section in report.sections:
        items = [item for item in brief(section.items) if not _is_told_by_its_pane(item)]
        if not items:
            continue
        troubled = [item for item in items if item.verdict.health.rank >= Health.UNKNOWN.rank]
        yield section.title
        if troubled:
            yield from documents.aligned([_cells(item, now) for item in troubled])
        for health in (Health.OK, Health.NONE):
            well = [_said(item, now) for item in items if item.verdict.health is health]
            yield from (
                textwrap.wrap(
                    f"{health.mark} {'; '.join(well)}",
                    width,
                    initial_indent=" ",
                    subsequent_indent="   ",
                    break_on_hyphens=False,
                )
                if well
                else ()
            )
        if spaced:
            yield ""


def _is_told_by_its_pane(item: Item) -> bool:
    """Whether it is one row of a pane whose counts, and whose worst row, stand there too. Findings are told each."""
    section, _, row = item.key.partition("/")
    return section == "worst" and "/" in row and not row.startswith("findings/")


def _cells(item: Item, now: datetime) -> tuple[str, ...]:
    value, why = _value(item, now), item.verdict.reason
    said = value if why in value else f"{value}  {why}"
    return f" {item.verdict.health.mark} {item.text}", said


def _said(item: Item, now: datetime) -> str:
    return f"{item.text} {_value(item, now)}".strip()


def _value(item: Item, now: datetime) -> str:
    return times.coming(item.value, item.when, now) if item.when is not None else item.value


# For programs


def _document(report: Report) -> dict[str, Any]:
    return {
        **documents.head(SCHEMA, report.snapshot, report.missing),
        "sections": [
            {"title": section.title.lower(), "items": [_item(item) for item in section.items]}
            for section in report.sections
        ],
    }


def _item(item: Item) -> dict[str, Any]:
    ref = item.ref
    return {
        "text": item.text,
        "value": item.value,
        "health": item.verdict.health.word,
        "reason": item.verdict.reason,
        "when": item.when.isoformat() if item.when else None,
        "share": list(item.share) if item.share else None,
        "object": {"kind": ref.kind.title, "namespace": ref.namespace, "name": ref.name}
        if ref
        else None,
    }


FORMATS = documents.formats(table, _document)
