"""Access: who is refused by policies and modes that were meant for others (doctor-rules.md, D5 and D7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from meshtui.mesh import (
    components,
    policies,
    raw,
    services,
    waypoint_rows,
    waypoints,
    workloads,
    ztunnel_rules,
)
from meshtui.mesh.checks import listed
from meshtui.mesh.doctor.ambient import capture
from meshtui.mesh.doctor.ambient.evidence import SHOWN, enrolled, grouped, in_state, pod_ref, seen
from meshtui.mesh.doctor.analyzer import Analyzer, Findings
from meshtui.mesh.doctor.findings import Found, Rule, Severity
from meshtui.mesh.enrollment import State
from meshtui.mesh.kinds import (
    AUTHORIZATION_POLICY,
    ENDPOINT_SLICE,
    PEER_AUTHENTICATION,
    SERVICE,
    VALIDATING_WEBHOOK,
    WEBHOOK,
)
from meshtui.mesh.peer_authentication import Mode, Mtls
from meshtui.mesh.policies import Policy
from meshtui.mesh.raw import Raw, dig, entries, number, table, text
from meshtui.mesh.services import Service
from meshtui.mesh.snapshot import Ref, Scope, Snapshot

NOT_ADMITTED = Rule(
    "AMB-033",
    "a policy at the pods does not admit the waypoint in front of them",
    Severity.HIGH,
    why="The pods see the identity of the waypoint, so all that comes through it is refused.",
    remedy="add the principal of the waypoint to the policy, or move the policy to the waypoint by targetRefs",
    link="docs/ambient/usage/l4-policy/",
)
OUTSIDERS = Rule(
    "AMB-040",
    "a server that is called from outside the mesh takes mTLS alone",
    Severity.HIGH,
    why="The API server, or Prometheus, speaks plain text to it and is refused.",
    remedy="set PERMISSIVE for that port by portLevelMtls of a PeerAuthentication, or enroll the caller",
    link="docs/reference/config/security/peer_authentication/",
)
_LAYERED = "ENABLE_LAYERED_WAYPOINT_AUTHORIZATION_POLICIES"
_AUTO = "PILOT_AUTO_ALLOW_WAYPOINT_POLICY"
_LOCAL = "cluster.local"
"""In a policy it stands for the trust domain of the mesh, whatever that is called."""


def not_admitted(snapshot: Snapshot) -> Findings:
    if "true" in (
        components.environment(snapshot, _LAYERED),
        components.environment(snapshot, _AUTO),
    ):
        return
    accounts = {row.waypoint: _account(row) for row in waypoint_rows.of(snapshot)}
    domain = workloads.trust_domain(snapshot)
    behind = {
        each.spec.key: each
        for each in services.of(snapshot)
        if each.waypoint is not None and each.waypoint.bound and each.policies
        if not each.policies_unread  # another one may admit it
    }

    def inputs(service: Service) -> tuple[str, str, str]:
        waypoint = service.waypoint
        return domain, *(
            (waypoint.namespace, accounts.get(waypoint.key, "")) if waypoint else ("", "")
        )

    def refusing(service: Service, *identity: str) -> tuple[Ref, ...]:
        return _refusing(snapshot, service, identity)

    context = (domain, tuple(accounts.items()))
    refs_of = snapshot.memo.each("policies against waypoints", behind, refusing, inputs, context)
    found: dict[tuple[str, tuple[Ref, ...]], list[Service]] = {}
    for service, refs in zip(behind.values(), refs_of, strict=True):
        if refs:
            _, namespace, account = inputs(service)
            principal = f"{domain}/ns/{namespace}/sa/{account}"
            found.setdefault((principal, refs), []).append(service)
    for (principal, refs), group in found.items():
        keys = listed([ref.key for ref in refs])
        says = f"ALLOW {keys} does not admit {principal}, the waypoint of {listed([it.spec.key for it in group])}"
        shown = [seen(ref, "spec.rules[].from", _from(snapshot, ref)) for ref in refs[:SHOWN]]
        shown += [seen(it.ref, "waypoint", it.waypoint.key) for it in group[:SHOWN] if it.waypoint]
        yield Found(
            NOT_ADMITTED,
            (*refs, *(it.ref for it in group)),
            says,
            tuple(shown),
            f"add principal {principal} to {keys}, or move the policy to the waypoint by targetRefs",
        )


def _refusing(snapshot: Snapshot, service: Service, identity: Sequence[str]) -> tuple[Ref, ...]:
    """The ALLOW policies at its pods, where none of them admits its waypoint. A Service is another object as soon as
    one of its policies is."""
    refs = [
        each.ref for each in service.policies if each.at == "ztunnel" and each.action == "ALLOW"
    ]
    allowing = [
        each
        for ref in refs
        if (it := snapshot.find(ref.kind, ref.namespace, ref.name)) is not None
        and _enforced(each := policies.read(it))
    ]
    if any(_admits(snapshot, each, identity) for each in allowing):
        return ()
    return tuple(each.ref for each in allowing)


def _account(row: waypoint_rows.Row) -> str:
    """The service account of a waypoint's pods, which istiod calls like the Gateway."""
    return next((pod.account for pod in row.pods), row.name)


def _enforced(policy: Policy) -> bool:
    return policy.accepted is None or policy.accepted.status != "False"


def _from(snapshot: Snapshot, ref: Ref) -> str:
    it = snapshot.find(ref.kind, ref.namespace, ref.name)
    sources = [
        f"{field}: {', '.join(map(str, value))}"
        for rule in entries(it, "spec", "rules")
        for each in entries(rule, "from")
        for field, value in table(each, "source").items()
        if isinstance(value, list)
    ]
    return "; ".join(sources) or "no rule"


def _admits(snapshot: Snapshot, policy: Policy, identity: Sequence[str]) -> bool:
    """Whether any rule may let the identity in, whatever it says of ports and addresses."""
    it = snapshot.find(AUTHORIZATION_POLICY, policy.ref.namespace, policy.ref.name)
    for rule in entries(it, "spec", "rules"):
        sources = entries(rule, "from")
        if ztunnel_rules.http_attributes(rule):
            continue
        if not sources or any(
            _matches(table(each, "source"), policy, identity) for each in sources
        ):
            return True
    return False


def _matches(source: Raw, policy: Policy, identity: Sequence[str]) -> bool:
    domain, namespace, account = identity
    name = f"ns/{namespace}/sa/{account}"
    principals = (f"{domain}/{name}", f"{_LOCAL}/{name}")
    accounts = {f"{namespace}/{account}"} | (
        {account} if policy.ref.namespace == namespace else set()
    )
    return (
        _any(source, "principals", principals, True)
        and _any(source, "namespaces", (namespace,), True)
        and _any(source, "serviceAccounts", accounts, True)
        and not _any(source, "notPrincipals", principals, False)
        and not _any(source, "notNamespaces", (namespace,), False)
        and not _any(source, "notServiceAccounts", accounts, False)
    )


def _any(source: Raw, field: str, values: Iterable[str], unset: bool) -> bool:
    """Whether one of the patterns in a field takes one of the values; `unset` where the field is not there."""
    patterns = dig(source, field)
    if not isinstance(patterns, list) or not patterns:
        return unset
    return any(
        isinstance(pattern, str) and _takes(pattern, value)
        for pattern in patterns
        for value in values
    )


def _takes(pattern: str, value: str) -> bool:
    if pattern.startswith("*"):
        return value.endswith(pattern[1:])
    if pattern.endswith("*"):
        return value.startswith(pattern[:-1])
    return pattern == value


def outsiders(snapshot: Snapshot) -> Findings:
    yield from _webhooks(snapshot)
    yield from _scraped(snapshot)


def _webhooks(snapshot: Snapshot) -> Iterator[Found]:
    rows = {row.spec.key: row for row in services.of(snapshot)}
    for kind in (VALIDATING_WEBHOOK, WEBHOOK):
        for it in snapshot.raw(kind):
            for webhook in entries(it, "webhooks"):
                to = table(webhook, "clientConfig", "service")
                row = rows.get(f"{text(to, 'namespace')}/{text(to, 'name')}")
                if row is None:
                    continue
                port = number(to, "port") or 443
                targets = {
                    each.target or str(each.number)
                    for each in row.spec.ports
                    if each.number == port
                }
                strict = [
                    each
                    for each in row.pods
                    if each.pod.redirection == "enabled" and _is_strict(each.mtls, targets)
                ]
                if strict:
                    ref = Ref(kind, "", raw.name(it))
                    says = (
                        f"{kind.title} {ref.name} calls {row.spec.key}, whose pods take mTLS alone"
                    )
                    shown = (
                        seen(ref, "webhooks[].clientConfig.service", f"{row.spec.key}:{port}"),
                        seen(
                            Ref(PEER_AUTHENTICATION, *_split(strict[0].mtls.decided_by)),
                            "spec.mtls.mode",
                            "STRICT",
                        ),
                    )
                    yield Found(
                        OUTSIDERS,
                        (row.ref, ref, *(pod_ref(each.pod) for each in strict)),
                        says,
                        shown,
                    )


def _is_strict(mtls: Mtls, ports: Iterable[str]) -> bool:
    """Whether STRICT is in force at all of these ports; a port by name may be exempted by its number."""
    named = any(not port.isdigit() for port in ports)
    if mtls.mode is not Mode.STRICT or (named and mtls.ports):
        return False
    return all(mtls.ports.get(port, mtls.mode) is Mode.STRICT for port in ports)


def _split(key: str) -> tuple[str, str]:
    namespace, _, name = key.partition("/")
    return namespace, name


def _scraped(snapshot: Snapshot) -> Iterator[Found]:
    """Pods that ask to be scraped at a port under STRICT, where a Prometheus is outside the mesh."""
    scrapers = [
        each.pod
        for each in in_state(snapshot, State.OUTSIDE, State.NOT_ANNOTATED)
        if "prometheus"
        in (each.pod.labels.get("app.kubernetes.io/name"), each.pod.labels.get("app"))
    ]
    if not scrapers:
        return
    refused = []
    for each in enrolled(snapshot):
        it = snapshot.find(each.ref.kind, each.ref.namespace, each.ref.name)
        if it is None or each.mtls.mode is not Mode.STRICT:
            continue
        port = raw.annotation(it, "prometheus.io/port")
        if raw.annotation(it, "prometheus.io/scrape") == "true" and _is_strict(
            each.mtls, {port} - {""}
        ):
            refused.append(each)
    for decider, group in grouped(refused, lambda each: each.mtls.decided_by).items():
        keys = listed([each.pod.key for each in group])
        says = f"Prometheus {scrapers[0].key} is outside the mesh, and {keys} take mTLS alone"
        shown = (
            seen(pod_ref(group[0].pod), "metadata.annotations[prometheus.io/scrape]", "true"),
            seen(Ref(PEER_AUTHENTICATION, *_split(decider)), "spec.mtls.mode", "STRICT"),
        )
        refs = (*(pod_ref(each.pod) for each in group), *map(pod_ref, scrapers))
        yield Found(OUTSIDERS, refs, says, shown)


ANALYZERS = (
    Analyzer(
        "waypoints that policies do not admit",
        (NOT_ADMITTED,),
        (
            Scope(AUTHORIZATION_POLICY),
            SERVICE,
            ENDPOINT_SLICE,
            *capture.NEEDS,
            *waypoints.KINDS,
            components.ISTIOD,
        ),
        not_admitted,
    ),
    Analyzer(
        "callers that STRICT refuses",
        (OUTSIDERS,),
        (
            Scope(PEER_AUTHENTICATION),
            SERVICE,
            ENDPOINT_SLICE,
            *capture.NEEDS,
            VALIDATING_WEBHOOK,
            WEBHOOK,
        ),
        outsiders,
    ),
)
