"""Webhooks of Istio: that overlap, lead to no Service, or have a bad address (IST0139, IST0163, IST0164)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from meshtui.mesh import selectors
from meshtui.mesh.doctor.configuration.membership import INJECT, INJECTION, REVISION
from meshtui.mesh.doctor.configuration.objects import (
    ERROR,
    INFO,
    WARNING,
    analyzer,
    every,
    found,
    labels,
    listed,
    ref,
    words,
)
from meshtui.mesh.doctor.findings import Found, Rule, Unsure
from meshtui.mesh.kinds import SERVICE, VALIDATING_WEBHOOK, WEBHOOK, Kind
from meshtui.mesh.raw import Raw, dig, entries, name, strings, table, text
from meshtui.mesh.snapshot import Ref, Snapshot

INVALID = Rule(
    "IST0139",
    "an injection webhook overlaps with another, or leads to no Service",
    ERROR,
    why="Pods get two sidecars, or one of another revision than was meant; or new pods are refused.",
    remedy="remove the webhooks of control planes that are gone: istioctl tag list, then istioctl tag remove",
    link="docs/ops/common-problems/injection/",
)
BAD_ADDRESS = Rule(
    "IST0163",
    "a webhook has no address, or one that is not valid",
    WARNING,
    why="The API server cannot ask the control plane: no sidecar is put in, nothing is validated.",
    remedy="set clientConfig.url, or clientConfig.service, of the webhook",
    link="docs/reference/config/analysis/ist0163/",
)
NUMERIC = Rule(
    "IST0164",
    "a webhook's address is an IP address",
    INFO,
    why="Once the external control plane moves, the API server asks where nobody is.",
    remedy="use a host name in clientConfig.url",
    link="docs/reference/config/analysis/ist0164/",
)


class _Webhook(Struct, frozen=True):
    """One webhook, with the labels that its selectors take among those that are tried, a bit for each."""

    ref: Ref
    name: str
    namespaces: int
    objects: int


def invalid(snapshot: Snapshot) -> Iterator[Found | Unsure]:
    configurations = [it for it in every(snapshot, WEBHOOK) if _injects(it)]
    overlaps = _overlaps(_webhooks(configurations))
    for it in configurations:
        others = overlaps.get(ref(WEBHOOK, it))
        if others:
            says = f"its webhooks take pods that these take too: {listed(sorted(others))}"
            field = "webhooks[].namespaceSelector, objectSelector"
            yield found(INVALID, WEBHOOK, it, says, field, f"overlap with {len(others)}")
        for webhook in entries(it, "webhooks"):
            service = table(webhook, "clientConfig", "service")
            where, called = text(service, "namespace"), text(service, "name")
            unread = snapshot.unread(SERVICE, where)
            if service and unread:
                yield Unsure(INVALID, unread, Ref(SERVICE, where, called))
            elif service and snapshot.find(SERVICE, where, called) is None:
                says = f"webhook {text(webhook, 'name')} asks Service {where}/{called}, which does not exist"
                field = "webhooks[].clientConfig.service"
                yield found(INVALID, WEBHOOK, it, says, field, f"{where}/{called}")


def _injects(it: Raw) -> bool:
    named = any(text(each, "name").endswith("istio.io") for each in entries(it, "webhooks"))
    return named or bool(_revisions(it))


def _revisions(it: Raw) -> set[str]:
    """Those that a configuration speaks of."""
    named = {labels(it)[REVISION]} if REVISION in labels(it) else set()
    for webhook in entries(it, "webhooks"):
        for selector in (table(webhook, "namespaceSelector"), table(webhook, "objectSelector")):
            matched = strings(selector, "matchLabels")
            named |= {matched[REVISION]} if REVISION in matched else set()
            for expression in entries(selector, "matchExpressions"):
                if text(expression, "key") == REVISION:
                    named |= {*words(dig(expression, "values"))}
    return named


def _webhooks(configurations: Sequence[Raw]) -> Sequence[_Webhook]:
    revisions = sorted({each for it in configurations for each in _revisions(it)})
    of_namespaces = _tried(INJECTION, ("enabled", "disabled"), revisions)
    of_objects = _tried(INJECT, ("true", "false"), revisions)
    return [
        _Webhook(
            ref(WEBHOOK, it),
            text(webhook, "name"),
            _taken(dig(webhook, "namespaceSelector"), of_namespaces),
            _taken(dig(webhook, "objectSelector"), of_objects),
        )
        for it in configurations
        for webhook in entries(it, "webhooks")
    ]


def _tried(
    key: str, values: Sequence[str], revisions: Sequence[str]
) -> Sequence[Mapping[str, str]]:
    """No label, and the label with each value; these without and with each revision."""
    plain: list[dict[str, str]] = [{}, *({key: value} for value in values)]
    return [*plain, *({**each, REVISION: revision} for each in plain for revision in revisions)]


def _taken(selector: object, tried: Sequence[Mapping[str, str]]) -> int:
    try:
        read = selectors.read(selector)
    except ValueError:
        return 0
    return sum(1 << bit for bit, each in enumerate(tried) if read.matches(each))


def _overlaps(webhooks: Sequence[_Webhook]) -> Mapping[Ref, set[str]]:
    """By configuration, the webhooks that take what one of its own takes."""
    overlaps: dict[Ref, set[str]] = {}
    for position, one in enumerate(webhooks):
        for other in webhooks[position + 1 :]:
            if one.namespaces & other.namespaces and one.objects & other.objects:
                overlaps.setdefault(one.ref, set()).add(f"{other.ref.name}/{other.name}")
                overlaps.setdefault(other.ref, set()).add(f"{one.ref.name}/{one.name}")
    return overlaps


def addresses(snapshot: Snapshot) -> Iterator[Found]:
    for it in every(snapshot, VALIDATING_WEBHOOK):
        if name(it) == "istiod-default-validator" or name(it).startswith("istio-validator"):
            yield from _addresses(VALIDATING_WEBHOOK, it)
    for it in every(snapshot, WEBHOOK):
        if name(it).startswith("istio-sidecar-injector"):
            yield from _addresses(WEBHOOK, it)


def _addresses(kind: Kind, it: Raw) -> Iterator[Found]:
    for webhook in entries(it, "webhooks"):
        url, called = text(webhook, "clientConfig", "url"), text(webhook, "name")
        field = "webhooks[].clientConfig.url"
        if not url:
            if not isinstance(dig(webhook, "clientConfig", "service"), Mapping):
                yield found(BAD_ADDRESS, kind, it, f"webhook {called} has no address", field, "–")
            continue
        try:
            host = _host(url)
        except ValueError:
            says = f"the address of webhook {called} is not valid"
            yield found(BAD_ADDRESS, kind, it, says, field, url)
            continue
        if _is_ip(host):
            says = f"webhook {called} asks an IP address"
            yield found(NUMERIC, kind, it, says, field, url)


_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")
_WRONG = re.compile(r"[\x00-\x1f\x7f]|%(?![0-9A-Fa-f]{2})")
_PORT = re.compile(r"[^:]*(?::[0-9]*)?")
_WRONG_IN_HOST = re.compile(r"[ ^`{|}\\%]")


def _host(url: str) -> str:
    """The host in an address; "" where there is none. ValueError where Go's URL parser, which is the API server's,
    takes it for no address (net/url of Go 1.26, which no longer has colons in a host)."""
    before_query = re.split(r"[?#]", url, maxsplit=1)[0]
    if _WRONG.search(before_query) or re.search(r"[\x00-\x1f\x7f]", url):
        raise ValueError("it has characters that an address may not have")
    if ":" in before_query.partition("/")[0] and not _SCHEME.match(before_query):
        raise ValueError("it has no scheme")
    split = urlsplit(url)
    host = split.netloc.rpartition("@")[2]
    if not _PORT.fullmatch(host.rpartition("]")[2]):
        raise ValueError("its port is no number")
    if _WRONG_IN_HOST.search(host):
        raise ValueError("its host has characters that a host may not have")
    return split.hostname or ""


def _is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


ANALYZERS = (
    analyzer("webhook.Analyzer", (INVALID,), (WEBHOOK, SERVICE), invalid),
    analyzer(
        "externalcontrolplane.ExternalControlPlaneAnalyzer",
        (BAD_ADDRESS, NUMERIC),
        (VALIDATING_WEBHOOK, WEBHOOK),
        addresses,
    ),
)
