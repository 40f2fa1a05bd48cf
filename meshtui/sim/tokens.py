"""Who asks: bearer tokens, users that someone asks in the name of, and tokens for service accounts."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

from aiohttp import web

from meshtui.sim.calls import Call
from meshtui.sim.errors import Unauthorized
from meshtui.sim.objects import Raw, at, mapping, seconds
from meshtui.sim.rights import Action, User, demand
from meshtui.sim.store import Store

_ACCOUNT = "system:serviceaccount:"


class Tokens:
    """The users whom the server knows, by token."""

    def __init__(self) -> None:
        self._users: dict[str, User] = {}

    def issue(self, user: User) -> str:
        """A new token for a user."""
        token = secrets.token_urlsafe(24)
        self._users[token] = user
        return token

    def user(self, request: web.Request) -> User:
        """Who sends a request; Unauthorized where it says nobody that is known."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        user = self._users.get(token.strip()) if scheme.lower() == "bearer" else None
        if user is None:
            raise Unauthorized
        return user


def account(namespace: str, name: str) -> User:
    """The user that a service account is."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}")
    return User(f"{_ACCOUNT}{namespace}:{name}", groups)


def impersonated(store: Store, user: User, request: web.Request) -> User:
    """The user in whose name a request is made; Forbidden where `user` may not act for them."""
    name = request.headers.get("Impersonate-User", "")
    groups = request.headers.getall("Impersonate-Group", [])
    if not name:
        return user
    if name.startswith(_ACCOUNT) and name.count(":") == 3:
        namespace, own = name.removeprefix(_ACCOUNT).split(":")
        demand(
            store,
            user,
            Action("impersonate", resource="serviceaccounts", namespace=namespace, name=own),
        )
        groups = groups or list(account(namespace, own).groups)
    else:
        demand(store, user, Action("impersonate", resource="users", name=name))
    for group in request.headers.getall("Impersonate-Group", []):
        demand(store, user, Action("impersonate", resource="groups", name=group))
    return User(name, tuple(groups))


def requested(store: Store, tokens: Tokens, call: Call, body: Any) -> Raw:
    """The answer to a TokenRequest. Tokens end with the server, whatever they say."""
    store.need(call.kind, call.namespace, call.name)
    spec = mapping(body, "spec")
    lasts = at(spec, "expirationSeconds")
    lasts = lasts if isinstance(lasts, int) else 3600
    expiry = seconds(store.now() + timedelta(seconds=lasts))
    return {
        "kind": "TokenRequest",
        "apiVersion": "authentication.k8s.io/v1",
        "metadata": {"name": call.name, "namespace": call.namespace},
        "spec": {
            "audiences": ["https://kubernetes.default.svc"],
            **spec,
            "expirationSeconds": lasts,
        },
        "status": {
            "token": tokens.issue(account(call.namespace, call.name)),
            "expirationTimestamp": expiry,
        },
    }
