"""What `meshtui denials` prints: the same rows as text, JSON and YAML."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct

from meshtui.commands import documents
from meshtui.mesh import denial_rows, denial_watch, minimal_allow
from meshtui.mesh.denial_rows import Row
from meshtui.mesh.denial_watch import Heard
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Snapshot

SCHEMA = "meshtui.denials/v1"
"""What `schema` says in JSON and YAML. It gets a new number where a field changes its meaning or goes."""

_SHOWN = 20
"""Minutes of a sparkline."""


class Report(Struct, frozen=True, eq=False):
    """What is to be told."""

    snapshot: Snapshot
    at: datetime
    since: int
    """Seconds back."""
    rows: Sequence[Row]
    heard: Heard
    read: int
    """Logs that could be read, of `total`."""
    total: int
    missing: Sequence[str]
    """What is not known."""


# For people


def table(report: Report) -> str:
    lines = [line for row in report.rows for line in _block(report, row)]
    return "\n".join([*lines, summary(report)]) + "\n"


def _block(report: Report, row: Row) -> Iterator[str]:
    minutes = denial_rows.series(row, report.heard.dark, report.at)
    rate = denial_rows.rate(row, report.heard.dark, report.at)
    yield f"{row.verdict.health.mark} {plain(_path(row))}  {row.reason.title}"
    times = f"{row.first:%H:%M:%S} to {row.last:%H:%M:%S} UTC"
    bars = denial_rows.sparkline(minutes[-_SHOWN:])
    yield f"    count     {row.count}, {rate:.1f} a minute, {times}  {bars}"
    yield f"    why       {row.reason.words}"
    yield f"    said      {plain(row.said)}"
    facts = (
        ("caller", ", ".join(row.identities) or "no identity that the lines tell"),
        ("via", row.via),
        ("policy", ", ".join(row.policies)),
        ("seen by", ", ".join(row.proxies)),
        ("rules", ", ".join(row.reason.rules)),
    )
    yield from (f"    {title:<9} {plain(words)}" for title, words in facts if words)
    yield f"    next      {row.reason.next}"
    if row.reason.allow:
        labels = minimal_allow.labels(row, report.snapshot)
        why_not = minimal_allow.why_not(row, labels)
        yield f"    allow     {why_not or 'the least that would let it through, if it should be:'}"
        yield from (f"      {plain(each)}" for each in minimal_allow.of(row, labels).splitlines())
    yield ""


def summary(report: Report) -> str:
    """One line: how many, of how much that was read."""
    heard = report.heard
    total = sum(row.count for row in report.rows)
    told = [
        f"{total} refused or failed, in {len(report.rows)} rows"
        if total
        else "nothing was refused",
        f"{report.read} of {report.total} logs read, {heard.counts.access} access lines",
    ]
    return "; ".join([*told, *denial_watch.lost(heard)])


def news_table(report: Report, begin: bool) -> str:
    """A line for each row that has changed."""
    head = f"{'LAST':<8}  {'COUNT':>5}  {'REASON':<22}  FROM → TO\n" if begin else ""
    return head + "".join(
        f"{row.last:%H:%M:%S}  {row.count:>5}  {row.reason.title:<22}  {plain(_path(row))}\n"
        for row in report.rows
    )


def _path(row: Row) -> str:
    port = f":{row.port}" if row.port and not row.destination.endswith(f":{row.port}") else ""
    return f"{row.source} → {row.destination}{port}"


# For programs


def news_json(report: Report, begin: bool) -> str:
    """A document in one line for each row that has changed."""
    told = ({"schema": SCHEMA, **_row(report, row)} for row in report.rows)
    return "".join(json.dumps(each) + "\n" for each in told)


def news_yaml(report: Report, begin: bool) -> str:
    told = ({"schema": SCHEMA, **_row(report, row)} for row in report.rows)
    return "".join("---\n" + documents.as_yaml(each) for each in told)


def _document(report: Report) -> dict[str, Any]:
    heard, counts = report.heard, report.heard.counts
    return {
        **documents.head(SCHEMA, report.snapshot, report.missing),
        "at": report.at.isoformat(),
        "since": report.since,
        "denials": [_row(report, row) for row in report.rows],
        "logs": [
            {
                "proxy": each.key,
                "part": each.part,
                "access_log": each.state.word,
                "says": each.says,
            }
            for each in heard.switches
        ],
        "gaps": [
            {
                "proxy": gap.proxy,
                "since": gap.since.isoformat(),
                "until": gap.until.isoformat() if gap.until else None,
                "why": gap.why,
            }
            for gap in heard.gaps
        ],
        "lines": {
            "access": counts.access,
            "other": counts.other,
            "continued": counts.continued,
            "unread": counts.unread,
        },
        "dropped": heard.dropped,
        "forgotten": heard.forgotten,
    }


def _row(report: Report, row: Row) -> dict[str, Any]:
    dark = report.heard.dark
    allow = minimal_allow.of(row, minimal_allow.labels(row, report.snapshot))
    return {
        "source": row.source,
        "destination": row.destination,
        "port": row.port,
        "via": row.via,
        "reason": row.reason.code,
        "health": row.verdict.health.word,
        "says": row.reason.words,
        "said": row.said,
        "next": row.reason.next,
        "rules": list(row.reason.rules),
        "identities": list(row.identities),
        "policies": list(row.policies),
        "proxies": list(row.proxies),
        "count": row.count,
        "rate": round(denial_rows.rate(row, dark, report.at), 3),
        "first": row.first.isoformat(),
        "last": row.last.isoformat(),
        "minutes": list(denial_rows.series(row, dark, report.at)),
        "allow": allow,
    }


FORMATS = documents.formats(table, _document)
NEWS: Mapping[str, Callable[[Report, bool], str]] = {
    "table": news_table,
    "json": news_json,
    "yaml": news_yaml,
}
"""With `--follow`: what is printed of rows that have changed; the flag says that they are the first."""
