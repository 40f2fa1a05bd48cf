"""How time and memory grow with the pods of a cluster, over the built-in cluster; its own start is left out.

    python -m tests.bench.growth [--pods 1000,2000,5000,10000,20000,50000] [--json FILE]

Prints a table and a plot; the figures are those of `tests.bench`. Run by hand, alone on a machine.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from meshtui.sim.process import running
from tests.bench import measures
from tests.bench.measures import Figures
from tests.bench.terminal import Terminal, compiled, environment

SIZES = (1_000, 2_000, 5_000, 10_000, 20_000, 50_000)
_COLUMNS = {
    "pods": ("pods",),
    "first paint s": ("first_paint",),
    "first rows s": ("first_rows",),
    "all rows s": ("all_rows",),
    "MiB": ("memory", "program"),
    "key ms": ("key", "median"),
    "filter ms": ("filter", "median"),
    "switch ms": ("switch", "median"),
    ":q s": ("quit",),
}
_WIDTH = 60


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.growth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pods", default=",".join(map(str, SIZES)))
    parser.add_argument("--json", type=Path, help="write the figures there too")
    chosen = parser.parse_args()
    found = []
    compiled()
    for size in chosen.pods.split(","):
        found.append(_measured(int(size)))
        print(f"{size} pods measured", file=sys.stderr)
    print("\n".join([*table(found), "", *plot(found, "all rows s"), "", *plot(found, "MiB")]))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=2) + "\n")
    return 0


def _measured(pods: int) -> Figures:
    meshtui = Path(sys.executable).with_name("meshtui")
    with running("shop", pods, wait=600) as kubeconfig, tempfile.TemporaryDirectory() as scratch:
        command = [str(meshtui), "--kubeconfig", str(kubeconfig), "--pane", "workloads"]
        with Terminal(command, environment(Path(scratch))) as terminal:
            figures: Figures = {**measures.start(terminal)}
            terminal.quiet(0.5, most=20)
            figures["pods"] = measures.rows(terminal.screen)
            figures["key"] = measures.keys(terminal, ["j"] * 20)
            figures["filter"] = measures.filters(terminal, "ledger")
            figures["switch"] = measures.switches(terminal)
            figures["memory"] = measures.memory(terminal)
            figures["quit"] = measures.quits(terminal)
    return figures


def table(found: Sequence[Figures]) -> Iterator[str]:
    """The figures as a table in Markdown."""
    yield f"| {' | '.join(_COLUMNS)} |"
    yield f"|{' ---: |' * len(_COLUMNS)}"
    for each in found:
        yield f"| {' | '.join(f'{_at(each, *path):,}' for path in _COLUMNS.values())} |"


def plot(found: Sequence[Figures], column: str) -> Iterator[str]:
    """One figure over the number of pods, a bar for each: the longest is the largest."""
    values = [_at(each, *_COLUMNS[column]) for each in found]
    most = max(values) or 1
    yield column
    for each, value in zip(found, values, strict=True):
        yield f"{each['pods']:>8,}  {'█' * round(_WIDTH * value / most):<{_WIDTH}}  {value:,}"


def _at(figures: Figures, *path: str) -> Any:
    return functools.reduce(lambda found, name: found[name], path, figures)


if __name__ == "__main__":
    sys.exit(main())
