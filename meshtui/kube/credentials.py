"""Credentials: what a request shows to the server, and how the fixed ones are read from a kubeconfig and its files."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime

from meshtui.confidential import Confidential
from meshtui.kube import tls
from meshtui.kube.access import Material, User
from meshtui.kube.errors import CredentialsError
from meshtui.kube.tls import Identity, Unreadable


class Credentials(Confidential, frozen=True):
    shown = ("identity", "expires")

    authorization: str = ""
    """The value of the header of that name; "" for none."""
    identity: Identity | None = None
    expires: datetime | None = None


def bearer(token: str) -> str:
    """The header for a token, which must be one word: a line break in it would begin another header."""
    token = token.strip()
    if not token.isascii() or not token.isprintable() or " " in token:
        raise Unreadable("it is not a token: there are characters in it that no token has")
    return f"Bearer {token}" if token else ""


def read(user: User) -> Credentials:
    """The fixed credentials of a user, read from their files now. Raises CredentialsError."""
    return Credentials(_authorization(user), _identity(user))


def _authorization(user: User) -> str:
    try:
        if user.token:
            return bearer(_token(user.token))
    except Unreadable as error:
        raise CredentialsError(
            f'the token of user "{user.name}" cannot be used: {error}',
            "Log in again, or correct the user's token or tokenFile in the kubeconfig.",
        ) from None
    if user.username:
        pair = f"{user.username}:{user.password}".encode()
        return f"Basic {b64encode(pair).decode()}"
    return ""


def _token(token: Material) -> str:
    """The file's, which somebody may renew, before the one in the kubeconfig: the other way round than for
    certificates, as client-go has it."""
    if token.file is None:
        return token.inline
    try:
        found = tls.read(Material(file=token.file)).decode("utf-8", "replace").strip()
        if not found:
            raise Unreadable(f"{token.file} is empty")
    except Unreadable:
        if token.inline:
            return token.inline
        raise
    return found


def _identity(user: User) -> Identity | None:
    if not user.certificate and not user.key:
        return None
    remedy = "Get a fresh kubeconfig, or correct client-certificate and client-key in it."
    if not user.certificate or not user.key:
        missing = "client-key" if user.certificate else "client-certificate"
        raise CredentialsError(f'user "{user.name}" has no {missing}', remedy)
    try:
        return Identity(tls.read(user.certificate), tls.read(user.key))
    except Unreadable as error:
        raise CredentialsError(
            f'the client certificate of user "{user.name}" cannot be read: {error}', remedy
        ) from None
