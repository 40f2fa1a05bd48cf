"""Calls: what a proxy knows of a connection or request when policies are held against it, and what we do not know."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field


class Http(Struct, frozen=True):
    """One request. None for what is not known."""

    method: str | None = None
    host: str | None = None
    path: str | None = None
    """As sent, with its query."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """By name in small letters."""
    all_headers: bool = False
    """Whether there are no others."""
    claims: Mapping[str, Any] | None = None
    """Of the token that the proxy verified; empty where it verified none."""


class Call(Struct, frozen=True):
    """One connection as one proxy sees it. None for what is not known."""

    principal: str | None
    """The caller's identity as policies write it, "cluster.local/ns/shop/sa/web"; "" for plain text, which has none."""
    source: str | None = None
    """The address of the peer."""
    remote: str | None = None
    """The address of the client that the peer speaks for, by X-Forwarded-For or PROXY."""
    destination: str | None = None
    port: int | None = None
    """At a ztunnel or sidecar the pod's; at a waypoint, for traffic to a Service, the Service's."""
    sni: str | None = None
    http: Http | None = None
    """None for a connection that the proxy does not read as HTTP."""
