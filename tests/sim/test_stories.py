"""The stories: each has its fault once it has settled, with the traces that a real mesh would show, and the fault goes
away when one does what its ConfigMap says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from cryptography import x509

from meshtui.sim import scenes
from meshtui.sim.behaviour.cluster import Cluster
from meshtui.sim.kinds import (
    CONFIGMAP,
    DAEMONSET,
    GATEWAY,
    NAMESPACE,
    NETWORK_POLICY,
    POD,
    SECRET,
    SERVICE,
)
from meshtui.sim.patches import JSON, patched
from tests.recordings import DATA
from tests.sim.bench import redirection
from tests.sim.recorded import dump

Raw = dict[str, Any]
STORIES = ["ghost", "bypass", "blocked", "roots", "bare"]
UNTRUSTED = "io error: invalid peer certificate: UnknownIssuer"


class Story:
    """A scene, and a time that passes as a test says."""

    def __init__(self, name: str) -> None:
        self.now = datetime(2026, 11, 25, 14, 2, tzinfo=UTC)
        self.cluster: Cluster = scenes.load(name, now=lambda: self.now)
        self.store = self.cluster.store

    @property
    def cure(self) -> str:
        found: str = self.store.need(CONFIGMAP, "default", "answer")["data"]["cure"]
        return found

    def lines(self) -> list[dict[str, str]]:
        """The fields of all access lines, with the node of the ztunnel that wrote them."""
        return [
            {"node": each.node} | fields(line.text)
            for each in self.cluster.ztunnels
            for line in each.log.lines
            if "\taccess\t" in line.text
        ]

    def calls(self, source: str, service: str) -> list[dict[str, str]]:
        """Those of a workload to a Service, as the ztunnel of the caller tells of them."""
        return [
            line
            for line in self.lines()
            if line.get("direction") == "outbound"
            and line.get("src.workload", "").startswith(f"{source}-")
            and line.get("dst.service") == f"{service}.svc.cluster.local"
        ]

    def after(self, **passed: float) -> list[dict[str, str]]:
        """The access lines of calls that are made from now on, for so long."""
        self.cluster.settle()
        known = [line for each in self.cluster.ztunnels for line in each.log.lines]
        before = set(map(id, known))
        self.now += timedelta(**passed)
        self.cluster.call(timedelta(**passed))
        return [
            fields(line.text)
            for each in self.cluster.ztunnels
            for line in each.log.lines
            if "\taccess\t" in line.text and id(line) not in before
        ]

    def dumps(self) -> dict[str, Raw]:
        found = [msgspec.json.decode(each.dump()) for each in self.cluster.ztunnels]
        return {each["config"]["localNode"]: each for each in found}

    def condition(self, namespace: str, service: str, kind: str) -> Raw:
        conditions = self.store.need(SERVICE, namespace, service)["status"]["conditions"]
        (found,) = [each for each in conditions if each["type"] == kind]
        return dict(found)


def fields(line: str) -> dict[str, str]:
    _, level, _, message, rest = line.split("\t")
    found = re.findall(r'([\w.]+)=("[^"]*"|\S+)', rest)
    return {"level": level, "message": message} | {key: value.strip('"') for key, value in found}


@pytest.mark.parametrize("name", STORIES)
def test_the_answer_lies_in_a_configmap(name: str) -> None:
    answer = Story(name).store.need(CONFIGMAP, "default", "answer")
    assert answer["data"].keys() == {"why", "where", "cure"}
    assert all(answer["data"].values())


# bypass


def test_a_waypoint_that_does_not_exist_lets_pass_what_only_it_refuses() -> None:
    story = Story("bypass")
    label = story.store.need(NAMESPACE, "", "shop")["metadata"]["labels"]["istio.io/use-waypoint"]
    assert story.store.get(GATEWAY, "shop", label) is None
    bound = story.condition("shop", "reviews", "istio.io/WaypointBound")
    # as recorded of the namespace batch, which names one that is not there, too
    (theirs,) = [
        condition
        for item in json.loads((DATA / "shop" / "objects" / "services.json").read_text())["items"]
        if (item["metadata"]["namespace"], item["metadata"]["name"]) == ("batch", "reports")
        for condition in item["status"]["conditions"]
    ]
    assert (bound["status"], bound["reason"]) == (theirs["status"], theirs["reason"])
    assert bound["message"] == theirs["message"].replace("batch/nowhere", "shop/waypiont")
    for each in story.dumps().values():
        assert not any("waypoint" in service for service in each["services"])
    calls = story.calls("checkout", "reviews.shop")
    assert calls
    assert all("error" not in line for line in calls), "nothing fails"
    assert {line["dst.workload"].rpartition("-")[0].rpartition("-")[0] for line in calls} == {
        "reviews-v1",
        "reviews-v2",
    }

    assert story.cure.strip().endswith(
        "label namespace shop istio.io/use-waypoint=waypoint --overwrite"
    )
    shop = story.store.need(NAMESPACE, "", "shop")
    labels = {**shop["metadata"]["labels"], "istio.io/use-waypoint": "waypoint"}
    story.store.update(NAMESPACE, {**shop, "metadata": {**shop["metadata"], "labels": labels}})
    lines = story.after(minutes=3)
    assert story.condition("shop", "reviews", "istio.io/WaypointBound")["status"] == "True"
    ours = [line for line in lines if line.get("src.workload", "").startswith("checkout-")]
    reviews = [line for line in ours if line["dst.service"].startswith("reviews.")]
    assert reviews
    assert all(line["dst.workload"].startswith("waypoint-") for line in reviews)
    assert not any(
        line["src.workload"].startswith("checkout-")
        for line in lines
        if line["dst.workload"].startswith("reviews-") and line["direction"] == "inbound"
    )


# blocked


def test_an_enrolled_workload_behind_a_policy_without_15008_is_not_reached() -> None:
    story = Story("blocked")
    pods = story.store.list(POD, "payments")
    assert [redirection(pod) for pod in pods if "waypoint" not in pod["metadata"]["name"]]
    assert all(
        redirection(pod) == "enabled" for pod in pods if pod["metadata"]["labels"].get("app")
    )
    calls = story.calls("checkout", "refunds.payments")
    assert calls
    for line in calls:
        # reference doctor-rules.md, E; istio-ambient.md, 4.8: after ten seconds, at the caller alone
        assert "maybe a NetworkPolicy is blocking HBONE port 15008" in line["error"]
        assert int(line["duration"].removesuffix("ms")) >= 10_000
        assert (line["level"], line["message"]) == ("error", "connection complete")
        assert line["dst.addr"].endswith(":15008")
    assert not any(
        line["dst.workload"].startswith("refunds-")
        for line in story.lines()
        if line["direction"] == "inbound"
    )
    assert 'response_flags="NETWORK_POLICY"' in "".join(
        each.metrics() for each in story.cluster.ztunnels
    )
    assert not any("error" in line for line in story.calls("checkout", "ledger.payments"))

    found = story.store.need(NETWORK_POLICY, "payments", "only-8080")
    (operation,) = json.loads(re.findall(r"-p '(.*)'", story.cure, re.DOTALL)[0])
    assert (operation["op"], operation["path"]) == ("add", "/spec/ingress/0/ports/-")
    found["spec"]["ingress"][0]["ports"].append(operation["value"])
    story.store.update(NETWORK_POLICY, found)
    lines = [
        line
        for line in story.after(minutes=3)
        if line["dst.workload"].startswith("refunds-") and line["src.namespace"] == "shop"
    ]
    assert {line["direction"] for line in lines} == {"inbound", "outbound"}
    assert not any("error" in line for line in lines)


# roots


def roots(dumped: Raw) -> set[str]:
    return {root["serialNumber"] for each in dumped["certificates"] for root in each["rootCerts"]}


def left(story: Story, dumped: Raw) -> Iterator[timedelta]:
    for each in dumped["certificates"]:
        for leaf in each["certChain"][:1]:
            yield datetime.fromisoformat(leaf["expirationTime"]) - story.now


def trusted_root(story: Story) -> str:
    found = story.store.need(CONFIGMAP, "shop", "istio-ca-root-cert")["data"]["root-cert.pem"]
    return str(x509.load_pem_x509_certificate(found.encode()).serial_number)


def test_ztunnels_of_two_roots_do_not_trust_each_other_and_the_old_ones_get_nothing_new() -> None:
    story = Story("roots")
    dumped = story.dumps()
    old, new = roots(dumped["node-0"]), roots(dumped["node-2"])
    assert old == roots(dumped["node-1"])
    assert not old & new
    assert new == {trusted_root(story)}, "what istiod hands out to the namespaces"
    assert "root-cert.pem" in story.store.need(SECRET, "istio-system", "cacerts")["data"]
    # reference doctor-rules.md, AMB-036: less than a quarter of a day left, and renewal would have been at the half
    for node in ("node-0", "node-1"):
        assert {each < timedelta(hours=6) for each in left(story, dumped[node])} == {True}
    assert min(left(story, dumped["node-2"])) > timedelta(hours=12)

    failed = [line for line in story.lines() if line.get("error") == UNTRUSTED]
    nodes = {line["node"] for line in failed}
    assert {"node-1", "node-2"} <= nodes
    for line in failed:
        assert line["direction"] == "outbound"
        assert line["src.identity"].startswith("spiffe://acmellc.local/ns/")
    assert not [
        line
        for line in story.calls("checkout", "ledger.payments")
        if line["node"] == "node-2" and "error" not in line
    ], "ledger runs on the old nodes alone"
    # istio/ztunnel pull request 1524: the line of the side that is not trusted
    alerts = [line for line in story.lines() if line["message"] == "connection failed"]
    assert {line["node"] for line in alerts} == {"node-0", "node-1"}
    for line in alerts:
        assert set(line) == {
            "node",
            "level",
            "message",
            "src.addr",
            "dst.addr",
            "direction",
            "error",
        }
        assert line["error"].startswith("tls handshake error: Custom { kind: InvalidData, error: ")
    assert 'response_flags="TLS_FAILURE"' in "".join(
        each.metrics() for each in story.cluster.ztunnels
    )


def test_certificates_that_cannot_be_renewed_are_kept_until_they_expire() -> None:
    story = Story("roots")
    said = [
        (each.node, *line.text.split("\t")[1:])
        for each in story.cluster.ztunnels
        for line in each.log.lines
        if "\tidentity::manager\t" in line.text
    ]
    assert {node for node, *_ in said} == {"node-0", "node-1"}
    kept = [(level, message) for _, level, _, message, _ in said if "retaining" in message]
    # reference istio-ambient.md, 4.5
    assert {level for level, _ in kept} == {"info"}
    assert all(message.startswith("certificate renewal failed (") for _, message in kept)
    assert all("; retaining existing valid certificate until " in message for _, message in kept)

    story.now += timedelta(hours=3)
    for node in ("node-0", "node-1"):
        certificates = story.dumps()[node]["certificates"]
        assert certificates
        (theirs, *_) = dump(mesh="no-ca")["certificates"]
        for each in certificates:
            assert {**each, "identity": ""} == {**theirs, "identity": ""}
    recorded = (DATA / "no-ca" / "ztunnel-node-1.log").read_text()
    errors = {
        line["error"]
        for line in story.after(minutes=2)
        if line["direction"] == "outbound" and "identity error" in line.get("error", "")
    }
    assert len(errors) == 1
    assert f'error="{errors.pop()}"' in recorded


def test_a_restart_of_the_old_ztunnels_makes_the_roots_one_again() -> None:
    story = Story("roots")
    nodes = re.findall(r"spec.nodeName=(\S+)", story.cure)
    assert nodes == ["node-0", "node-1"]
    for pod in story.store.list(POD, "istio-system"):
        if pod["metadata"]["labels"].get("app") == "ztunnel" and pod["spec"]["nodeName"] in nodes:
            story.store.delete(POD, "istio-system", pod["metadata"]["name"])
    lines = story.after(minutes=3)
    dumped = story.dumps()
    assert {root for each in dumped.values() for root in roots(each)} == {trusted_root(story)}
    assert all(each > timedelta(hours=12) for one in dumped.values() for each in left(story, one))
    assert lines
    assert not any("identity" in line.get("error", "") for line in lines)
    assert not any("certificate" in line.get("error", "") for line in lines)
    assert not any("tls handshake" in line.get("error", "") for line in lines)


# bare


def on_new_node(story: Story) -> list[Raw]:
    return [pod for pod in story.store.list(POD) if pod["spec"]["nodeName"] == "node-3"]


def test_a_node_that_no_daemon_set_serves_runs_pods_in_plain_text() -> None:
    story = Story("bare")
    pods = on_new_node(story)
    assert any(pod["metadata"]["labels"].get("app") == "checkout" for pod in pods)
    assert {pod["metadata"]["namespace"] for pod in pods} == {"shop"}, "no agent, no ztunnel"
    assert {redirection(pod) for pod in pods} == {None}
    assert "node-3" not in story.dumps()
    mine = {pod["metadata"]["name"] for pod in pods}
    refused = [
        line
        for line in story.lines()
        if line.get("src.workload") in mine
        and "istio_converted_static_strict" in line.get("error", "")
    ]
    assert refused
    assert all("src.identity" not in line for line in refused), "plain text has none"

    patches = re.findall(r"patch daemonset (\S+) .*?-p '(.*?)'", story.cure, re.DOTALL)
    assert [name for name, _ in patches] == ["istio-cni-node", "ztunnel"]
    for name, patch in patches:
        found = story.store.need(DAEMONSET, "istio-system", name)
        story.store.update(DAEMONSET, patched(DAEMONSET, JSON, found, json.loads(patch)))
    lines = story.after(minutes=3)
    assert "node-3" in story.dumps()
    assert all(
        redirection(pod) == "enabled"
        for pod in on_new_node(story)
        if pod["metadata"]["name"] in mine
    )
    assert not [
        line
        for line in lines
        if line.get("src.workload", "").startswith("checkout-")
        and "istio_converted_static_strict" in line.get("error", "")
    ]
