"""On whose behalf requests are made: `--as`, `--as-group`, and their fields in a kubeconfig.

kubernetes.io/docs/reference/access-authn-authz/user-impersonation
"""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from msgspec.structs import replace

from meshtui.kube.access import Impersonation, User
from meshtui.kube.errors import ConfigError
from meshtui.settings import Settings


def of(user: User, settings: Settings) -> Impersonation:
    """What is asked for; each flag outweighs its field. ConfigError where there are groups for nobody."""
    found = replace(
        user.impersonation,
        user=settings.impersonate or user.impersonation.user,
        groups=settings.impersonate_groups or user.impersonation.groups,
    )
    if found and not found.user:
        raise ConfigError(
            "groups to impersonate are given, but no user", "Add --as NAME to --as-group."
        )
    if not all(value.isprintable() for _, value in headers(found)):
        raise ConfigError(
            "a name to impersonate has characters that no header may have",
            "Correct --as or --as-group.",
        )
    return found


def headers(impersonation: Impersonation) -> list[tuple[str, str]]:
    """The headers that ask for it."""
    return [(f"Impersonate-{name}", value) for name, value in _fields(impersonation) if value]


def _fields(impersonation: Impersonation) -> Iterator[tuple[str, str]]:
    yield "User", impersonation.user
    yield "Uid", impersonation.uid
    for group in impersonation.groups:
        yield "Group", group
    for key, value in impersonation.extra:
        yield f"Extra-{quote(key, safe='')}", value
