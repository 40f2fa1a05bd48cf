"""Mesh networks: registries that no cluster has (IST0126)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import meshconfig
from meshtui.mesh.doctor.configuration import embedded
from meshtui.mesh.doctor.configuration.objects import ERROR, analyzer, every, found
from meshtui.mesh.doctor.findings import Found, Rule, Unsure
from meshtui.mesh.kinds import CONFIGMAP, SECRET
from meshtui.mesh.raw import entries, label, name, table, text
from meshtui.mesh.snapshot import Scope, Snapshot

UNKNOWN = Rule(
    "IST0126",
    "a mesh network names a registry that is not known",
    ERROR,
    why="Endpoints of that cluster are taken to be in no network: traffic to them goes past its gateway and fails.",
    remedy="name the registry as the remote secret does, or Kubernetes for the istiod's own cluster",
    link="docs/reference/config/istio.mesh.v1alpha1/",
)

_REMOTE = Scope(SECRET, None, labels="istio/multiCluster=true")
_BUILT_IN = ("Mock", "Kubernetes", "External")


def unknown(snapshot: Snapshot) -> Iterator[Found | Unsure]:
    """Where remote Secrets are not listed, one of them may be of a cluster that is not known otherwise."""
    missing = snapshot.unread(SECRET, None, _REMOTE.labels)
    known = {*_BUILT_IN}
    for secret in every(snapshot, SECRET):
        if label(secret, "istio/multiCluster") == "true":
            known |= {*table(secret, "data"), *table(secret, "stringData")}
    for config in every(snapshot, CONFIGMAP):
        if name(config) != "istio" and not name(config).startswith("istio-"):
            continue
        for network, registry in _registries(text(config, "data", "meshNetworks")):
            if registry not in known and missing:
                said = f"a remote Secret may name registry {registry}, and they are not all known"
                yield Unsure(UNKNOWN, said)
            elif registry not in known:
                says = (
                    f"network {network} has endpoints from registry {registry}, which is not known"
                )
                field = f"data.meshNetworks, networks.{network}.endpoints[].fromRegistry"
                yield found(UNKNOWN, CONFIGMAP, config, says, field, registry)


def _registries(written: str) -> Iterator[tuple[str, str]]:
    """The names of networks, each with a registry that it takes endpoints from."""
    for network, it in table(embedded.read_or_none(written), "networks").items():
        for endpoint in entries(it, "endpoints"):
            registry = text(endpoint, "fromRegistry")
            if registry:
                yield str(network), registry


ANALYZERS = (
    analyzer(
        "meshnetworks.MeshNetworksAnalyzer",
        (UNKNOWN,),
        (meshconfig.SCOPE, _REMOTE),
        unknown,
    ),
)
