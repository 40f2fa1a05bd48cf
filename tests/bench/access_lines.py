"""How fast access lines are read, and in how much memory. Run by hand, alone on a machine.

    python -m tests.bench.access_lines [--lines N] [--json FILE]

Lines are those of the recorded mesh, of 200 callers and 50 destinations, one in eight a refusal of which both ztunnels
write. It prints, and writes as JSON:

    lines_per_second, mib_per_second   what one core reads, parses, sorts and counts, by the time it works
    share_of_a_core                    of that, what 5,000 lines a second take
    rows_milliseconds                  to make the rows of a screen from it
    memory_mib                         by how much the process has grown at its largest
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from meshtui.mesh.denials import Denials
from meshtui.mesh.logs import LogLine
from tests.recordings import Recording

ASKED = 5_000
"""Lines a second."""
_BEGIN = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.access_lines",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--lines", type=int, default=300_000)
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args()
    text = json.dumps(_bench(chosen.lines), indent=2)
    print(text)
    if chosen.json:
        chosen.json.write_text(text + "\n")
    return 0


def _bench(count: int) -> dict[str, Any]:
    every = lines()
    before, found = peak(), Denials()
    seconds = size = 0.0
    done = 0
    while done < count:
        batch = list(islice(every, ASKED))  # made outside of what is measured
        began = time.process_time()
        for proxy, line in batch:
            found.read(proxy, line)
        seconds += time.process_time() - began
        size += sum(len(line.text) for _, line in batch)
        done += len(batch)
    began = time.process_time()
    rows = found.rows()
    drawing = time.process_time() - began
    return {
        "lines": done,
        "unread": found.counts.unread,
        "rows": len(rows),
        "refusals": sum(row.count for row in rows),
        "lines_per_second": round(done / seconds),
        "mib_per_second": round(size / 2**20 / seconds, 1),
        "share_of_a_core": round(ASKED * seconds / done, 3),
        "rows_milliseconds": round(drawing * 1000, 1),
        "memory_mib": round((peak() - before) / 1024, 1),
    }


def lines() -> Iterator[tuple[str, LogLine]]:
    """At 5,000 a second, with the proxy that wrote each."""
    recorded = Recording("shop").log("node-1").splitlines()
    allowed, _, inbound, outbound = [line for line in recorded if "\taccess\t" in line][:4]
    number = 0
    while True:
        templates = [allowed] * 6 + ([inbound, outbound] if number % 8 == 0 else [allowed] * 2)
        for template in templates:
            at = _BEGIN + timedelta(seconds=number / ASKED)
            caller, called = number // 8 % 200, number // 8 % 50
            text = f"{at:%Y-%m-%dT%H:%M:%S.%f}Z" + template[template.index("\t") :]
            text = text.replace("10.244.0.12:", f"10.245.{caller}.1:")
            text = text.replace("10.244.0.20:", f"10.246.{called}.1:")
            text = text.replace("storefront-79968d5cff-lzb2w", f"storefront-{caller}")
            text = text.replace("ledger-669657bc95-s5qqg", f"ledger-{called}")
            side = called if "inbound" in template else caller
            number += 1
            yield f"istio-system/ztunnel-{side}", LogLine(at, text)


def peak() -> int:
    """KiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    raise SystemExit(main())
