"""Tokens: what a proxy makes of a request's token by the RequestAuthentications that it applies (istio-ambient.md,
7.7). One that does not verify, or that nobody known issued, is refused before any policy; no token is no offence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from msgspec import Struct

from meshtui.mesh import policies
from meshtui.mesh.policies import Policy
from meshtui.mesh.raw import Raw, dig, entries, table, text
from meshtui.mesh.traffic.selection import Proxy, attaches


class Token(Struct, frozen=True):
    """One that came with a request."""

    claims: Mapping[str, Any]
    valid: bool
    """Its signature and dates hold."""


class Authentication(Struct, frozen=True, eq=False):
    """One RequestAuthentication. Compared by identity."""

    policy: Policy
    """What it is attached to; as a policy it does nothing."""
    selects: bool
    issuers: tuple[str, ...]


def read(it: Raw) -> Authentication:
    """What one raw RequestAuthentication says. Never raises."""
    spec = table(it, "spec")
    return Authentication(
        policies.read(it),
        dig(spec, "selector") is not None,
        tuple(text(each, "issuer") for each in entries(spec, "jwtRules")),
    )


def verified(
    token: Token, authentications: Iterable[Authentication], proxy: Proxy, root: str
) -> Mapping[str, Any] | None:
    """The claims that policies see, none where nothing looks at tokens; None where the request is refused for it."""
    issuers = [
        issuer
        for each in authentications
        if attaches(each.policy, each.selects, proxy, root)
        for issuer in each.issuers
    ]
    if not issuers:
        return {}
    return token.claims if token.valid and text(token.claims, "iss") in issuers else None
