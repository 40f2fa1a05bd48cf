"""A ztunnel of the built-in cluster, held against real ones: the dump, the metrics, the log, who is let through."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from cryptography import x509

from meshtui.sim.behaviour.cluster import Behaviour
from meshtui.sim.behaviour.traffic import Flow
from meshtui.sim.behaviour.ztunnel import Ztunnel
from meshtui.sim.kinds import AUTHORIZATION_POLICY, GATEWAY, NETWORK_POLICY, PEER_AUTHENTICATION
from tests.recordings import DATA
from tests.sim.bench import Bench
from tests.sim.recorded import dump

Raw = dict[str, Any]
AMBIENT = {"istio.io/dataplane-mode": "ambient"}
RECORDED_LOG = (DATA / "shop" / "ztunnel-node-1.log").read_text()
RECORDED_METRICS = (DATA / "shop" / "ztunnel-node-1.metrics.txt").read_text()

FLOWS = [
    Flow(("shop", "checkout"), ("payments", "ledger"), 80, every=5),
    Flow(("shop", "checkout"), ("shop", "catalog"), 80, every=5, lasting=600),
    Flow(("shop", "storefront"), ("payments", "ledger"), 80, every=5),
    Flow(("plain", "curl"), ("payments", "ledger"), 80, every=5),
    Flow(("plain", "curl"), ("shop", "catalog"), 80, every=5),
    Flow(("shop", "storefront"), ("plain", "curl"), 80, every=5),
]


def mesh() -> Bench:
    """A mesh on one node, so that one log has both sides of each call."""
    bench = Bench(nodes=1, behaviour=Behaviour(flows=FLOWS))
    for space in ("shop", "payments"):
        bench.namespace(space)
        bench.label(space, AMBIENT)
    bench.namespace("plain")
    for space, app in (
        ("shop", "checkout"),
        ("shop", "storefront"),
        ("shop", "catalog"),
        ("payments", "ledger"),
        ("plain", "curl"),
    ):
        bench.app(space, app)
    strict = {"metadata": {"name": "default", "namespace": "payments"}}
    bench.apply(PEER_AUTHENTICATION, {**strict, "spec": {"mtls": {"mode": "STRICT"}}})
    allowed = {"principals": ["acmellc.local/ns/shop/sa/checkout"]}
    spec = {
        "selector": {"matchLabels": {"app": "ledger"}},
        "rules": [{"from": [{"source": allowed}]}],
    }
    bench.apply(
        AUTHORIZATION_POLICY,
        {"metadata": {"name": "allow-checkout", "namespace": "payments"}, "spec": spec},
    )
    return bench


@pytest.fixture
def bench() -> Bench:
    return mesh()


def ztunnel(bench: Bench) -> Ztunnel:
    (found,) = bench.cluster.ztunnels
    return found


def calls(bench: Bench, flow: Flow) -> list[dict[str, str]]:
    """What one call of a flow leaves in the log: the fields of its lines."""
    log = ztunnel(bench).log
    before = len(log.lines)
    for each in FLOWS:
        each.due = datetime.max.replace(tzinfo=UTC)
    flow.due = None
    bench.cluster.calls.look(("", ""))
    return [fields(line.text) for line in log.lines[before:]]


def fields(line: str) -> dict[str, str]:
    """The fields of an access line, in their order, with the level among them."""
    _, level, scope, message, rest = line.split("\t")
    assert (scope, message) == ("access", "connection complete")
    found = re.findall(r'([\w.]+)=("[^"]*"|\S+)', rest)
    assert " ".join(f"{key}={value}" for key, value in found) == rest
    return {"level": level} | {key: value.strip('"') for key, value in found}


# The dump


def differences(ours: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Where two values have not the same keys and types; where keys are names, all values are one."""
    if isinstance(theirs, dict) and isinstance(ours, dict):
        if path in _BY_NAME:
            for one in list(ours.values())[:50]:
                for other in list(theirs.values())[:1]:
                    yield from differences(one, other, f"{path}.*")
            return
        optional = _OPTIONAL.get(path, set())
        if odd := (set(ours) ^ set(theirs)) - optional:
            yield f"{path}: {sorted(odd)}"
        for key in ours.keys() & theirs.keys():
            yield from differences(ours[key], theirs[key], f"{path}.{key}")
    elif isinstance(theirs, list) and isinstance(ours, list):
        pairs = len({type(each) for each in theirs}) > 1  # such as [true, 15000]
        for at, each in enumerate(ours if theirs and path != ".policies.rules" else ()):
            yield from differences(each, theirs[at if pairs else 0], path)
    elif type(ours) is not type(theirs) and path not in _SOMETIMES_NULL:
        yield f"{path}: {type(ours)} is not {type(theirs)}"


_BY_NAME = {
    ".workloadState",
    ".services.endpoints",
    ".services.ports",
    ".services.endpoints.*.port",
}
_OPTIONAL = {
    # "others are omitted when default or empty": each of these is in some of the recorded entries and not in others
    ".workloads": {"services", "authorizationPolicies", "waypoint"},
    ".services": {"waypoint", "loadBalancer"},
}
_SOMETIMES_NULL = {
    ".config.altCaHostname",  # set in the recording, where istiod was reached as localhost
    ".config.altXdsHostname",
    ".workloadState.*.connections.inbound.originalDst",
}


@pytest.mark.parametrize("recording", ["shop", "acme"])
def test_the_dump_has_the_keys_and_types_of_a_real_one(bench: Bench, recording: str) -> None:
    for flow in FLOWS:
        calls(bench, flow)
    ours = msgspec.json.decode(ztunnel(bench).dump())
    assert list(differences(ours, dump(mesh=recording))) == []
    state = ours["workloadState"].values()
    live = [each for one in state for side in one["connections"].values() for each in side]
    recorded_live = dump(mesh="shop")["workloadState"]
    known = [
        e for one in recorded_live.values() for side in one["connections"].values() for e in side
    ]
    assert live
    assert {frozenset(each) for each in live} == {frozenset(each) for each in known}


def test_the_chain_of_a_certificate_is_that_of_a_plugged_in_ca(bench: Bench) -> None:
    ours = msgspec.json.decode(ztunnel(bench).dump())["certificates"]
    theirs = dump(mesh="acme")["certificates"]
    for certificate in ours:
        assert certificate["state"] == "Available"
        assert len(certificate["certChain"]) == len(theirs[0]["certChain"])
        leaf, middle, root = (
            x509.load_pem_x509_certificate(base64.b64decode(each["pem"]))
            for each in certificate["certChain"]
        )
        leaf.verify_directly_issued_by(middle)
        middle.verify_directly_issued_by(root)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        found = names.get_values_for_type(x509.UniformResourceIdentifier)
        assert found == [certificate["identity"]]
        assert certificate["rootCerts"] == certificate["certChain"][2:]
    assert {each["identity"] for each in ours} == {
        f"spiffe://acmellc.local/ns/{each}"
        for each in (
            "shop/sa/checkout",
            "shop/sa/storefront",
            "shop/sa/catalog",
            "payments/sa/ledger",
        )
    }


def test_certificates_are_renewed_at_half_of_their_life(bench: Bench) -> None:
    def serials() -> set[str]:
        found = msgspec.json.decode(ztunnel(bench).dump())["certificates"]
        return {each["certChain"][0]["serialNumber"] for each in found}

    first = serials()
    bench.later(hours=11, minutes=59)
    assert serials() == first
    bench.later(minutes=1)
    second = serials()
    assert not first & second
    bench.later(hours=12)
    assert not second & serials()


# The metrics


def families(text: str) -> list[tuple[str, str, str]]:
    """Name, type and help of each family, in order."""
    helps = re.findall(r"# HELP (\S+) (.*)\n# TYPE \1 (\S+)", text)
    return [(name, kind, told) for name, told, kind in helps]


def label_names(text: str) -> dict[str, set[tuple[str, ...]]]:
    found: dict[str, set[tuple[str, ...]]] = {}
    for line in text.splitlines():
        if line and not line.startswith("#"):
            name, _, labels = line.rpartition(" ")[0].partition("{")
            names = tuple(re.findall(r'(\w+)="', labels))
            found.setdefault(name, set()).add(names)
    return found


def test_the_metrics_have_the_recorded_families_and_labels(bench: Bench) -> None:
    assert "istio_tcp" not in ztunnel(bench).metrics(), "a family without a sample is left out"
    for flow in FLOWS:
        calls(bench, flow)
    text = ztunnel(bench).metrics()
    assert families(text) == families(RECORDED_METRICS)
    assert label_names(text) == label_names(RECORDED_METRICS)
    assert text.endswith("# EOF\n")


def test_the_counters_count_proxies(bench: Bench) -> None:
    def value(name: str) -> int:
        found = re.search(rf"^{name} (\d+)$", ztunnel(bench).metrics(), re.MULTILINE)
        assert found
        return int(found[1])

    assert value("workload_manager_active_proxy_count") == 4
    assert value("workload_manager_proxies_started_total") == 4
    bench.label("shop", {})
    assert value("workload_manager_active_proxy_count") == 1
    assert value("workload_manager_pending_proxy_count") == 0
    assert value("workload_manager_proxies_stopped_total") == 3


def counted(bench: Bench, family: str) -> dict[tuple[str, str, str], int]:
    """Of one family: reporter, flag and security policy to the sum."""
    found: dict[tuple[str, str, str], int] = {}
    for line in ztunnel(bench).metrics().splitlines():
        if line.startswith(f"{family}{{"):
            labels = dict(re.findall(r'(\w+)="([^"]*)"', line))
            key = labels["reporter"], labels["response_flags"], labels["connection_security_policy"]
            found[key] = found.get(key, 0) + int(line.rpartition(" ")[2])
    return found


def test_a_refusal_counts_as_recorded(bench: Bench) -> None:
    calls(bench, FLOWS[2])
    failed = counted(bench, "istio_tcp_connections_failed_total")
    # reference istio-ambient.md, 4.9; so it stands in the recorded metrics, too
    assert failed == {
        ("destination", "DENY", "mutual_tls"): 1,
        ("source", "CONNECT", "mutual_tls"): 1,
    }
    opened = counted(bench, "istio_tcp_connections_opened_total")
    assert set(opened) == {("destination", "-", "mutual_tls"), ("source", "-", "mutual_tls")}


# The log


def recorded_line(**wanted: str) -> dict[str, str]:
    """The first recorded access line with these fields; None for a field that must not be there."""
    for line in RECORDED_LOG.splitlines():
        if "\taccess\t" in line:
            found = fields(line)
            if all(found.get(key.replace("_", ".")) == value for key, value in wanted.items()):
                return found
    raise LookupError(wanted)


def test_an_allowed_call_is_logged_on_both_sides_as_recorded(bench: Bench) -> None:
    inbound, outbound = sorted(calls(bench, FLOWS[0]), key=lambda line: line["direction"])
    theirs = recorded_line(
        direction="inbound", src_identity="spiffe://cluster.local/ns/shop/sa/checkout"
    )
    assert list(inbound) == list(theirs)
    recorded_out = recorded_line(direction="outbound", level="info")
    # there the pod was addressed by its own IP, here by its Service
    assert [key for key in outbound if key != "dst.service"] == list(recorded_out)
    assert inbound["dst.addr"].endswith(":15008")
    assert inbound["dst.hbone_addr"].endswith(":8080")
    assert inbound["bytes_sent"] == outbound["bytes_recv"]
    assert (
        inbound["src.identity"]
        == outbound["src.identity"]
        == "spiffe://acmellc.local/ns/shop/sa/checkout"
    )


def test_a_refused_call_is_an_error_on_both_sides_as_recorded(bench: Bench) -> None:
    inbound, outbound = sorted(calls(bench, FLOWS[2]), key=lambda line: line["direction"])
    text = "connection closed due to policy rejection: allow policies exist, but none allowed"
    assert list(inbound) == list(recorded_line(direction="inbound", error=text))
    assert inbound["error"] == text
    refused = "http status: 401 Unauthorized"
    theirs = recorded_line(direction="outbound", error=refused)
    assert [key for key in outbound if key != "dst.service"] == list(theirs)
    assert outbound["error"] == refused
    assert {inbound["level"], outbound["level"]} == {"error"}


def test_plain_text_is_refused_under_strict_and_let_in_elsewhere(bench: Bench) -> None:
    (refused,) = calls(bench, FLOWS[3])
    text = (
        "connection closed due to policy rejection: explicitly denied by: "
        "istio-system/istio_converted_static_strict"
    )
    assert list(refused) == list(recorded_line(error=text))
    assert refused["error"] == text
    (allowed,) = calls(bench, FLOWS[4])
    theirs = recorded_line(level="info", src_namespace="plain")
    assert list(allowed) == list(theirs)
    assert "src.identity" not in allowed


def test_a_call_out_of_the_mesh_is_plain(bench: Bench) -> None:
    (outbound,) = calls(bench, FLOWS[5])
    assert outbound["direction"] == "outbound"
    assert "dst.hbone_addr" not in outbound
    assert outbound["dst.addr"].endswith(":8080")


def test_a_service_with_a_waypoint_is_called_through_it(bench: Bench) -> None:
    listener = {"name": "mesh", "port": 15008, "protocol": "HBONE"}
    spec = {"gatewayClassName": "istio-waypoint", "listeners": [listener]}
    bench.apply(GATEWAY, {"metadata": {"name": "waypoint", "namespace": "payments"}, "spec": spec})
    bench.label("payments", {**AMBIENT, "istio.io/use-waypoint": "waypoint"})
    inbound, outbound = sorted(calls(bench, FLOWS[0]), key=lambda line: line["direction"])
    # reference istio-ambient.md, 4.7: the waypoint is the next hop, the Service's address is asked for inside
    assert outbound["dst.workload"].startswith("waypoint-")
    assert outbound["dst.identity"] == "spiffe://acmellc.local/ns/payments/sa/waypoint"
    assert outbound["dst.hbone_addr"].startswith("10.96.")
    assert outbound["dst.hbone_addr"].endswith(":80")
    # 7.2: the destination sees the waypoint, and the policy allows checkout alone
    assert inbound["src.identity"] == "spiffe://acmellc.local/ns/payments/sa/waypoint"
    assert inbound["error"].endswith("allow policies exist, but none allowed")


def test_a_network_policy_without_15008_times_out(bench: Bench) -> None:
    spec = {"podSelector": {}, "ingress": [{"ports": [{"port": 8080, "protocol": "TCP"}]}]}
    bench.apply(NETWORK_POLICY, {"metadata": {"name": "p", "namespace": "payments"}, "spec": spec})
    (outbound,) = calls(bench, FLOWS[0])
    # reference istio-ambient.md, 4.8
    assert outbound["error"].startswith(
        "connection timed out, maybe a NetworkPolicy is blocking HBONE port 15008"
    )


def test_nobody_listens_at_a_ghost(bench: Bench) -> None:
    bench.cluster.agents.fail((), ["payments/ledger"])
    bench.delete_pods(bench.pods("payments"))
    (outbound,) = calls(bench, FLOWS[0])
    assert outbound["error"] == "io error: Connection refused (os error 111)"
    assert outbound["dst.hbone_addr"].endswith(":8080"), "istiod calls it enrolled"


def test_connections_stand_in_the_dump_for_as_long_as_they_last(bench: Bench) -> None:
    def live() -> dict[str, list[Raw]]:
        state = msgspec.json.decode(ztunnel(bench).dump())["workloadState"].values()
        return {
            each["info"]["name"].partition("-")[0]: [
                *each["connections"]["inbound"],
                *each["connections"]["outbound"],
            ]
            for each in state
            if each["connections"]["inbound"] or each["connections"]["outbound"]
        }

    assert calls(bench, FLOWS[1]) == []
    assert set(live()) == {"checkout", "catalog"}
    bench.later(seconds=601)
    lines = calls(bench, FLOWS[5])[:2]
    assert {line["direction"] for line in lines} == {"inbound", "outbound"}
    assert int(lines[0]["duration"].removesuffix("ms")) >= 600_000
    assert live() == {}


def test_the_log_begins_as_a_real_one(bench: Bench) -> None:
    def said(text: str) -> list[tuple[str, str, str]]:
        """Level, scope and message of each line that begins one, without what differs from run to run."""
        lines = [line.split("\t") for line in text.splitlines() if line[:4].isdigit()]
        return [
            (level, scope, re.sub(r"[\d.]+ms|version: .*|(?<=update ).*", "", message))
            for _, level, scope, message, *_ in lines
            if scope != "access"
        ]

    ours = said("\n".join(line.text for line in ztunnel(bench).log.lines))
    theirs = said(RECORDED_LOG)
    assert set(ours) <= set(theirs)
    missing = set(theirs) - set(ours)
    assert {scope for _, scope, _ in missing} <= {"proxyfactory", "app", "xds:xds{id=1}"}
    config = [line.text for line in ztunnel(bench).log.lines if line.text.startswith("caAddress:")]
    assert config == ["caAddress: https://istiod.istio-system.svc:15012"]
