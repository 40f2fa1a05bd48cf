"""Policy words: what a policy, or another object of Istio's that decides about traffic, asks for, in a sentence. Pure
over the object as it is written; nothing here says whether anybody heeds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from meshtui.mesh import authorization_rules, policies, raw, ztunnel_rules
from meshtui.mesh.authorization_rules import Rule
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    DESTINATION_RULE,
    ENVOY_FILTER,
    PEER_AUTHENTICATION,
    REQUEST_AUTHENTICATION,
    SERVICE_ENTRY,
    SIDECAR,
    TELEMETRY,
    WASM_PLUGIN,
    Kind,
)
from meshtui.mesh.raw import Raw, dig, entries, number, strings, table, text

_APP = ("app", "app.kubernetes.io/name", "k8s-app")
"""Labels whose value is what people call a workload."""


class Mesh(NamedTuple):
    """What of a mesh the words depend on. A tuple, so that it counts as a value where it is an input."""

    root: str
    """The namespace whose policies are for the whole mesh."""
    domain: str
    """The trust domain."""


def of(kind: Kind, it: Raw, mesh: Mesh) -> str:
    """The sentence. Never raises."""
    if kind == AUTHORIZATION_POLICY:
        return _authorization(it, mesh)
    words = _WORDS.get(kind)
    return words(it, whom(it, mesh.root)) if words else ""


def whom(it: Raw, root: str) -> str:
    """What a policy is for: "ledger", "anything in shop", "anything in the mesh", "Service shop/reviews"."""
    targets = [*map(_target, policies.targets(it))]
    if targets:
        return listed(targets, "and")
    labels, namespace = selector(it), raw.namespace(it)
    everywhere = namespace == root
    if not labels:
        return "anything in the mesh" if everywhere else f"anything in {namespace}"
    if len(labels) == 1 and (name := next(map(labels.get, labels.keys() & {*_APP}), "")):
        return f"{name} in any namespace" if everywhere else name
    said = ",".join(f"{label}={value}" for label, value in labels.items())
    return f"pods with {said}" + (" in any namespace" if everywhere else "")


def selector(it: Raw) -> Mapping[str, str]:
    """The labels of the pods that it is for; empty where it selects none, and is for all or has targets."""
    spec = table(it, "spec")
    for path in (("selector", "matchLabels"), ("workloadSelector", "labels")):
        if found := strings(spec, *path):
            return found
    return strings(spec, "workloadSelector", "matchLabels")


def in_force_at_ztunnel(it: Raw, mesh: Mesh) -> str:
    """What an AuthorizationPolicy says at a ztunnel, without the rules and attributes that it does not heed."""
    action = text(it, "spec", "action") or "ALLOW"
    rules = (ztunnel_rules.at_ztunnel(action, each) for each in authorization_rules.of(it))
    kept = [rule(each, it, mesh) for each in rules if each is not None]
    return authorization_rules.sentence(action, kept, whom(it, mesh.root))


def rule(written: Raw, policy: Raw, mesh: Mesh) -> Rule:
    """A rule of an AuthorizationPolicy in words."""
    return authorization_rules.read(written, raw.namespace(policy), mesh.domain)


def listed(values: list[str], last: str = "or") -> str:
    """The first few of them, and how many more there are: "a, b or c"."""
    said = values[:4] + ([f"{len(values) - 4} more"] if len(values) > 4 else [])
    return f" {last} ".join(filter(None, (", ".join(said[:-1]), *said[-1:])))


def _target(target: policies.Target) -> str:
    if target.kind == "GatewayClass":
        return f"all that goes through gateways of class {target.name}"
    if target.kind == "Gateway":
        return f"all that goes through {target.name}"
    return target.name if target.kind == "Service" else f"{target.kind or 'target'} {target.name}"


def _authorization(it: Raw, mesh: Mesh) -> str:
    rules = [rule(each, it, mesh) for each in authorization_rules.of(it)]
    action, provider = text(it, "spec", "action") or "ALLOW", text(it, "spec", "provider", "name")
    said = authorization_rules.sentence(action, rules, whom(it, mesh.root), provider)
    return f"as a trial: {said}" if policies.dry_run(it) else said


_MODES = {
    "STRICT": "{} takes mTLS only",
    "PERMISSIVE": "{} takes mTLS and plain text",
    "DISABLE": "{} takes plain text, and mTLS between captured pods",
}


def _peer(it: Raw, whom: str) -> str:
    mode = text(it, "spec", "mtls", "mode")
    said = _MODES.get(mode, "{} takes what the level above says").format(whom)
    ports = [
        f"{port} {text(each, 'mode').lower() or 'unset'}"
        for port, each in table(it, "spec", "portLevelMtls").items()
        if isinstance(port, str)
    ]
    return f"{said}; on port {listed(ports, 'and')}" if ports else said


def _request(it: Raw, whom: str) -> str:
    issuers = [text(each, "issuer") or "?" for each in entries(it, "spec", "jwtRules")]
    if not issuers:
        return f"tokens sent to {whom} are not looked at"
    return f"tokens sent to {whom} must be of {listed(issuers)}; calls without one pass"


def _telemetry(it: Raw, whom: str) -> str:
    spec = table(it, "spec")
    said = [
        *_providers(spec, "accessLogging", "access log"),
        *_providers(spec, "metrics", "metrics"),
    ]
    for each in entries(spec, "tracing"):
        share = dig(each, "randomSamplingPercentage")
        known = isinstance(share, int | float) and not isinstance(share, bool)
        said.append(f"traces of {share:g} %" if known else "traces")
    return f"{listed(said, 'and') or 'nothing'} of {whom}"


def _providers(spec: Raw, field: str, noun: str) -> Iterator[str]:
    for each in entries(spec, field):
        names = [text(provider, "name") or "?" for provider in entries(each, "providers")]
        off = "no " if dig(each, "disabled") is True else ""
        yield f"{off}{noun} by {listed(names, 'and')}" if names else f"{off}{noun}"


_TRAFFIC = {
    "loadBalancer": "load balancing",
    "connectionPool": "connection limits",
    "outlierDetection": "outlier detection",
    "tls": "TLS",
    "portLevelSettings": "settings by port",
    "tunnel": "a tunnel",
    "proxyProtocol": "PROXY protocol",
}


def _destination(it: Raw, _: str) -> str:
    spec = table(it, "spec")
    policy = table(spec, "trafficPolicy")
    said = [words for field, words in _TRAFFIC.items() if field in policy]
    if mode := text(policy, "tls", "mode"):
        said[said.index("TLS")] = f"TLS {mode}"
    names = [text(each, "name") or "?" for each in entries(spec, "subsets")]
    said += [f"subsets {listed(names, 'and')}"] if names else []
    return f"calls to {text(spec, 'host') or 'no host'}: {listed(said, 'and') or 'nothing set'}"


def _entry(it: Raw, _: str) -> str:
    spec = table(it, "spec")
    ports = [
        f"{number(each, 'number')} {text(each, 'protocol')}".rstrip()
        for each in entries(spec, "ports")
    ]
    where = "inside the mesh" if text(spec, "location") == "MESH_INTERNAL" else "outside"
    found = text(spec, "resolution") or "NONE"
    by = "without looking it up" if found == "NONE" else f"resolved by {found.replace('_', ' ')}"
    at = f" on {listed(ports, 'and')}" if ports else ""
    return f"makes {listed(_texts(spec, 'hosts'), 'and') or 'no host'} known{at}, {where}, {by}"


def _sidecar(it: Raw, whom: str) -> str:
    hosts = [host for each in entries(it, "spec", "egress") for host in _texts(each, "hosts")]
    return f"sidecars of {whom} see {listed(hosts, 'and') or 'what they would without it'}"


def _filter(it: Raw, whom: str) -> str:
    patches = entries(it, "spec", "configPatches")
    places = [*dict.fromkeys(text(each, "applyTo") or "?" for each in patches)]
    noun = "patch" if len(patches) == 1 else "patches"
    where = f" ({listed(places, 'and')})" if places else ""
    return f"{len(patches)} {noun} of Envoy's configuration{where} for {whom}"


def _plugin(it: Raw, whom: str) -> str:
    spec = table(it, "spec")
    phase = text(spec, "phase")
    at = f" at {phase}" if phase and phase != "UNSPECIFIED_PHASE" else ""
    return f"runs {text(spec, 'url') or 'no module'}{at} for {whom}"


def _texts(it: Raw, field: str) -> list[str]:
    found = dig(it, field)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


_WORDS: Mapping[Kind, Callable[[Raw, str], str]] = {
    PEER_AUTHENTICATION: _peer,
    REQUEST_AUTHENTICATION: _request,
    TELEMETRY: _telemetry,
    DESTINATION_RULE: _destination,
    SERVICE_ENTRY: _entry,
    SIDECAR: _sidecar,
    ENVOY_FILTER: _filter,
    WASM_PLUGIN: _plugin,
}
