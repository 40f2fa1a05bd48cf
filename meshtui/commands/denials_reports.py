"""What `meshtui denials` prints: the same rows as text, JSON and YAML."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from meshtui.commands import documents
from meshtui.mesh import minimal_allow, pods
from meshtui.mesh.access.switches import State, Switch
from meshtui.mesh.denials import Denials, Row
from meshtui.mesh.printable import plain
from meshtui.mesh.snapshot import Snapshot

SCHEMA = "meshtui.denials/v1"
"""What `schema` says in JSON and YAML. It gets a new number where a field changes its meaning or goes."""

_BARS = "▁▂▃▄▅▆▇█"
_UNKNOWN_BAR = "?"
_SHOWN = 20
"""Minutes of a sparkline."""


@dataclass(frozen=True, slots=True, eq=False)
class Report:
    """What is to be told."""

    snapshot: Snapshot
    at: datetime
    since: int
    """Seconds back."""
    rows: Sequence[Row]
    switches: Sequence[Switch]
    denials: Denials
    read: int
    """Logs that could be read, of `total`."""
    total: int
    missing: Sequence[str]
    """What is not known."""


# For people


def table(report: Report) -> str:
    lines = [line for row in report.rows for line in _block(report.snapshot, row)]
    return "\n".join([*lines, summary(report)]) + "\n"


def _block(snapshot: Snapshot, row: Row) -> Iterator[str]:
    yield f"{row.verdict.health.mark} {plain(_path(row))}  {row.reason.title}"
    times = f"{row.first:%H:%M:%S} to {row.last:%H:%M:%S} UTC"
    yield f"    count     {row.count}, {row.rate:.1f} a minute, {times}  {sparkline(row.series[-_SHOWN:])}"
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
        labels = _labels(snapshot, row)
        why_not = minimal_allow.why_not(row, labels)
        yield f"    allow     {why_not or 'the least that would let it through, if it should be:'}"
        yield from (f"      {plain(each)}" for each in minimal_allow.of(row, labels).splitlines())
    yield ""


def summary(report: Report) -> str:
    """One line: how many, of how much that was read."""
    counts, denials = report.denials.counts, report.denials
    total = sum(row.count for row in report.rows)
    told = [
        f"{total} refused or failed, in {len(report.rows)} rows"
        if total
        else "nothing was refused",
        f"{report.read} of {report.total} logs read, {counts.access} access lines",
    ]
    lost = (
        (counts.unread, "lines could not be read"),
        (denials.dropped, "dropped with their rows"),
        (denials.forgotten, "may count twice: the other side came too late to be told"),
    )
    told += [f"{number} {words}" for number, words in lost if number]
    return "; ".join(told)


def parts(found: Sequence[Switch]) -> str:
    """ "3 ztunnels, 1 waypoint", of those whose access log is not off."""
    counts = Counter(each.part for each in found if each.state is not State.OFF)
    return (
        ", ".join(f"{count} {part}{'s' if count > 1 else ''}" for part, count in counts.items())
        or "no logs"
    )


def sparkline(series: Sequence[int | None]) -> str:
    """A bar for each minute; "?" where it is not known, " " for none."""
    most = max((each for each in series if each), default=0)
    return "".join(
        _UNKNOWN_BAR if each is None else _BARS[(each * 8 - 1) // most] if each else " "
        for each in series
    )


def news_table(snapshot: Snapshot, rows: Sequence[Row], begin: bool) -> str:
    """A line for each row that has changed."""
    head = f"{'LAST':<8}  {'COUNT':>5}  {'REASON':<22}  FROM → TO\n" if begin else ""
    return head + "".join(
        f"{row.last:%H:%M:%S}  {row.count:>5}  {row.reason.title:<22}  {plain(_path(row))}\n"
        for row in rows
    )


def _path(row: Row) -> str:
    port = f":{row.port}" if row.port and not row.destination.endswith(f":{row.port}") else ""
    return f"{row.source} → {row.destination}{port}"


# For programs


def news_json(snapshot: Snapshot, rows: Sequence[Row], begin: bool) -> str:
    """A document in one line for each row that has changed."""
    return "".join(json.dumps({"schema": SCHEMA, **_row(snapshot, row)}) + "\n" for row in rows)


def news_yaml(snapshot: Snapshot, rows: Sequence[Row], begin: bool) -> str:
    told = ({"schema": SCHEMA, **_row(snapshot, row)} for row in rows)
    return "".join("---\n" + documents.as_yaml(each) for each in told)


def _document(report: Report) -> dict[str, Any]:
    counts, denials = report.denials.counts, report.denials
    return {
        **documents.head(SCHEMA, report.snapshot, report.missing),
        "at": report.at.isoformat(),
        "since": report.since,
        "denials": [_row(report.snapshot, row) for row in report.rows],
        "logs": [
            {
                "proxy": each.key,
                "part": each.part,
                "access_log": each.state.word,
                "says": each.says,
            }
            for each in report.switches
        ],
        "gaps": [
            {
                "proxy": gap.proxy,
                "since": gap.since.isoformat(),
                "until": gap.until.isoformat() if gap.until else None,
                "why": gap.why,
            }
            for gap in denials.gaps
        ],
        "lines": {
            "access": counts.access,
            "other": counts.other,
            "continued": counts.continued,
            "unread": counts.unread,
        },
        "dropped": denials.dropped,
        "forgotten": denials.forgotten,
    }


def _row(snapshot: Snapshot, row: Row) -> dict[str, Any]:
    allow = minimal_allow.of(row, _labels(snapshot, row))
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
        "rate": round(row.rate, 3),
        "first": row.first.isoformat(),
        "last": row.last.isoformat(),
        "minutes": list(row.series),
        "allow": allow,
    }


def _labels(snapshot: Snapshot, row: Row) -> Mapping[str, str]:
    """Those of the pod that refused; none where it is not known."""
    pod = pods.of(snapshot).get(row.ref.key) if row.ref else None
    return pod.labels if pod else {}


FORMATS: Mapping[str, Callable[[Report], str]] = {
    "table": table,
    "json": lambda report: documents.as_json(_document(report)),
    "yaml": lambda report: documents.as_yaml(_document(report)),
}
NEWS: Mapping[str, Callable[[Snapshot, Sequence[Row], bool], str]] = {
    "table": news_table,
    "json": news_json,
    "yaml": news_yaml,
}
"""With `--follow`: what is printed of rows that have changed; the flag says that they are the first."""
