"""Any kind as the server prints it: discovery names the kinds, their tables are listed, watched and kept apart."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Mapping
from datetime import UTC, datetime

from msgspec.structs import replace

from meshtui.kube.live import LiveSession
from meshtui.mesh.kinds import CONFIGMAP, EVENT, PEER_AUTHENTICATION, POD, SECRET, Kind
from meshtui.mesh.served import by_name, listed
from meshtui.mesh.snapshot import Phase, Printed, Scope, Snapshot, Trouble
from tests.cluster.cluster import Cluster, Rule
from tests.kube.eventually import snapshot_where
from tests.kube.looking import BRISK, here, looking

NOTHING = Printed()


def cells(snapshot: Snapshot, scope: Scope) -> dict[str, dict[str, object]]:
    """The rows of a kind by name, each with its cells by the names of their columns."""
    printed = snapshot.tables.get(scope.kind, NOTHING)
    titles = [heading.name for heading in printed.headings]
    return {
        raw["metadata"]["name"]: dict(zip(titles, raw["cells"], strict=True))
        for raw in printed.rows.values()
    }


def is_printed(scope: Scope, snapshot: Snapshot) -> bool:
    source = snapshot.tables.get(scope.kind, NOTHING).sources.get(scope)
    return source is not None and source.phase is Phase.LIVE


async def seen(session: LiveSession, scope: Scope) -> Snapshot:
    """A snapshot with the table of this scope, all of it read."""
    session.want((), tables=[scope])
    return await snapshot_where(session.snapshots(), lambda s: is_printed(scope, s))


async def add(cluster: Cluster, name: str, data: Mapping[str, str]) -> None:
    body = {"metadata": {"name": name}, "data": data}
    await cluster.api.create(cluster.path("configmaps"), body)


async def test_discovery_names_kinds_as_kubectl_does(cluster: Cluster) -> None:
    """The names are those of `kubectl api-resources` (Kubernetes 1.36, Istio 1.30)."""
    async with looking(cluster) as session:
        snapshot = await seen(session, here(cluster, CONFIGMAP))
    served = snapshot.server.served
    names = by_name(listed(served.values()))
    for name, kind in {
        "cm": "configmaps",
        "configmap": "configmaps",
        "deploy": "deployments.apps",
        "crd": "customresourcedefinitions.apiextensions.k8s.io",
        "vs": "virtualservices.networking.istio.io",
        "virtualservice": "virtualservices.networking.istio.io",
        "pa": "peerauthentications.security.istio.io",
        "events": "events",
        "ev": "events",
    }.items():
        assert str(names[name][0].kind) == kind, name
    homes = {each.kind.group for each in names["gateways"]}
    assert homes == {"gateway.networking.k8s.io", "networking.istio.io"}
    virtual = names["vs"][0]
    assert {"vs.networking.istio.io", "networking.istio.io/v1/virtualservices"} <= set(
        virtual.qualified
    )
    assert "istio-io" in virtual.categories
    assert (virtual.kind.title, virtual.kind.namespaced) == ("VirtualService", True)
    assert "selfsubjectaccessreviews" not in names, "there is nothing to list"
    assert not names["crd"][0].kind.namespaced


async def test_a_table_is_what_the_server_prints_and_stays_so(cluster: Cluster) -> None:
    await add(cluster, "one", {"a": "1"})
    await add(cluster, "two", {"a": "1", "b": "2"})
    scope = here(cluster, CONFIGMAP)
    async with looking(cluster) as session:
        found = await seen(session, scope)
        rows = cells(found, scope)
        assert list(rows["one"]) == ["Name", "Data", "Age"]
        assert (rows["one"]["Data"], rows["two"]["Data"]) == (1, 2)
        row = found.tables[CONFIGMAP].rows[f"{cluster.namespace}/two"]
        assert row["metadata"]["uid"]
        assert found.objects == {}, "a printed row is no object"
        assert found.sources == {}
        await add(cluster, "three", {})
        await cluster.api.patch(cluster.path("configmaps", "two"), {"data": {"c": "3"}})
        await cluster.api.delete(cluster.path("configmaps", "one"))
        changed = await snapshot_where(
            session.snapshots(),
            lambda s: (
                "one" not in cells(s, scope)
                and cells(s, scope)["two"]["Data"] == 3
                and "three" in cells(s, scope)
            ),
        )
        assert is_printed(scope, changed)
        assert changed.tables[CONFIGMAP].headings[0].name == "Name"
        session.want(())
        gone = await snapshot_where(session.snapshots(), lambda s: not s.tables)
        assert CONFIGMAP not in gone.tables


async def test_a_table_of_several_pages_is_whole(cluster: Cluster) -> None:
    wanted = {f"c{number:04}" for number in range(520)}
    await asyncio.gather(*(add(cluster, name, {}) for name in sorted(wanted)))
    scope = here(cluster, CONFIGMAP)
    async with looking(cluster) as session:
        found = cells(await seen(session, scope), scope)
    assert wanted <= set(found)


async def test_columns_that_need_room_have_a_priority(cluster: Cluster) -> None:
    await cluster.add_pod("web")
    scope = here(cluster, POD)
    async with looking(cluster) as session:
        found = await seen(session, scope)
    headings = {heading.name: heading for heading in found.tables[POD].headings}
    assert headings["Status"].priority == 0
    assert headings["Node"].priority > 0
    assert cells(found, scope)["web"]["Ready"] == "1/1"


async def test_a_custom_kind_has_the_columns_of_its_definition(cluster: Cluster) -> None:
    body = {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": "default"},
        "spec": {"mtls": {"mode": "STRICT"}},
    }
    path = cluster.path("peerauthentications", group="security.istio.io/v1")
    await cluster.api.create(path, body)
    scope = here(cluster, PEER_AUTHENTICATION)
    async with looking(cluster) as session:
        found = cells(await seen(session, scope), scope)
    assert found["default"]["Mode"] == "STRICT"


async def test_what_a_cell_says_of_time_is_printed_again(cluster: Cluster) -> None:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    about = {"kind": "Pod", "name": "web", "namespace": cluster.namespace, "uid": "u"}
    body = {
        "metadata": {"name": "web.1"},
        "involvedObject": about,
        "reason": "Started",
        "message": "it runs",
        "type": "Normal",
        "firstTimestamp": now,
        "lastTimestamp": now,
        "count": 1,
    }
    await cluster.api.create(cluster.path("events"), body)
    scope = here(cluster, EVENT)
    async with looking(cluster, pace=replace(BRISK, fading=1)) as session:
        first = await seen(session, scope)
        assert first.tables[EVENT].headings[0].name == "Last Seen"
        row = cells(first, scope)["web.1"]
        assert row["Reason"] == "Started"
        again = await snapshot_where(
            session.snapshots(),
            lambda s: "web.1" in cells(s, scope) and cells(s, scope)["web.1"] != row,
        )
    assert again.tables[EVENT].rows.keys() == first.tables[EVENT].rows.keys()


async def test_of_a_secret_its_columns_come_and_nothing_it_holds(cluster: Cluster) -> None:
    hidden = base64.b64encode(b"hunter2").decode()
    whole = {"kind": "Secret", "data": {"password": hidden}}
    annotation = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(whole)}
    body = {
        "metadata": {"name": "login", "annotations": annotation},
        "type": "Opaque",
        "data": {"password": hidden, "user": hidden},
    }
    await cluster.api.create(cluster.path("secrets"), body)
    scope = here(cluster, SECRET)
    async with looking(cluster) as session:
        found = await seen(session, scope)
    row = cells(found, scope)["login"]
    assert (row["Type"], row["Data"]) == ("Opaque", 2)
    assert hidden not in repr(found.tables[SECRET].rows)
    assert "annotations" not in found.tables[SECRET].rows[f"{cluster.namespace}/login"]["metadata"]


async def test_a_table_that_one_may_not_list_says_so(cluster: Cluster) -> None:
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("list watch", "pods", namespace=cluster.namespace)
    )
    scope = here(cluster, CONFIGMAP)
    async with looking(cluster, kubeconfig) as session:
        session.want((), tables=[scope])
        found = await snapshot_where(
            session.snapshots(),
            lambda s: bool(s.tables) and s.tables[CONFIGMAP].sources[scope].problem is not None,
        )
    source = found.tables[CONFIGMAP].sources[scope]
    assert source.phase is Phase.FORBIDDEN
    assert source.problem is not None
    assert source.problem.trouble is Trouble.FORBIDDEN
    assert "configmaps" in source.problem.text


async def test_where_watching_is_forbidden_a_table_is_listed_again(cluster: Cluster) -> None:
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("list", "configmaps", namespace=cluster.namespace)
    )
    scope = here(cluster, CONFIGMAP)
    async with looking(cluster, kubeconfig) as session:
        await seen(session, scope)
        await add(cluster, "late", {})
        found = await snapshot_where(session.snapshots(), lambda s: "late" in cells(s, scope))
    problem = found.tables[CONFIGMAP].sources[scope].problem
    assert problem is not None
    assert "instead" in problem.text


async def test_a_kind_that_the_server_does_not_have_is_not_installed(cluster: Cluster) -> None:
    scope = here(cluster, Kind("example.test", "widgets", "Widget"))
    async with looking(cluster) as session:
        session.want((), tables=[scope])
        found = await snapshot_where(
            session.snapshots(),
            lambda s: bool(s.tables) and s.tables[scope.kind].sources[scope].problem is not None,
        )
    assert found.tables[scope.kind].sources[scope].phase is Phase.ABSENT
