"""Sorting, filtering and coming to a pane over all rows, without a terminal or a cluster. Run by hand:

    python -m tests.bench.rows [--pods 10600]

Makes a mesh of so many pods out of the recorded shop, shows it, and prints as JSON for each of these, in milliseconds,
the median and the worst of how long the event loop is busy until the rows stand there in their new order:

    sort         by each column of Workloads, for the first time and the other way round
    filter       by a word that is in few rows, by one that is in most, by one column, and all again
    pane         to Workloads from another pane
"""

from __future__ import annotations

import argparse
import asyncio
import copy
import gc
import json
import statistics
import time
from collections.abc import Awaitable, Callable, Iterable

from msgspec.structs import replace

from meshtui.mesh.kinds import POD
from meshtui.mesh.snapshot import Snapshot
from meshtui.ui.exchange import Jump
from meshtui.ui.sorting import MARK, Order
from tests.ui import situations
from tests.ui.looking import Looking, looking
from tests.ui.still import until

FILTERS = ("z9", "running", "node:node-1", "!proxied app=ledger", "-f pmldg")


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.rows",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--pods", type=int, default=10_600)
    print(json.dumps(asyncio.run(_bench(parser.parse_args().pods)), indent=2))


def many(pods: int) -> Snapshot:
    """The recorded shop with as many pods as asked for, each a copy of one that was recorded."""
    at = situations.shop()
    recorded = list(at.objects[POD].values())
    found = {}
    for number in range(pods):
        it = copy.deepcopy(recorded[number % len(recorded)])
        about = it["metadata"]
        about["name"] = f"{about['name']}-{number}"
        about["uid"] = f"uid-{number}"
        found[f"{about['namespace']}/{about['name']}"] = it
    return replace(at, objects={**at.objects, POD: found})


async def _bench(pods: int) -> dict[str, object]:
    gc.set_threshold(50_000, 20, 100)  # as in `meshtui.app.run`
    snapshot = many(pods)
    async with looking(situations.empty(), "workloads", (160, 48)) as at:
        at.session.show(snapshot)
        await until(at.pilot, lambda: at.app.snapshot is snapshot, 300)
        await at.settle()
        gc.freeze()  # as the program does once all is read
        pane = at.pane
        columns = [MARK, *(column.title for column in pane.columns)]
        orders = [Order(column, way) for column in columns for way in (False, True)]
        texts = [text for each in FILTERS for text in (each, "")]

        async def pane_and_back(_: int) -> float:
            at.main.go(Jump("namespaces"))
            await at.settle()
            return await _took(at, lambda: at.main.go(Jump("workloads")))

        return {
            "rows": len(pane.table.rows),
            "sort": await _each(orders, lambda one: _took(at, lambda: pane.sort(one))),
            "filter": await _each(
                texts, lambda one: _took(at, lambda: pane.filter(pane.read_filter(one)))
            ),
            "pane": await _each(range(10), pane_and_back),
        }


async def _took(at: Looking, act: Callable[[], object]) -> float:
    """Milliseconds of the event loop's thread for an act; what is drawn then is so many lines, however many rows."""
    began = time.thread_time()
    act()
    took = time.thread_time() - began
    await at.settle()
    return took * 1000


async def _each(
    ones: Iterable[object], measure: Callable[..., Awaitable[float]]
) -> dict[str, float]:
    took = [await measure(one) for one in ones]
    return {"median": round(statistics.median(took), 1), "worst": round(max(took), 1)}


if __name__ == "__main__":
    main()
