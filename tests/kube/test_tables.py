"""Tables from servers that behave in ways a good API server does not, on demand."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from meshtui.kube.api import Api
from meshtui.kube.discovery import Discovery
from meshtui.kube.tables import Tables
from meshtui.mesh.kinds import GATEWAY
from meshtui.mesh.snapshot import Phase, Printed, Scope, Trouble
from tests.kube.eventually import until
from tests.kube.scripted import QUICK, Scripted, Watched, answer, event, listing, pod

PATH = "/apis/gateway.networking.k8s.io/v1/gateways"
SCOPE = Scope(GATEWAY)
DEFINITIONS = [{"name": "Name", "type": "string"}, {"name": "Ready", "type": "string"}]


def row(name: str, *cells: Any, version: int = 1) -> dict[str, Any]:
    return {"cells": [name, *cells], "object": {**pod(name, version), "kind": "Partial"}}


def table(*rows: Any, version: int = 1, token: str = "", **more: Any) -> dict[str, Any]:
    metadata = {"resourceVersion": str(version), "continue": token}
    return {"kind": "Table", "metadata": metadata, "rows": list(rows), **more}


class Looking:
    """The tables of a server, and the tasks that follow them."""

    def __init__(self, api: Api, fading: int = 60) -> None:
        self._tasks: list[asyncio.Task[None]] = []
        pace = replace(QUICK, fading=fading)
        self.tables = Tables(self._start, api, Discovery(api, pace), pace, changed=lambda: None)
        self.tables.want([SCOPE])

    def _start(self, work: Any) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.append(task)
        return task

    async def __aenter__(self) -> Looking:
        return self

    async def __aexit__(self, *_: object) -> None:
        self.tables.end()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def printed(self) -> Printed:
        return self.tables.printed()[GATEWAY]

    @property
    def phase(self) -> Phase:
        return self.printed.sources[SCOPE].phase

    @property
    def cells(self) -> Mapping[str, Any]:
        return {key: raw["cells"] for key, raw in self.printed.rows.items()}


def serve(scripted: Scripted, listed: Any) -> Watched:
    served = Watched()
    served.list = answer(listed)
    scripted.on(PATH, served)
    return served


async def test_events_bring_rows_without_the_columns_and_bookmarks_come_as_objects(
    scripted: Scripted, api: Api
) -> None:
    """As kube-apiserver does it: only the first table of a watch has the definitions of its columns."""
    served = serve(scripted, table(row("a", "no"), columnDefinitions=DEFINITIONS))
    async with Looking(api) as at:
        await until(lambda: served.open == 1)
        assert at.cells == {"shop/a": ["a", "no"]}
        served.send(event("MODIFIED", table(row("a", "yes", version=2))))
        served.send(event("ADDED", table(row("b", "no", version=3))))
        await until(lambda: at.cells == {"shop/a": ["a", "yes"], "shop/b": ["b", "no"]})
        served.send(event("DELETED", table(row("a", "yes", version=9))))
        await until(lambda: at.cells == {"shop/b": ["b", "no"]})
        bookmark = {"kind": "Gateway", "metadata": {"resourceVersion": "10"}}
        served.send(event("BOOKMARK", bookmark))
        served.cut()
        await until(lambda: len(served.watches) == 2)
        assert served.watches[1]["resourceVersion"] == "10"
        assert [heading.name for heading in at.printed.headings] == ["Name", "Ready"]
        assert served.lists == 1


async def test_the_table_is_asked_for_and_an_older_server_may_answer_with_a_list(
    scripted: Scripted, api: Api
) -> None:
    """Kubernetes API concepts: a client should be ready for a server that does not know the form."""
    served = serve(scripted, listing(pod("a"), pod("b")))
    async with Looking(api) as at:
        await until(lambda: served.open == 1)
        assert at.cells == {"shop/a": ["a", None], "shop/b": ["b", None]}
        assert [heading.name for heading in at.printed.headings] == ["Name", "Age"]
        served.send(event("DELETED", pod("a", 2)))
        await until(lambda: set(at.cells) == {"shop/b"})
    (accept,) = {each.headers["Accept"] for each in scripted.requests if each.path == PATH}
    assert accept == "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"


async def test_a_table_with_ages_in_its_cells_is_listed_again_after_each_watch(
    scripted: Scripted, api: Api
) -> None:
    definitions = [{"name": "Name"}, {"name": "Last Seen"}]
    served = serve(scripted, table(row("a", "3s"), columnDefinitions=definitions))
    async with Looking(api, fading=7) as at:
        await until(lambda: served.open == 1)
        assert served.watches[0]["timeoutSeconds"] == "7"
        served.list = answer(table(row("a", "10s"), columnDefinitions=definitions))
        served.cut()
        await until(lambda: at.cells == {"shop/a": ["a", "10s"]})
        assert at.phase is Phase.LIVE


async def test_a_kind_that_cannot_be_watched_is_listed_again_and_said_to_be(
    scripted: Scripted, api: Api
) -> None:
    resource = {
        "resource": "gateways",
        "scope": "Namespaced",
        "responseKind": {"kind": "Gateway"},
        "verbs": ["get", "list"],
    }
    group = {
        "metadata": {"name": GATEWAY.group},
        "versions": [{"version": "v1", "resources": [resource]}],
    }
    scripted.on("/apis", answer({"kind": "APIGroupDiscoveryList", "items": [group]}))
    served = serve(scripted, table(row("a"), columnDefinitions=DEFINITIONS[:1]))
    async with Looking(api) as at:
        await until(lambda: served.lists > 2)
        problem = at.printed.sources[SCOPE].problem
        assert problem is not None
        assert problem.text.startswith("gateways cannot be watched; listed every")
        assert at.phase is Phase.LIVE
        assert served.watches == []


@pytest.mark.parametrize("body", ["a login page", [], {"kind": "Table", "rows": [5]}])
async def test_what_is_no_table_is_said_to_be_unreadable(
    scripted: Scripted, api: Api, body: Any
) -> None:
    serve(scripted, body)
    async with Looking(api) as at:
        await until(lambda: at.printed.sources[SCOPE].problem is not None)
        problem = at.printed.sources[SCOPE].problem
        assert problem is not None
        assert problem.trouble is Trouble.BROKEN
        assert at.phase is Phase.LOADING


async def test_of_the_metadata_of_a_row_what_it_is_and_who_owns_it_is_kept(
    scripted: Scripted, api: Api
) -> None:
    owners = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "uid": "u"}]
    found = row("a")
    found["object"]["metadata"] |= {"ownerReferences": owners, "annotations": {"a": "secret"}}
    served = serve(scripted, table(found))
    async with Looking(api) as at:
        await until(lambda: served.open == 1)
        metadata = at.printed.rows["shop/a"]["metadata"]
        assert metadata["ownerReferences"] == owners
        assert "annotations" not in metadata


async def test_strange_rows_are_kept_as_they_are(scripted: Scripted, api: Api) -> None:
    rows = [
        {"cells": None, "object": {"metadata": {"name": "a", "uid": 5}}},
        {"cells": [], "object": {"metadata": None}},
        {"cells": [{"deep": [1, None]}], "object": None},
        {},
    ]
    served = serve(scripted, table(*rows, columnDefinitions=None))
    async with Looking(api) as at:
        await until(lambda: served.open == 1)
        assert at.cells["a"] == ["a", None]
        assert at.printed.headings == ()
