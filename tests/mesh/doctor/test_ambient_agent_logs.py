"""AMB-009, 018, 049, 051, 052, 065 and 067: what ztunnels and CNI agents write. Lines are as Istio's source has them
(cni/pkg/nodeagent; ztunnel src/proxy.rs, drain.rs, state.rs, proxy/h2/client.rs); the access line is a recorded one."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from meshtui.mesh import agent_logs
from meshtui.mesh.logs import LogLine
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Answer, Problem, Snapshot, Trouble
from tests.mesh.doctor.judged import CART, SERVED, keys, of, service, unsure
from tests.mesh.made import NOW, pod, snapshot
from tests.mesh.test_enrollment import ENABLED

UNREADY = pod(annotations=ENABLED, status={"conditions": [{"type": "Ready", "status": "False"}]})
OF_CART = "ns=shop name=cart"
REFUSED = (
    "{at}\terror\taccess\tconnection complete\tsrc.addr=10.244.0.15:34996 "
    'src.workload="checkout" src.namespace="shop" dst.addr=10.244.0.17:15008 dst.hbone_addr=10.244.0.17:9999 '
    'dst.workload="cart" dst.namespace="shop" direction="inbound" bytes_sent=0 bytes_recv=0 duration="0ms" '
    'error="connection failed: Connection refused (os error 111)"'
)


def logged(
    *lines: str, agent: bool = False, cart: Raw = CART, objects: tuple[Raw, ...] = ()
) -> Snapshot:
    """A node whose ztunnel, or CNI agent, wrote these lines ten seconds apart; the other wrote nothing."""
    found = snapshot(cart, *SERVED, *objects)
    start = NOW - timedelta(seconds=10 * len(lines))
    written = [
        LogLine(at, text.replace("{at}", at.isoformat().replace("+00:00", "Z")))
        for at, text in ((start + timedelta(seconds=10 * n), text) for n, text in enumerate(lines))
    ]
    tails = {
        tail: Answer(tail.read(written if ("cni" in tail.pod) is agent else []), NOW)
        for tail in agent_logs.tails(found)
    }
    return replace(found, tails=tails)


def say(level: str, text: str, scope: str = "cni-agent") -> str:
    return f"{{at}}\t{level}\t{scope}\t{text}"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (
            f"failed to reconcile inpod rules for pod, try restarting the pod: x\t{OF_CART}",
            ["Pod shop/cart", "Pod istio-system/istio-cni-node-1"],
        ),
        (
            "netns does not contain any IP of pod shop/cart; refusing the pairing, a foreign process",
            ["Pod shop/cart", "Pod istio-system/istio-cni-node-1"],
        ),
        (
            "nft binary built without libjansson; falling back to iptables backend.",
            ["Pod istio-system/istio-cni-node-1"],
        ),
        (
            f"can't find netns for pod, this is ok if this is a newly created pod\t{OF_CART}",
            ["Pod shop/cart", "Pod istio-system/istio-cni-node-1"],
        ),
        ("Failed capturing pod, will not retry. x\tns=shop name=gone", None),
        (f"received snapshot sent\t{OF_CART}", None),
    ],
)
def test_trouble_with_rules_in_pods(line: str, expected: list[str] | None) -> None:
    assert [keys(each) for each in of("AMB-009", logged(say("error", line), agent=True))] == (
        [expected] if expected else []
    )
    assert of("AMB-009", logged(say("debug", line), agent=True)) == []


def test_a_new_pod_is_not_found_at_once() -> None:
    line = say("warn", f"can't find netns for pod, this is ok if newly created\t{OF_CART}")
    assert of("AMB-009", logged(line, agent=True, cart=pod(annotations=ENABLED, age=20))) == []


@pytest.mark.parametrize(
    ("cart", "line", "found"),
    [
        (
            UNREADY,
            f"failed to add pod to addressSet, pod will fail healthchecks: x\t{OF_CART}",
            True,
        ),
        (UNREADY, f"pod cart has IP collision ([10.0.0.7]), pod will be skipped\t{OF_CART}", True),
        (UNREADY, "failed to add pod to addressSet: x\tns=shop name=other", False),
        (CART, f"failed to add pod to addressSet, pod will fail healthchecks: x\t{OF_CART}", False),
    ],
)
def test_a_pod_that_is_lost_from_the_probed_addresses(cart: Raw, line: str, found: bool) -> None:
    told = of("AMB-018", logged(say("error", line), agent=True, cart=cart))
    assert [keys(each)[0] for each in told] == (["Pod shop/cart"] if found else [])


def test_a_ztunnel_that_was_ended_early() -> None:
    late = "drain duration expired with pending connections, forcefully shutting down"
    (found,) = of("AMB-049", logged(say("warn", late, "proxy")))
    assert keys(found) == ["Pod istio-system/ztunnel-node-1"]
    assert of("AMB-049", logged(say("info", "drain started", "proxy"))) == []


def test_several_tunnels_without_an_answer() -> None:
    ping = say("warn", "HBONE ping timeout/error", "pool")
    assert of("AMB-051", logged(ping, ping)) == [], "pods are replaced now and then"
    (found,) = of("AMB-051", logged(ping, ping, ping))
    assert "3 tunnels of ztunnels on node-1" in found.says
    assert of("AMB-051", logged(*[say("error", "ping error: broken pipe", "pool")] * 5)) == []


def test_more_than_five_connections_a_minute_that_fail() -> None:
    assert of("AMB-052", logged(*[REFUSED] * 5)) == []
    (found,) = of("AMB-052", logged(*[REFUSED] * 6))
    assert keys(found) == ["Pod shop/cart"]
    assert "Connection refused" in found.says
    apart = [line for _ in range(6) for line in (REFUSED, say("info", "x"), say("info", "y"))]
    assert of("AMB-052", logged(*apart)) == [], "two a minute"


def test_a_port_that_nobody_resolves() -> None:
    line = say(
        "warn",
        'failed error="requested service shop/cart.shop.svc.cluster.local:81 found, but cannot resolve port"',
        "access",
    )
    (found,) = of("AMB-065", logged(line, objects=(service(),)))
    assert keys(found) == ["Service shop/cart", "Pod istio-system/ztunnel-node-1"]
    assert "shop/cart.shop.svc.cluster.local:81" in found.says
    line = say(
        "warn", 'connection failed error="no service for target address: 10.96.0.9:80"', "access"
    )
    (found,) = of("AMB-065", logged(line))
    assert "10.96.0.9:80" in found.says


def test_callers_that_are_not_known_yet() -> None:
    line = say("warn", "timed out waiting for workload 'shop/cart' from xds", "state")
    (found,) = of("AMB-067", logged(line, line))
    assert "2 times" in found.says


def test_logs_that_were_not_read() -> None:
    found = snapshot(CART, *SERVED)
    assert unsure("AMB-051", found) == [
        "the logs of 1 ztunnel were not read: nobody asked for them"
    ]
    refused = Answer(problem=Problem(Trouble.FORBIDDEN, "get pods/log is missing"))
    found = replace(found, tails=dict.fromkeys(agent_logs.tails(found), refused))
    assert unsure("AMB-009", found) == [
        "the logs of 1 CNI agent were not read: get pods/log is missing"
    ]
    assert unsure("AMB-009", logged()) == []
