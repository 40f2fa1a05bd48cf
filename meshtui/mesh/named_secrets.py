"""Secrets that are read by name, one GET each: those that listeners of Gateways name, and the CA's own.

Never listed, and of what they hold only certificates reach a snapshot (architecture 13.11).
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping

from msgspec import Struct

from meshtui.mesh import components, gateway_pods, listeners, meshconfig, x509
from meshtui.mesh.kinds import GATEWAY, ISTIO_GATEWAY, SECRET
from meshtui.mesh.raw import Raw, entries, key, name, namespace, strings, text
from meshtui.mesh.snapshot import Answer, Problem, Ref, Snapshot, Trouble
from meshtui.mesh.x509 import Unreadable

PLUGGED_IN, SELF_SIGNED = "cacerts", "istio-ca-secret"
"""The CA that a person plugged in, and istiod's own (reference istio-ambient.md, 6.1). One is normally absent."""

CERT_MANAGER = ("cert-manager.io/certificate-name", "controller.cert-manager.io/fao")
"""An annotation and a label by which cert-manager marks what it renews."""


class Use(Struct, frozen=True):
    """A listener that serves a certificate out of a Secret."""

    secret: Ref
    gateway: Ref
    listener: str
    hostnames: tuple[str, ...]
    """Empty for any."""


class Content(Struct, frozen=True):
    """What is known of one Secret."""

    entries: Mapping[str, tuple[bytes | Unreadable, ...]] | None
    """The certificates by data key; None where the Secret was not read."""
    renewed: bool = False
    """Whether cert-manager says that it renews it."""
    problem: Problem | None = None

    @property
    def absent(self) -> bool:
        """Whether the server said that there is none, or no longer one."""
        return self.problem is not None and self.problem.trouble in (Trouble.GONE, Trouble.ABSENT)

    def first(self, *keys: str) -> tuple[bytes | Unreadable, ...]:
        """The certificates under the first of these keys that has some."""
        return (
            next((self.entries[key] for key in keys if key in self.entries), ())
            if self.entries
            else ()
        )


def refs(snapshot: Snapshot) -> tuple[Ref, ...]:
    """The Secrets whose certificates are wanted."""
    of_ca = (ref for home in ca_homes(snapshot) for ref in ca_secrets(home))
    return tuple(dict.fromkeys((*uses(snapshot), *of_ca)))


def uses(snapshot: Snapshot) -> Mapping[Ref, tuple[Use, ...]]:
    """By Secret the listeners that name it."""
    found: dict[Ref, tuple[Use, ...]] = {}
    for of_gateway in snapshot.each(GATEWAY, _uses):
        for use in of_gateway:
            found[use.secret] = (*found.get(use.secret, ()), use)
    pods = gateway_pods.selected(snapshot)

    def homes(gateway: Raw) -> tuple[str, ...]:
        return tuple(sorted({pod.namespace for pod in pods.get(key(gateway), ())}))

    for of_gateway in snapshot.each(ISTIO_GATEWAY, _istio_uses, homes):
        for use in of_gateway:
            found[use.secret] = (*found.get(use.secret, ()), use)
    return found


def ca_homes(snapshot: Snapshot) -> tuple[str, ...]:
    """The namespaces in which a Secret of the CA may be: of each istiod, and the root namespaces."""
    homes = {*components.namespaces(snapshot)}
    homes |= {config.root_namespace for config in meshconfig.of(snapshot)}
    return tuple(sorted(homes))


def ca_secrets(home: str) -> tuple[Ref, Ref]:
    return Ref(SECRET, home, PLUGGED_IN), Ref(SECRET, home, SELF_SIGNED)


def contents(snapshot: Snapshot) -> Mapping[Ref, Content]:
    """What is known of each of the Secrets in `refs`: the same object as long as its answer is the same one."""
    wanted = refs(snapshot)
    read = snapshot.memo.each(
        "named secrets",
        {ref.key: snapshot.gets.get(ref, _NOTHING) for ref in wanted},
        content,
        lambda answer: (),
    )
    return dict(zip(wanted, read, strict=True))


_NOTHING = Answer()


def content(answer: Answer) -> Content:
    """What is known of a Secret by an answer."""
    if not isinstance(answer.value, Mapping):
        return Content(None, problem=answer.problem)
    annotation, label = CERT_MANAGER
    return Content(
        entries={
            key: _decoded(value) for key, value in strings(answer.value, "data").items() if value
        },
        renewed=annotation in strings(answer.value, "metadata", "annotations")
        or label in strings(answer.value, "metadata", "labels"),
        problem=answer.problem,
    )


def _decoded(value: str) -> tuple[bytes | Unreadable, ...]:
    try:
        return x509.blocks(b64decode(value, validate=True).decode("utf-8", "replace"))
    except (binascii.Error, ValueError) as error:
        return (Unreadable(f"not base64: {error}"),)


def _uses(gateway: Raw) -> tuple[Use, ...]:
    where = Ref(GATEWAY, namespace(gateway), name(gateway))
    return tuple(
        Use(
            Ref(SECRET, text(named, "namespace") or where.namespace, text(named, "name")),
            where,
            listener.name,
            listener.hostnames,
        )
        for listener, it in zip(
            listeners.of_gateway(gateway), entries(gateway, "spec", "listeners"), strict=True
        )
        for named in _named(it)
    )


def _istio_uses(gateway: Raw, *homes: str) -> tuple[Use, ...]:
    """An Istio Gateway names Secrets in the namespaces of the pods that serve it (reference istio-ambient.md, 8.6)."""
    where = Ref(ISTIO_GATEWAY, namespace(gateway), name(gateway))
    return tuple(
        Use(Ref(SECRET, home, secret), where, server.name, server.hostnames)
        for server, it in zip(
            listeners.of_istio_gateway(gateway), entries(gateway, "spec", "servers"), strict=True
        )
        if (secret := text(it, "tls", "credentialName"))
        for home in homes
    )


def _named(listener: Raw) -> Iterable[Raw]:
    """The references to Secrets; other kinds of certificate stores are of other implementations."""
    for named in entries(listener, "tls", "certificateRefs"):
        kind, group = text(named, "kind") or "Secret", text(named, "group")
        if kind == "Secret" and not group and text(named, "name"):
            yield named
