"""Causes: which reason an error of a ztunnel stands for, and which the flags and details of an Envoy
(doctor-rules.md, E; istio-ambient.md, 4.8 and 5.5)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from meshtui.mesh.access import reasons
from meshtui.mesh.access.lines import AccessLine, Direction, Response
from meshtui.mesh.access.reasons import Reason


class Cause(NamedTuple):
    """Why one line tells of a failure."""

    reason: Reason
    policies: tuple[str, ...] = ()
    """ "namespace/name" of those that the line names."""


_STRICT_POLICY = "istio_converted_static_strict"

_IN, _OUT = Direction.INBOUND, Direction.OUTBOUND

_SIGNS: Sequence[tuple[str, Direction | None, Reason]] = (
    ("policy rejection: allow policies exist, but none allowed", None, reasons.NO_ALLOW),
    ("policy rejection: workload", None, reasons.STALE),
    ("closed due to policy change", None, reasons.POLICY_CHANGE),
    ("maybe a NetworkPolicy is blocking HBONE port 15008", None, reasons.NETWORK_POLICY),
    ("revoked by CRL", None, reasons.REVOKED),
    ("identity error", None, reasons.NO_CERTIFICATE),
    ("did not present the expected", None, reasons.OTHER_IDENTITY),
    ("Too many open files", None, reasons.TOO_MANY_FILES),
    ("unknown waypoint", None, reasons.UNKNOWN_WAYPOINT),
    ("no healthy upstream", None, reasons.NO_UPSTREAM),
    ("no service for target address", None, reasons.NO_PORT),
    ("cannot resolve port", None, reasons.NO_PORT),
    ("failed to fetch information about local workload", None, reasons.UNKNOWN_SOURCE),
    ("unknown network gateway", None, reasons.NETWORK_GATEWAY),
    ("no gateway address", None, reasons.NETWORK_GATEWAY),
    ("but has no IP addresses", None, reasons.NO_DESTINATION),
    ("no valid routing destination", None, reasons.NO_DESTINATION),
    ("no ip addresses were resolved", None, reasons.NO_DESTINATION),
    ("no endpoints for workload", None, reasons.NO_DESTINATION),
    ("ip mismatch:", None, reasons.OTHER_ADDRESS),
    ("attempted recursive call", None, reasons.RECURSIVE),
    ("expected method CONNECT", None, reasons.NOT_HBONE),
    ("invalid CONNECT address", None, reasons.NOT_HBONE),
    ("http status: 401", _OUT, reasons.PEER_REFUSED),
    ("http status: 403", _OUT, reasons.PEER_REFUSED),
    ("http status: 503", _OUT, reasons.PEER_FAILED),
    ("http status: ", _OUT, reasons.PEER_ODD),
    ("connection failed: Connection refused", _IN, reasons.APP_REFUSED),
    ("connection failed: ", _IN, reasons.APP_UNREACHABLE),
    ("pool draining", None, reasons.DRAIN),
    ("connection drain", None, reasons.DRAIN),
    ("failed to drain", None, reasons.DRAIN),
    ("Expired", None, reasons.EXPIRED),
    ("certificate expired", None, reasons.EXPIRED),
    ("NotValidYet", None, reasons.EXPIRED),
    ("UnknownIssuer", None, reasons.DISTRUST),
    ("UnknownCA", None, reasons.DISTRUST),
    ("InvalidCertificate", None, reasons.DISTRUST),
    ("invalid peer certificate", None, reasons.DISTRUST),
    ("tls error", None, reasons.TLS),
    ("tls handshake error", None, reasons.TLS),
    ("http2 handshake failed", None, reasons.HTTP2),
    ("h2 failed", None, reasons.HTTP2),
    ("No route to host", None, reasons.NO_ROUTE),
    ("Network is unreachable", None, reasons.NO_ROUTE),
    ("io error: Connection refused", _OUT, reasons.NO_HBONE),
    ("receive: ", None, reasons.RESET),
    ("send: ", None, reasons.RESET),
    ("while closing connection", None, reasons.RESET),
    ("disconnected before all data was written", None, reasons.RESET),
    ("Connection reset by peer", None, reasons.RESET),
    ("Broken pipe", None, reasons.RESET),
    ("dns: ", None, reasons.DNS),
    ("dns lookup: ", None, reasons.DNS),
    ("dns response", None, reasons.DNS),
)
"""The first that stands in the error and is written on that side. What names its own reason comes before what wraps
others."""

_DENIED = re.compile(r"policy rejection: explicitly denied by: (.+)", re.DOTALL)
_MATCHED = re.compile(
    r"rbac_access_denied_matched_policy\[(?:ns\[([^\[\]]*)\]-policy\[([^\[\]]*)\]-rule\[\d+\]|none)\]"
)

_FLAGS: Mapping[str, Reason] = {
    "UAEX": reasons.EXTERNAL,
    "NR": reasons.NO_ROUTE_L7,
    "NC": reasons.NO_CLUSTER,
    "UH": reasons.NO_UPSTREAM,
    "LH": reasons.NO_UPSTREAM,
    "UF": reasons.UPSTREAM,
    "UT": reasons.TIMEOUT,
    "SI": reasons.TIMEOUT,
    "DT": reasons.TIMEOUT,
    "UMSDR": reasons.TIMEOUT,
    "UO": reasons.OVERFLOW,
    "OM": reasons.OVERFLOW,
    "RL": reasons.OVERFLOW,
    "RLSE": reasons.OVERFLOW,
    "URX": reasons.UPSTREAM,
    "UPE": reasons.PROTOCOL,
    "DPE": reasons.PROTOCOL,
    "IH": reasons.PROTOCOL,
    "DF": reasons.DNS,
    "FI": reasons.FAULT,
    "DI": reasons.FAULT,
    "UC": reasons.RESET,
    "UR": reasons.RESET,
    "LR": reasons.RESET,
    "DR": reasons.RESET,
    "DC": reasons.GONE,
}
"""Envoy's response flags, those that say most first."""


def of(line: AccessLine) -> Cause | None:
    """Why what the line tells of failed; None where it did not."""
    if not line.error:
        return None
    if line.response is not None:
        return _of_envoy(line.response)
    denied = _DENIED.search(line.error)
    if denied:
        policies = tuple(each.strip() for each in denied[1].split(","))
        if any(each.endswith(f"/{_STRICT_POLICY}") for each in policies):
            return Cause(reasons.STRICT, policies)
        return Cause(reasons.DENY, policies)
    for sign, side, reason in _SIGNS:
        if sign in line.error and side in (None, line.direction):
            return Cause(reason)
    return Cause(reasons.OTHER)


def _of_envoy(response: Response) -> Cause:
    matched = _MATCHED.search(response.details)
    if matched:
        if matched[2] is None:
            return Cause(reasons.NO_ALLOW_L7)
        return Cause(reasons.DENY_L7, (f"{matched[1]}/{matched[2]}",))
    if response.details.startswith("jwt_authn_access_denied"):
        return Cause(reasons.TOKEN)
    if response.details.startswith("ext_authz"):
        return Cause(reasons.EXTERNAL)
    for flag, reason in _FLAGS.items():
        if flag in response.flags:
            return Cause(reason)
    return Cause(reasons.OTHER)
