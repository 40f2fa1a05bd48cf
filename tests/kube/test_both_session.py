"""LiveSession on servers as they are: what a person at the screen would see of them."""

from __future__ import annotations

import asyncio
import json
from collections import UserDict

import pytest
from msgspec.structs import replace

from meshtui.kube import kubeconfig as kubeconfigs
from meshtui.kube.live import LiveSession
from meshtui.mesh import ztunnels
from meshtui.mesh.kinds import CONFIGMAP, GATEWAY, NAMESPACE, POD, SECRET, Kind
from meshtui.mesh.logs import LogOptions
from meshtui.mesh.raw import strings
from meshtui.mesh.snapshot import Answer, Phase, Probe, Ref, Scope, Trouble, named
from meshtui.settings import Settings
from tests.cluster.cluster import Cluster, Rule, lines
from tests.cluster.local import answering
from tests.kube.eventually import snapshot_where
from tests.kube.looking import BRISK, here, is_live, keys, looking, relayed
from tests.recordings import Recording


async def test_what_is_there_and_what_changes_is_in_the_snapshots(cluster: Cluster) -> None:
    await cluster.add_pod("one")
    await cluster.add_pod("two")
    pods = here(cluster, POD)
    async with looking(cluster) as session:
        session.want([pods])
        snapshots = session.snapshots()
        seen = await snapshot_where(snapshots, lambda s: is_live(pods, s))
        assert keys(seen, POD, cluster.namespace) == {"one", "two"}
        assert seen.sources[pods].count == 2
        await cluster.add_pod("three")
        await cluster.api.patch(
            cluster.path("pods", "two"), {"metadata": {"labels": {"app": "web"}}}
        )
        await cluster.api.delete(cluster.path("pods", "one"), gracePeriodSeconds=0)
        seen = await snapshot_where(
            snapshots, lambda s: keys(s, POD, cluster.namespace) == {"two", "three"}
        )
        assert seen.objects[POD][f"{cluster.namespace}/two"]["metadata"]["labels"] == {"app": "web"}
        assert is_live(pods, seen)


async def test_a_list_of_several_pages_is_whole(cluster: Cluster) -> None:
    path = cluster.path("configmaps")
    wanted = {f"c{number:04}" for number in range(520)}
    await asyncio.gather(
        *(cluster.api.create(path, {"metadata": {"name": name}}) for name in sorted(wanted))
    )
    scope = here(cluster, CONFIGMAP)
    async with looking(cluster) as session:
        session.want([scope])
        seen = await snapshot_where(session.snapshots(), lambda s: is_live(scope, s))
    assert keys(seen, CONFIGMAP, cluster.namespace) == wanted


async def test_a_scope_may_be_narrowed_by_labels(cluster: Cluster) -> None:
    await cluster.add_pod("proxy", labels={"app": f"ztunnel-{cluster.namespace}"})
    await cluster.add_pod("web", labels={"app": "web"})
    scope = Scope(POD, None, labels=f"app=ztunnel-{cluster.namespace}")
    async with looking(cluster) as session:
        session.want([scope])
        snapshots = session.snapshots()
        seen = await snapshot_where(snapshots, lambda s: is_live(scope, s))
        assert keys(seen, POD, cluster.namespace) == {"proxy"}
        unlabelled = {"metadata": {"labels": {"app": None}}}
        await cluster.api.patch(cluster.path("pods", "proxy"), unlabelled)
        await snapshot_where(snapshots, lambda s: not keys(s, POD, cluster.namespace))


async def test_namespaces_that_are_no_longer_looked_at_are_gone_at_once_and_back_at_once(
    cluster: Cluster,
) -> None:
    other = await cluster.add_namespace("other")
    await cluster.add_pod("here")
    await cluster.add_pod("there", namespace=other)
    mine, all_pods = here(cluster, POD), Scope(POD)
    async with looking(cluster) as session:
        session.want([all_pods])
        snapshots = session.snapshots()
        await snapshot_where(snapshots, lambda s: is_live(all_pods, s))
        session.want([mine])
        seen = await snapshot_where(snapshots, lambda s: all_pods not in s.sources)
        assert not keys(seen, POD, other)
        seen = await snapshot_where(snapshots, lambda s: is_live(mine, s))
        assert {raw["metadata"]["namespace"] for raw in seen.raw(POD)} == {cluster.namespace}
        await cluster.add_pod("later", namespace=other)
        session.want([all_pods])
        seen = await snapshot_where(snapshots, lambda s: all_pods in s.sources)
        assert is_live(all_pods, seen)
        assert "there" in keys(seen, POD, other)
        await snapshot_where(snapshots, lambda s: keys(s, POD, other) == {"there", "later"})


async def test_the_server_says_its_version_and_whom_it_takes_us_for(cluster: Cluster) -> None:
    kubeconfig = await cluster.kubeconfig_of("jane")
    async with looking(cluster, kubeconfig) as session:
        seen = await snapshot_where(
            session.snapshots(), lambda s: bool(s.server.version and "." in s.server.user)
        )
    assert seen.server.version.startswith("v1.36.")
    assert seen.server.user == f"jane.{cluster.namespace}"
    assert not seen.server.insecure


async def test_who_impersonates_is_told_beside_whom(cluster: Cluster) -> None:
    """The server answers as it would to whom is impersonated, also when it is asked who acts: the audit must not lose
    the one who does."""
    somebody = f"oncall.{cluster.namespace}"
    settings = Settings(kubeconfig=(cluster.kubeconfig,), impersonate=somebody, sweep=False)
    config = kubeconfigs.load(settings)
    async with LiveSession(config, "", settings, pace=BRISK) as session:
        snapshots = session.snapshots()
        seen = await snapshot_where(snapshots, lambda s: s.server.answered is not None)
    assert seen.server.user == config.choose("")[0].user
    assert seen.server.impersonating == somebody
    assert seen.server.user != somebody


async def test_a_kind_that_is_installed_later_comes_to_life(cluster: Cluster) -> None:
    group = f"{cluster.namespace}.example.com"
    kind, scope_name = Kind(group, "whales", "Whale"), f"whales.{group}"
    scope = Scope(kind, cluster.namespace)
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": scope_name},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"plural": "whales", "singular": "whale", "kind": "Whale"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {
                            "type": "object",
                            "x-kubernetes-preserve-unknown-fields": True,
                        }
                    },
                }
            ],
        },
    }
    definitions = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
    async with looking(cluster) as session:
        session.want([scope])
        snapshots = session.snapshots()
        seen = await snapshot_where(
            snapshots, lambda s: scope in s.sources and s.sources[scope].phase is not Phase.LOADING
        )
        assert seen.sources[scope].phase is Phase.ABSENT
        await cluster.api.create(definitions, definition)
        await snapshot_where(snapshots, lambda s: is_live(scope, s), seconds=20)
        await cluster.api.create(
            cluster.path("whales", group=f"{group}/v1"),
            {"apiVersion": f"{group}/v1", "kind": "Whale", "metadata": {"name": "moby"}},
        )
        await snapshot_where(snapshots, lambda s: keys(s, kind, cluster.namespace) == {"moby"})
    await cluster.api.delete(f"{definitions}/{scope_name}")


async def test_a_list_forbidden_in_one_namespace_leaves_the_other_one_whole(
    cluster: Cluster,
) -> None:
    other = await cluster.add_namespace("other")
    await cluster.add_pod("web")
    await cluster.add_pod("secret", namespace=other)
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get list watch", "pods", namespace=cluster.namespace)
    )
    mine, theirs = here(cluster, POD), Scope(POD, other)
    async with looking(cluster, kubeconfig) as session:
        session.want([mine, theirs])
        seen = await snapshot_where(
            session.snapshots(),
            lambda s: is_live(mine, s) and s.sources[theirs].phase is not Phase.LOADING,
        )
    refused = seen.sources[theirs]
    assert refused.phase is Phase.FORBIDDEN
    assert refused.problem is not None
    assert refused.problem.trouble is Trouble.FORBIDDEN
    assert f"jane.{cluster.namespace}" in refused.problem.text
    assert other in refused.problem.text
    assert seen.source(POD).phase is Phase.FORBIDDEN, "two namespaces, one of them unknown"
    assert [raw["metadata"]["name"] for raw in seen.raw(POD)] == ["web"]


async def test_a_right_that_is_granted_later_is_noticed(cluster: Cluster) -> None:
    await cluster.add_pod("web")
    kubeconfig = await cluster.kubeconfig_of("jane")
    pods = here(cluster, POD)
    async with looking(cluster, kubeconfig) as session:
        session.want([pods])
        snapshots = session.snapshots()
        await snapshot_where(
            snapshots, lambda s: pods in s.sources and s.sources[pods].phase is Phase.FORBIDDEN
        )
        await cluster.kubeconfig_of(
            "jane", Rule("get list watch", "pods", namespace=cluster.namespace)
        )
        await snapshot_where(snapshots, lambda s: is_live(pods, s))


async def test_where_watching_is_forbidden_the_list_is_read_again_and_that_is_said(
    cluster: Cluster,
) -> None:
    await cluster.add_pod("web")
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get list", "pods", namespace=cluster.namespace)
    )
    pods = here(cluster, POD)
    async with looking(cluster, kubeconfig) as session:
        session.want([pods])
        snapshots = session.snapshots()
        seen = await snapshot_where(
            snapshots, lambda s: pods in s.sources and s.sources[pods].problem is not None
        )
        problem = seen.sources[pods].problem
        assert problem is not None
        assert problem.trouble is Trouble.FORBIDDEN
        assert "watch" in problem.text
        assert keys(seen, POD, cluster.namespace) == {"web"}
        await cluster.add_pod("later")
        await snapshot_where(
            snapshots, lambda s: keys(s, POD, cluster.namespace) == {"web", "later"}
        )


async def test_a_namespace_is_read_by_its_name_where_a_role_in_it_allows_that_alone(
    cluster: Cluster,
) -> None:
    """No Role can grant a list of namespaces; the requests for one are authorized in it."""
    other, gone = await cluster.add_namespace("other"), f"{cluster.namespace}-gone"
    await cluster.add_namespace("gone")
    kubeconfig = await cluster.kubeconfig_of(
        "jane", *(Rule("get", "namespaces", namespace=each) for each in (cluster.namespace, gone))
    )
    mine, theirs, third = (named(NAMESPACE, each) for each in (cluster.namespace, other, gone))
    async with looking(cluster, kubeconfig) as session:
        session.want([Scope(NAMESPACE), mine, theirs, third])
        snapshots = session.snapshots()
        seen = await snapshot_where(
            snapshots,
            lambda s: (
                is_live(mine, s)
                and is_live(third, s)
                and all(s.sources[each].problem for each in (theirs, Scope(NAMESPACE)))
            ),
        )
        assert set(seen.objects[NAMESPACE]) == {cluster.namespace, gone}
        said = seen.sources[mine].problem
        assert said is not None
        assert said.text == "namespaces may be read by name only: those are read every 0.3 s"
        refused = seen.sources[theirs]
        assert refused.phase is Phase.FORBIDDEN
        assert refused.problem is not None
        assert f'namespaces "{other}" is forbidden' in refused.problem.text
        assert "cannot get resource" in refused.problem.text
        await cluster.api.patch(
            f"/api/v1/namespaces/{cluster.namespace}", {"metadata": {"labels": {"told": "later"}}}
        )
        await snapshot_where(
            snapshots,
            lambda s: (
                strings(s.find(NAMESPACE, "", cluster.namespace), "metadata", "labels").get("told")
                == "later"
            ),
        )
        await cluster.kubeconfig_of("jane", Rule("list watch", "namespaces"))
        await snapshot_where(
            snapshots, lambda s: is_live(mine, s) and s.sources[mine].problem is None
        )


async def test_one_object_that_may_not_be_listed_is_not_there_where_its_name_finds_none(
    cluster: Cluster,
) -> None:
    path = cluster.path("configmaps")
    await cluster.api.create(path, {"metadata": {"name": "one"}})
    kubeconfig = await cluster.kubeconfig_of(
        "jane", Rule("get", "configmaps", namespace=cluster.namespace)
    )
    one = named(CONFIGMAP, "one", cluster.namespace)
    everywhere = named(CONFIGMAP, "one")
    async with looking(cluster, kubeconfig) as session:
        session.want([one, everywhere])
        snapshots = session.snapshots()
        seen = await snapshot_where(
            snapshots, lambda s: is_live(one, s) and bool(s.sources[everywhere].problem)
        )
        assert keys(seen, CONFIGMAP, cluster.namespace) == {"one"}
        assert seen.sources[everywhere].phase is Phase.FORBIDDEN, "in which namespace is not said"
        await cluster.api.delete(f"{path}/one")
        await snapshot_where(
            snapshots,
            lambda s: is_live(one, s) and not keys(s, CONFIGMAP, cluster.namespace),
        )


async def test_a_cut_connection_is_taken_up_again_and_nothing_is_missed(cluster: Cluster) -> None:
    await cluster.add_pod("one")
    pods = here(cluster, POD)
    async with relayed(cluster) as (relay, kubeconfig), looking(cluster, kubeconfig) as session:
        session.want([pods])
        snapshots = session.snapshots()
        await snapshot_where(snapshots, lambda s: is_live(pods, s))
        relay.cut()
        await cluster.add_pod("two")
        await cluster.api.delete(cluster.path("pods", "one"), gracePeriodSeconds=0)
        await snapshot_where(
            snapshots,
            lambda s: is_live(pods, s) and keys(s, POD, cluster.namespace) == {"two"},
        )


async def test_while_the_server_is_away_what_is_known_is_old_and_stays(cluster: Cluster) -> None:
    await cluster.add_pod("one")
    pods = here(cluster, POD)
    async with relayed(cluster) as (relay, kubeconfig), looking(cluster, kubeconfig) as session:
        session.want([pods])
        snapshots = session.snapshots()
        live = await snapshot_where(
            snapshots, lambda s: is_live(pods, s) and s.server.answered is not None
        )
        await relay.tear()
        await cluster.add_pod("two")
        seen = await snapshot_where(
            snapshots,
            lambda s: s.sources[pods].phase is Phase.STALE and s.server.problem is not None,
        )
        assert keys(seen, POD, cluster.namespace) == {"one"}
        problem, since = seen.sources[pods].problem, seen.sources[pods].since
        assert problem is not None
        assert problem.trouble is Trouble.REFUSED
        assert since is not None
        assert since <= seen.now
        assert seen.server.answered is not None
        assert live.server.answered is not None
        assert seen.server.answered >= live.server.answered
        await relay.mend()
        await snapshot_where(
            snapshots,
            lambda s: (
                is_live(pods, s)
                and s.server.problem is None
                and keys(s, POD, cluster.namespace) == {"one", "two"}
            ),
        )


async def answered(session: LiveSession, probe: Probe) -> Answer:
    """What came of a probe, whether good or bad."""
    session.want([], [probe])
    seen = await snapshot_where(session.snapshots(), lambda s: probe in s.answers, seconds=20)
    return seen.answers[probe]


def size(body: bytes) -> int:
    return len(body)


def whole(body: bytes) -> bytes:
    return body


def workloads(body: bytes) -> int:
    return len(json.loads(body)["workloads"])


async def test_a_recorded_dump_comes_through_a_port_forward_byte_for_byte(
    cluster: Cluster,
) -> None:
    dump = Recording("shop").dump("node-1")
    assert 59_000 < len(dump) < 62_000
    async with answering({"/config_dump": dump}) as local:
        await cluster.add_pod("ztunnel", ports={15000: local})
        async with looking(cluster) as session:
            probe = Probe(cluster.namespace, "ztunnel", 15000, "/config_dump", whole)
            answer = await answered(session, probe)
    assert answer.problem is None
    assert answer.value == dump
    assert answer.at is not None


async def test_a_dump_of_nine_megabytes_comes_through_a_port_forward(cluster: Cluster) -> None:
    """As large as that of a mesh of more than 10,000 workloads."""
    recorded = json.loads(Recording("shop").dump("node-1"))
    workload = recorded["workloads"][0]
    recorded["workloads"] = [workload | {"uid": f"made/{number}"} for number in range(12_500)]
    dump = json.dumps(recorded, indent=2).encode()  # as ztunnel prints it
    assert 9_000_000 < len(dump) < 10_000_000
    async with answering({"/config_dump": dump}) as local:
        await cluster.add_pod("ztunnel", ports={15000: local})
        async with looking(cluster) as session:
            probe = Probe(cluster.namespace, "ztunnel", 15000, "/config_dump", workloads)
            answer = await answered(session, probe)
    assert answer.problem is None
    assert answer.value == 12_500


async def test_a_probe_is_asked_again_and_keeps_its_value_when_it_fails(cluster: Cluster) -> None:
    bodies = {"/metrics": b"one"}
    async with answering(bodies) as local:
        await cluster.add_pod("ztunnel", ports={15020: local})
        async with looking(cluster) as session:
            probe = Probe(cluster.namespace, "ztunnel", 15020, "/metrics", whole)
            assert (await answered(session, probe)).value == b"one"
            bodies["/metrics"] = b"two"
            snapshots = session.snapshots()
            await snapshot_where(snapshots, lambda s: s.answers[probe].value == b"two")
            del bodies["/metrics"]
            seen = await snapshot_where(snapshots, lambda s: s.answers[probe].problem is not None)
    answer = seen.answers[probe]
    assert answer.value == b"two"
    assert answer.at is not None
    assert answer.at < seen.now
    assert "404" in str(answer.problem)


async def test_the_sweep_reads_every_ztunnel_without_being_asked(cluster: Cluster) -> None:
    """The two of the recording, with their dumps and what they count."""
    shop, pods = Recording("shop"), here(cluster, POD)
    served = [
        {"/config_dump": shop.dump(node), "/metrics": shop.metrics(node)} for node in shop.nodes()
    ]
    async with answering(served[0]) as first, answering(served[1]) as second:
        for node, local in zip(shop.nodes(), (first, second), strict=True):
            await cluster.add_pod(
                f"ztunnel-{node}",
                node=node,
                labels={"app": "ztunnel"},
                ports={15000: local, 15020: local},
            )
        async with looking(cluster, sweep=True) as session:
            session.want([pods])
            seen = await snapshot_where(
                session.snapshots(), lambda s: s.sweep.read == 2, seconds=20
            )
    assert (seen.sweep.total, seen.sweep.enabled) == (2, True)
    for node in shop.nodes():
        pod = seen.objects[POD][f"{cluster.namespace}/ztunnel-{node}"]
        dump = seen.answers[ztunnels.dump_probe(pod)].value
        recorded = json.loads(shop.dump(node))
        assert set(dump.proxied) == set(recorded["workloadState"])


class _Bodies(UserDict[str, bytes]):
    """What is served by path, and of which paths somebody asked."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        super().__init__(bodies)
        self.asked: set[str] = set()

    def __contains__(self, path: object) -> bool:
        self.asked.add(str(path))
        return super().__contains__(path)

    def __getitem__(self, path: str) -> bytes:
        self.asked.add(path)
        return super().__getitem__(path)


async def test_what_the_sweep_brings_comes_with_what_else_it_brings(cluster: Cluster) -> None:
    """Other snapshots have the answers of the one before, unless what is on screen was asked."""
    shop, pods = Recording("shop"), here(cluster, POD)
    bodies = _Bodies({"/config_dump": shop.dump("node-1"), "/metrics": shop.metrics("node-1")})
    patient = replace(BRISK, lull=1000.0, long_lull=1000.0)
    async with answering(bodies) as local:
        ports = {15000: local, 15020: local}
        await cluster.add_pod("ztunnel-1", node="node-1", labels={"app": "ztunnel"}, ports=ports)
        async with looking(cluster, sweep=True, pace=patient) as session:
            session.want([pods])
            snapshots = session.snapshots()
            await snapshot_where(snapshots, lambda _: "/config_dump" in bodies.asked, seconds=20)
            await cluster.add_pod("another")
            seen = await snapshot_where(
                snapshots, lambda s: "another" in keys(s, POD, cluster.namespace)
            )
            assert (dict(seen.answers), seen.sweep.read, seen.sweep.total) == ({}, 0, 1)
            pod = seen.objects[POD][f"{cluster.namespace}/ztunnel-1"]
            session.want([pods], [ztunnels.metrics_probe(pod)])
            await snapshot_where(snapshots, lambda s: s.sweep.read == 1, seconds=20)


async def test_a_port_where_nobody_listens_says_so(cluster: Cluster) -> None:
    async with answering({}) as local:
        await cluster.add_pod("ztunnel", ports={15000: local})
        async with looking(cluster) as session:
            probe = Probe(cluster.namespace, "ztunnel", 15999, "/config_dump", size)
            answer = await answered(session, probe)
    assert answer.value is None
    assert answer.problem is not None
    assert "15999" in answer.problem.text


@pytest.mark.parametrize(("held", "missing"), [("", "get"), ("get", "create"), ("create", "get")])
async def test_a_port_forward_that_is_refused_names_the_verb_that_is_missing(
    cluster: Cluster, held: str, missing: str
) -> None:
    await cluster.add_pod("ztunnel")
    rules = [Rule("get list watch", "pods", namespace=cluster.namespace)]
    if held:
        rules.append(Rule(held, "pods/portforward", namespace=cluster.namespace))
    kubeconfig = await cluster.kubeconfig_of("jane", *rules)
    async with looking(cluster, kubeconfig) as session:
        probe = Probe(cluster.namespace, "ztunnel", 15000, "/config_dump", size)
        answer = await answered(session, probe)
    assert answer.value is None
    assert answer.problem is not None
    assert answer.problem.trouble is Trouble.FORBIDDEN
    assert missing in answer.problem.text
    assert "pods/portforward" in answer.problem.text


async def test_a_log_is_read_from_its_end_and_followed(cluster: Cluster) -> None:
    await cluster.add_pod("web", log=lines("one", "two", "three"))
    pod = Ref(POD, cluster.namespace, "web")
    async with looking(cluster) as session, asyncio.timeout(10):
        said = session.logs(pod, LogOptions(tail=2))
        first = [await anext(said), await anext(said)]
        cluster.write_log("web", lines("four"))
        fourth = await anext(said)
        await said.aclose()  # type: ignore[attr-defined]
    assert [line.text for line in (*first, fourth)] == ["two", "three", "four"]
    assert all(line.at is not None and not line.notice for line in first)


async def test_a_log_that_is_not_followed_ends(cluster: Cluster) -> None:
    written = [*lines("long ago", ago=3600), *lines("now")]
    await cluster.add_pod("web", log=written, previous=lines("panic"))
    pod = Ref(POD, cluster.namespace, "web")
    async with looking(cluster) as session, asyncio.timeout(10):

        async def texts(options: LogOptions) -> list[str]:
            return [line.text async for line in session.logs(pod, options)]

        assert await texts(LogOptions(follow=False)) == ["long ago", "now"]
        assert await texts(LogOptions(follow=False, since=60)) == ["now"]
        assert await texts(LogOptions(follow=False, previous=True)) == ["panic"]


async def test_rights_are_what_the_server_grants(cluster: Cluster) -> None:
    rules = (
        Rule("get list watch", "pods pods/log", namespace=cluster.namespace),
        Rule("list", "namespaces"),
    )
    kubeconfig = await cluster.kubeconfig_of("jane", *rules)
    async with looking(cluster, kubeconfig) as session:
        granted = [
            await session.may("list", POD, cluster.namespace),
            await session.may("get", POD, cluster.namespace, "log"),
            await session.may("list", NAMESPACE),
        ]
        denied = [
            await session.may("delete", POD, cluster.namespace),
            await session.may("list", POD),
            await session.may("get", POD, cluster.namespace, "portforward"),
            await session.may("get", SECRET, cluster.namespace),
        ]
    assert [right.allowed for right in granted] == [True] * 3
    assert [right.allowed for right in denied] == [False] * 4


async def test_one_object_is_read_whole(cluster: Cluster) -> None:
    await cluster.add_pod("web", labels={"app": "web"})
    pod = Ref(POD, cluster.namespace, "web")
    async with looking(cluster) as session:
        raw = await session.get(pod)
        managed = await session.get(pod, managed_fields=True)
    assert raw["spec"]["containers"][0]["image"] == "example.test/app:1"
    assert "managedFields" not in raw["metadata"]
    assert managed["metadata"]["managedFields"]


async def test_of_a_secret_nothing_but_certificates_leaves_the_session(cluster: Cluster) -> None:
    shop = Recording("acme").objects()
    [cacerts] = [raw for kind, raws in shop.items() if kind.plural == "secrets" for raw in raws][:1]
    body = {
        "metadata": {"name": "cacerts"},
        "data": {**cacerts["data"], "ca-key.pem": "c2VjcmV0LWtleQ==", "token": "aHVzaA=="},
    }
    await cluster.api.create(cluster.path("secrets"), body)
    secret = Ref(SECRET, cluster.namespace, "cacerts")
    async with looking(cluster) as session:
        raw = await session.get(secret)
        session.want([], refs=[secret])
        seen = await snapshot_where(session.snapshots(), lambda s: secret in s.gets)
    for told in (str(raw), str(seen.gets[secret])):
        assert "c2VjcmV0LWtleQ==" not in told
        assert "aHVzaA==" not in told
    assert raw["metadata"]["name"] == "cacerts"


async def test_an_object_that_is_not_there_is_known_not_to_be(cluster: Cluster) -> None:
    secret = Ref(SECRET, cluster.namespace, "nobody")
    async with looking(cluster) as session:
        session.want([], refs=[secret])
        seen = await snapshot_where(session.snapshots(), lambda s: secret in s.gets)
    problem = seen.gets[secret].problem
    assert problem is not None
    assert problem.trouble in (Trouble.ABSENT, Trouble.GONE)


async def test_odd_values_that_a_server_takes_take_nothing_down(cluster: Cluster) -> None:
    """What the server accepts may be hostile: markup, escape codes and 64 kB in an annotation."""
    hostile = {"note": "[bold red]\x1b[2J", "long": "x" * 65_000}
    metadata = {"name": "odd", "annotations": hostile}
    await cluster.api.create(cluster.path("configmaps"), {"metadata": metadata, "data": None})
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "odd", "annotations": hostile, "labels": None},
        "spec": {
            "gatewayClassName": "none",
            "listeners": [{"name": "http", "port": 80, "protocol": "HTTP"}],
        },
    }
    gateways = cluster.path("gateways", group="gateway.networking.k8s.io/v1")
    await cluster.api.create(gateways, gateway)
    scopes = [here(cluster, CONFIGMAP), here(cluster, GATEWAY)]
    async with looking(cluster) as session:
        session.want(scopes)
        seen = await snapshot_where(
            session.snapshots(), lambda s: all(is_live(scope, s) for scope in scopes)
        )
    assert keys(seen, CONFIGMAP, cluster.namespace) == {"odd"}
    assert keys(seen, GATEWAY, cluster.namespace) == {"odd"}
