"""ServiceEntries: TCP without addresses, protocols that clash (serviceentry.* of the reference)."""

from __future__ import annotations

from typing import Any

import pytest

from meshtui.mesh.kinds import CONFIGMAP, SERVICE_ENTRY
from tests.mesh.doctor.analyzing import Thing, found, thing

ADDRESSES = "serviceentry.Analyzer"
PROTOCOLS = "serviceentry.ConflictingServiceEntryProtocolAnalyzer"


def entry(name: str = "e", namespace: str = "shop", /, protocol: Any = "TCP", **more: Any) -> Thing:
    ports = [{"number": 443, "protocol": protocol}]
    return thing(
        SERVICE_ENTRY, name, namespace, **{"hosts": ["example.org"], "ports": ports, **more}
    )


@pytest.mark.parametrize(
    ("it", "is_told"),
    [
        (entry(), True),
        (entry(protocol="tcp"), True),
        (entry(protocol=None), True),
        (entry(protocol="TLS"), False),
        (entry(addresses=["10.1.1.1"]), False),
        (entry(status={"addresses": [{"value": "240.240.0.1"}]}), False),
        (entry(addresses=[], status={"addresses": []}), True),
        (entry(ports=None), False),
    ],
)
def test_tcp_needs_addresses(it: Thing, is_told: bool) -> None:
    assert found(ADDRESSES, it) == ({("IST0134", "shop/e")} if is_told else set())


@pytest.mark.parametrize(
    ("environment", "is_told"),
    [
        (["ISTIO_META_DNS_CAPTURE", "ISTIO_META_DNS_AUTO_ALLOCATE"], False),
        (["ISTIO_META_DNS_CAPTURE", "PILOT_ENABLE_IP_AUTOALLOCATE"], False),
        (["ISTIO_META_DNS_CAPTURE"], True),
        (["PILOT_ENABLE_IP_AUTOALLOCATE"], True),
    ],
)
def test_proxies_that_resolve_by_allocated_addresses_need_none(
    environment: list[str], is_told: bool
) -> None:
    lines = "".join(f'    {variable}: "true"\n' for variable in environment)
    mesh = f"defaultConfig:\n  proxyMetadata:\n{lines}"
    config = thing(CONFIGMAP, "istio", "istio-system", data={"mesh": mesh})
    assert found(ADDRESSES, entry(), config) == ({("IST0134", "shop/e")} if is_told else set())


@pytest.mark.parametrize(
    ("first", "second", "clash"),
    [
        (entry("a", protocol="HTTP"), entry("b", protocol="HTTPS"), True),
        (entry("a", protocol="http"), entry("b", protocol="HTTP"), False),
        (entry("a", protocol="HTTP"), entry("b", protocol="TLS", hosts=["example.com"]), False),
        (
            entry("a", protocol="HTTP", exportTo=["."]),
            entry("b", "other", protocol="TLS", exportTo=["."]),
            False,
        ),
        (
            entry("a", protocol="HTTP", exportTo=["."]),
            entry("b", "other", protocol="TLS", exportTo=["shop"]),
            True,
        ),
        (entry("a", protocol="HTTP", exportTo=["."]), entry("b", "other", protocol="TLS"), True),
    ],
)
def test_a_host_and_port_has_one_protocol_wherever_it_is_seen(
    first: Thing, second: Thing, clash: bool
) -> None:
    both = {f"{it['metadata']['namespace']}/{it['metadata']['name']}" for _, it in (first, second)}
    expected = {("IST0177", key) for key in both} if clash else set()
    assert found(PROTOCOLS, first, second) == expected
