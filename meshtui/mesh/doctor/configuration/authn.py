"""Where istiod fetches the keys of token issuers from (IST0175)."""

from __future__ import annotations

from collections.abc import Iterator

from meshtui.mesh import components
from meshtui.mesh.doctor.configuration.objects import (
    WARNING,
    analyzer,
    every,
    found,
    listed,
    ref,
)
from meshtui.mesh.doctor.findings import Found, Rule
from meshtui.mesh.kinds import DEPLOYMENT, REQUEST_AUTHENTICATION
from meshtui.mesh.raw import Raw, entries, label, text
from meshtui.mesh.snapshot import Snapshot

UNRESTRICTED = Rule(
    "IST0175",
    "istiod fetches signing keys from any address",
    WARNING,
    why="Who may write a RequestAuthentication can make istiod call addresses inside the cluster or of the cloud.",
    remedy="set BLOCKED_CIDRS_IN_JWKS_URIS in istiod's environment to the networks it must not fetch from",
    link="docs/reference/commands/pilot-discovery/",
)

_VARIABLE = "BLOCKED_CIDRS_IN_JWKS_URIS"


def unrestricted(snapshot: Snapshot) -> Iterator[Found]:
    asking = every(snapshot, REQUEST_AUTHENTICATION)
    if not asking:
        return
    names = listed(ref(REQUEST_AUTHENTICATION, each).key for each in asking)
    says = f"{_VARIABLE} is not set, and there are {len(asking)} RequestAuthentications: {names}"
    for deployment in every(snapshot, DEPLOYMENT):
        if label(deployment, "app") == "istiod" and not _restricted(deployment):
            field = f"spec.template.spec.containers[].env[{_VARIABLE}]"
            yield found(UNRESTRICTED, DEPLOYMENT, deployment, says, field, "–")


def _restricted(deployment: Raw) -> bool:
    return any(
        text(variable, "name") == _VARIABLE and text(variable, "value")
        for container in entries(deployment, "spec", "template", "spec", "containers")
        for variable in entries(container, "env")
    )


ANALYZERS = (
    analyzer(
        "authn.BlockedCIDRsAnalyzer",
        (UNRESTRICTED,),
        (REQUEST_AUTHENTICATION, components.ISTIOD),
        unrestricted,
    ),
)
