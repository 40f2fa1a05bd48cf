"""What a ztunnel says of itself: its configuration and its version, in the dump and at the start of its log.

Keys, values and the order in the log are the recorded ones (tests/data/recordings/shop); addresses and paths are those
of a ztunnel that the chart has installed.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from string import Template

import yaml

from meshtui.sim.behaviour.pods import account, containers, node
from meshtui.sim.objects import Raw, mapping, name, namespace, text

_ISTIOD = "https://istiod.istio-system.svc:15012"
_ROOT = {"File": "/var/run/secrets/istio/root-cert.pem"}


def version(pod: Raw) -> Raw:
    """The `version` of a dump: of a release, by the tag of its image."""
    tag = istio_version(pod)
    revision = hashlib.sha1(tag.encode(), usedforsecurity=False).hexdigest()
    return {
        "version": revision,
        "gitRevision": revision,
        "rustVersion": "1.95.0",
        "buildProfile": "release",
        "buildStatus": "Clean",
        "istioVersion": tag,
        "cryptoProvider": "tls-aws-lc",
    }


def istio_version(pod: Raw) -> str:
    """The tag of an image, without what only says how it was made."""
    for container in containers(mapping(pod, "spec")):
        tag = text(container, "image").rpartition(":")[2]
        return tag.removesuffix("-distroless").removesuffix("-debug")
    return "unknown"


def config(pod: Raw, trust_domain: str) -> Raw:
    """The `config` of a dump."""
    return {
        "proxy": True,
        "dnsProxy": True,
        "windowSize": 4194304,
        "connectionWindowSize": 16777216,
        "frameSize": 1048576,
        "poolMaxStreamsPerConn": 100,
        "poolUnusedReleaseTimeout": _seconds(300),
        "socks5Addr": None,
        "adminAddr": {"Localhost": [True, 15000]},
        "statsAddr": {"SocketAddr": "[::]:15020"},
        "readinessAddr": {"SocketAddr": "[::]:15021"},
        "inboundAddr": "[::]:15008",
        "inboundPlaintextAddr": "[::]:15006",
        "outboundAddr": "[::]:15001",
        "dnsProxyAddr": {"Localhost": [True, 15053]},
        "illegalPorts": [15006, 15008, 15001],
        "network": "",
        "localNode": node(pod),
        "proxyMode": "Shared",
        "proxyWorkloadInformation": None,
        "clusterId": "Kubernetes",
        "clusterDomain": "cluster.local",
        "caAddress": _ISTIOD,
        "caRootCert": _ROOT,
        "altCaHostname": None,
        "xdsAddress": _ISTIOD,
        "xdsRootCert": _ROOT,
        "altXdsHostname": None,
        "preferedServiceNamespace": None,
        "secretTtl": _seconds(86400),
        "xdsOnDemand": False,
        "fakeCa": False,
        "fakeSelfInbound": False,
        "selfTerminationDeadline": _seconds(25),
        "proxyMetadata": {},
        "numWorkerThreads": 2,
        "requireOriginalSource": None,
        "proxyArgs": "proxy ztunnel",
        "dnsResolverCfg": _RESOLVER,
        "dnsResolverOpts": _RESOLVER_OPTIONS,
        "inpodUds": "/var/run/ztunnel/ztunnel.sock",
        "inpodPortReuse": True,
        "packetMark": 1337,
        "socketConfig": {
            "keepaliveTime": _seconds(180),
            "keepaliveInterval": _seconds(180),
            "keepaliveRetries": 9,
            "keepaliveEnabled": True,
            "userTimeoutEnabled": False,
        },
        "xdsHeaders": [],
        "caHeaders": [],
        "localhostAppTunnel": True,
        "ztunnelIdentity": f"spiffe://{trust_domain}/ns/{namespace(pod)}/sa/{account(pod)}",
        "ztunnelWorkload": {
            "name": name(pod),
            "namespace": namespace(pod),
            "serviceAccount": account(pod),
        },
        "ipv6Enabled": True,
        "crlPath": None,
        "enableEnhancedBaggage": True,
    }


def as_yaml(pod: Raw, trust_domain: str) -> str:
    """The configuration as the log prints it, with tags where the dump has a mapping of one key."""
    printed = _printed(trust_domain)
    names = {"NODE": node(pod), "NAME": name(pod), "SPACE": namespace(pod), "ACCOUNT": account(pod)}
    return Template(printed).substitute(names)


@lru_cache(maxsize=8)
def _printed(trust_domain: str) -> str:
    """Made once, with places for what differs from one ztunnel to the next: it takes 5 ms."""
    anyone = {
        "metadata": {"name": "$NAME", "namespace": "$SPACE"},
        "spec": {"nodeName": "$NODE", "serviceAccountName": "$ACCOUNT"},
    }
    value = config(anyone, trust_domain)
    return yaml.dump(value, Dumper=_Tagged, sort_keys=False, width=10_000)


class _Tagged(yaml.SafeDumper):
    def ignore_aliases(self, _: object) -> bool:
        return True


def _mapping(dumper: yaml.SafeDumper, value: Raw) -> yaml.Node:
    if len(value) == 1 and (tag := next(iter(value))) in ("Localhost", "SocketAddr", "File"):
        found = value[tag]
        if isinstance(found, list):
            return dumper.represent_sequence(f"!{tag}", found)
        return dumper.represent_scalar(f"!{tag}", found, style="'" if ":" in found else None)
    return dumper.represent_dict(value)


_Tagged.add_representer(dict, _mapping)
_Tagged.add_representer(
    type(None), lambda dumper, _: dumper.represent_scalar("tag:yaml.org,2002:null", "null")
)


def _seconds(count: int) -> Raw:
    return {"secs": count, "nanos": 0}


_RESOLVER: Raw = {
    "domain": None,
    "search": [],
    "name_servers": [
        {
            "ip": "10.96.0.10",
            "trust_negative_responses": True,
            "connections": [
                {"port": 53, "protocol": {"type": protocol}, "bind_addr": None}
                for protocol in ("udp", "tcp")
            ],
        }
    ],
}
_RESOLVER_OPTIONS: Raw = {
    "ndots": 1,
    "timeout": 5,
    "attempts": 2,
    "edns0": False,
    "ip_strategy": "Ipv4AndIpv6",
    "cache_size": 4096,
    "use_hosts_file": "Auto",
    "positive_min_ttl": None,
    "negative_min_ttl": None,
    "positive_max_ttl": None,
    "negative_max_ttl": None,
    "num_concurrent_reqs": 2,
    "max_active_requests": 32,
    "preserve_intermediates": True,
    "try_tcp_on_error": False,
    "server_ordering_strategy": "QueryStatistics",
    "recursion_desired": True,
    "avoid_local_udp_ports": [],
    "os_port_selection": False,
    "case_randomization": False,
    "trust_anchor": None,
    "allow_answers": [],
    "deny_answers": [],
    "edns_payload_len": 1232,
}
