"""Mesh config: what the ConfigMap `istio` (or `istio-REVISION`) beside an istiod says, with Istio's defaults."""

from __future__ import annotations

import yaml
from msgspec import Struct

from meshtui.mesh.kinds import CONFIGMAP
from meshtui.mesh.raw import Raw, dig, label, name, namespace, table, text
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

SCOPE = Scope(CONFIGMAP, None, labels="operator.istio.io/component=Pilot")
"""The charts' label on all that belongs to istiod; a tag or a revision changes the name, not the label."""

DEFAULT_TRUST_DOMAIN = "cluster.local"


class MeshConfig(Struct, frozen=True):
    """What concerns more than one proxy. Defaults as in reference istio-ambient.md, 10.2."""

    ref: Ref
    revision: str
    trust_domain: str
    aliases: tuple[str, ...]
    """Other trust domains that count as this one, for Envoys only."""
    root_namespace: str
    mesh_id: str
    """"" where none is set: it is the trust domain then."""
    cluster: str
    """The id that proxies give; "" where it is left to istiod ("Kubernetes")."""
    network: str
    outbound: str
    """What unknown destinations get: ALLOW_ANY or REGISTRY_ONLY."""
    written: Raw
    """All of it as it is written, every scalar as text."""
    problem: str = ""
    """Why the YAML could not be read, and all above is defaults."""


def of(snapshot: Snapshot) -> tuple[MeshConfig, ...]:
    """One for each revision, the default one first."""
    found = [config for config in snapshot.each(CONFIGMAP, _config) if config is not None]
    return tuple(sorted(found, key=lambda config: (config.revision != "default", config.ref.key)))


def _config(raw: Raw) -> MeshConfig | None:
    called, where = name(raw), namespace(raw)
    if called != "istio" and not called.startswith("istio-"):
        return None
    written = text(raw, "data", "mesh")
    if not written:
        return None
    mesh, problem = _yaml(written)
    proxies = table(mesh, "defaultConfig")
    environment = table(proxies, "proxyMetadata")
    aliases = dig(mesh, "trustDomainAliases")
    return MeshConfig(
        ref=Ref(CONFIGMAP, where, called),
        revision=label(raw, "istio.io/rev") or called.removeprefix("istio").strip("-") or "default",
        trust_domain=text(mesh, "trustDomain") or DEFAULT_TRUST_DOMAIN,
        aliases=tuple(alias for alias in aliases if isinstance(alias, str))
        if isinstance(aliases, list)
        else (),
        root_namespace=text(mesh, "rootNamespace") or where,
        mesh_id=text(proxies, "meshId"),
        cluster=text(environment, "ISTIO_META_CLUSTER_ID"),
        network=text(environment, "ISTIO_META_NETWORK"),
        outbound=text(mesh, "outboundTrafficPolicy", "mode") or "ALLOW_ANY",
        written=mesh,
        problem=problem,
    )


def _yaml(written: str) -> tuple[Raw, str]:
    """Every scalar as the text that stands there: no more is wanted, and no odd tag can fail."""
    try:
        read = yaml.load(written, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        return {}, f"mesh config not readable: {(str(error).splitlines() or [''])[0]}"
    if not isinstance(read, dict):
        return {}, "mesh config not readable: no mapping of names to values"
    return read, ""
