"""Export: the rows of a pane as CSV or JSON, every column whether or not it had room, and why each row has its mark.

What a cluster says is written as it is drawn, without what steers a terminal. In CSV, words that a spreadsheet would
take for a formula get an apostrophe before them (OWASP, CSV Injection).
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from meshtui.ui.spans import plain

FORMATS: Mapping[str, Callable[[Sequence[str], Sequence[Sequence[str]]], str]]
"""By the end of a file's name: what makes its text of headings and rows."""

_FORMULA = ("=", "+", "-", "@")


def proposed(title: str, context: str, now: datetime, end: str = ".csv") -> str:
    """A name for a file: "workloads-prod-eu1-20261122-123359.csv"."""
    words = re.sub(r"[^A-Za-z0-9_.]+", "-", f"{title.lower()}-{context}").strip("-.")
    return f"{words[:80]}-{now:%Y%m%d-%H%M%S}{end}"


def as_csv(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """RFC 4180, with line ends as on Unix."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_harmless, headings))
    writer.writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue()


def as_json(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A list of objects whose fields are the headings."""
    names = _different([plain(heading).lower() for heading in headings])
    found = [dict(zip(names, map(plain, row), strict=True)) for row in rows]
    return json.dumps(found, indent=1, ensure_ascii=False) + "\n"


FORMATS = {".csv": as_csv, ".json": as_json}


def _harmless(cell: str) -> str:
    text = plain(cell).strip()
    return f"'{text}" if text.startswith(_FORMULA) else text


def _different(names: Sequence[str]) -> list[str]:
    """The same, with a number behind those that came before: the columns of a CRD may have any names."""
    found: list[str] = []
    for name in names:
        times = sum(each == name or each.startswith(f"{name} (") for each in found)
        found.append(f"{name} ({times + 1})" if times else name)
    return found
