"""Reasons: the kinds of failure that access lines tell of, in plain words, each with its next step and the rules of the
doctor that it belongs to (doctor-rules.md, E; istio-ambient.md, 4.8 and 5.5)."""

from __future__ import annotations

from msgspec import Struct

from meshtui.mesh.health import Health


class Reason(Struct, frozen=True):
    """One kind of failure."""

    code: str
    title: str
    """A few words, for a column."""
    words: str
    next: str
    rules: tuple[str, ...] = ()
    """The doctor's, and those of multicluster.md."""
    health: Health = Health.BAD
    """A warning where a connection was only cut short."""
    echo: bool = False
    """It says no more than that the other side refused: the reason is in the other side's line."""
    allow: bool = False
    """An ALLOW policy would let it through."""


STRICT = Reason(
    "plain-text-under-strict",
    "plain text, STRICT",
    "the destination takes mTLS only (PeerAuthentication STRICT), and the caller came in plain text",
    "take the caller into the mesh, or find out why it is not captured; a caller outside needs a PERMISSIVE port",
    ("AMB-032",),
)
NO_ALLOW = Reason(
    "no-allow",
    "no ALLOW matches",
    "there are ALLOW policies for the destination, and none takes this caller on this port",
    "add the caller to one of them, or apply the minimal ALLOW",
    ("AMB-033", "AMB-034"),
    allow=True,
)
DENY = Reason(
    "denied",
    "denied by policy",
    "a DENY policy takes this caller on this port",
    "look at the policy that is named: an ALLOW does not outweigh it",
    ("AMB-034",),
)
POLICY_CHANGE = Reason(
    "policy-change",
    "cut: policy change",
    "a policy changed while the connection lived, and no longer lets it through",
    "look at what changed last on the policies of the destination",
    ("AMB-034",),
    Health.WARN,
)
STALE = Reason(
    "stale-view",
    "unknown workload",
    "the ztunnel of the destination knows no such workload, or another one at this address",
    "compare its dump with the pods of its node; istiod may lag, or the address was reused",
    ("AMB-044",),
)
NETWORK_POLICY = Reason(
    "hbone-timeout",
    "15008 times out",
    "nothing answered on port 15008 of the destination for 10 seconds: often a NetworkPolicy or a firewall",
    "let 15008 in and out in the NetworkPolicies of both sides, then check that the pod and its node live",
    ("AMB-010", "AMB-011", "AMB-013"),
)
REVOKED = Reason(
    "revoked",
    "certificate revoked",
    "the certificate of the other side is on the revocation list",
    "have the other side get a new certificate: restart its pod, or look at the CRL",
    ("AMB-058",),
)
EXPIRED = Reason(
    "certificate-expired",
    "certificate expired",
    "a certificate is past its end, or not valid yet",
    "look at the certificates of both ztunnels, at istiod's signing, and at the clocks of the nodes",
    ("AMB-036",),
)
DISTRUST = Reason(
    "certificate-distrust",
    "certificate not trusted",
    "one side does not trust the certificate of the other: their roots differ, or it is invalid",
    "compare the roots of both ztunnels; after a change of root, restart those that have the old one",
    ("AMB-038",),
)
OTHER_IDENTITY = Reason(
    "other-identity",
    "another identity",
    "the other side showed a certificate of another identity or trust domain than expected",
    "a reused address, or trust domains that differ: a ztunnel takes its own alone, aliases do not count",
    ("AMB-038", "AMB-044"),
)
TLS = Reason(
    "tls",
    "TLS failed",
    "the TLS handshake failed, or the other side did not speak TLS",
    "read the line of the other side; if it is none of the mesh, nothing should call its port 15008",
    ("AMB-038",),
)
NO_CERTIFICATE = Reason(
    "no-certificate",
    "no certificate",
    "the ztunnel has no certificate for the caller: the CA did not answer, or refused",
    "look at istiod and at the CA address of the ztunnel; the destination sees nothing of this call",
    ("AMB-037",),
)
UNKNOWN_WAYPOINT = Reason(
    "unknown-waypoint",
    "unknown waypoint",
    "the destination has a waypoint whose address the ztunnel does not know",
    "check that the waypoint exists and is programmed, or take the label that names it away",
    ("AMB-020", "AMB-044"),
)
NO_UPSTREAM = Reason(
    "no-upstream",
    "no healthy endpoint",
    "the Service is known, and none of its endpoints can be used",
    "look at the pods behind it; if they are ready, the proxy's view lags behind",
    ("AMB-064",),
)
NO_PORT = Reason(
    "no-port",
    "port not on Service",
    "the Service has no such port, or nothing is known at this address",
    "declare the port on the Service; a named targetPort must exist in the pod",
    ("AMB-065",),
)
UNKNOWN_SOURCE = Reason(
    "unknown-source",
    "caller not known yet",
    "the ztunnel was not told of the calling pod within 5 seconds",
    "usual for Jobs that call at once: retry; if it lasts, look at istiod",
    ("AMB-067",),
)
PEER_REFUSED = Reason(
    "peer-refused",
    "refused by other side",
    "the ztunnel or waypoint of the destination refused it by policy; its own line was not read",
    "read the log on the node of the destination",
    ("AMB-034",),
    echo=True,
)
PEER_FAILED = Reason(
    "peer-failed",
    "other side: 503",
    "the ztunnel or waypoint of the destination could not reach the application; its own line was not read",
    "read the log on the node of the destination; see whether the application listens on its pod's address",
    ("AMB-052",),
    echo=True,
)
PEER_ODD = Reason(
    "peer-answered",
    "other side: HTTP error",
    "the ztunnel or waypoint of the destination did not take the call; its own line was not read",
    "read the log on the node of the destination",
    ("AMB-044",),
    echo=True,
)
APP_REFUSED = Reason(
    "connection-refused",
    "application refused",
    "nothing listens on this port of the pod",
    "see whether the application runs, and listens on the pod's address rather than on 127.0.0.1",
    ("AMB-052",),
)
APP_UNREACHABLE = Reason(
    "application-unreachable",
    "application unreachable",
    "the ztunnel of the destination could not reach the application in its own pod",
    "look at the pod: it may hang, or go away",
    ("AMB-052",),
)
NO_HBONE = Reason(
    "hbone-refused",
    "15008 refused",
    "nothing listens on port 15008 there: the pod counts as captured, and no ztunnel serves it",
    "look at the ztunnel of that node; restart the pod once it is ready",
    ("AMB-001", "AMB-013"),
)
NO_ROUTE = Reason(
    "no-route",
    "no route to host",
    "the address of the next hop cannot be reached: its node or pod is gone",
    "look at the node and the pod, or at the waypoint, behind the address",
    ("AMB-001", "AMB-013"),
)
TOO_MANY_FILES = Reason(
    "file-descriptors",
    "too many open files",
    "the ztunnel has used up its file descriptors",
    "raise the limit and find the client that leaks connections",
    ("AMB-053",),
)
NETWORK_GATEWAY = Reason(
    "network-gateway",
    "no network gateway",
    "the destination is in another network, whose gateway is not known or has no address",
    "look at the east-west gateway of that network and at its labels",
    ("MC-08",),
)
NO_DESTINATION = Reason(
    "no-destination",
    "destination unresolved",
    "the destination is known by name, and no address of it could be found",
    "look at the addresses of the ServiceEntry or WorkloadEntry, and at DNS",
    ("AMB-061",),
)
OTHER_ADDRESS = Reason(
    "address-mismatch",
    "address of another pod",
    "the call was for an address that this pod no longer has",
    "clients have an older view: usual for seconds after pods were replaced; if it lasts, look at istiod",
    ("AMB-044", "AMB-050"),
)
RECURSIVE = Reason(
    "recursive",
    "reserved port",
    "the application called a port that the mesh keeps for itself",
    "call the Service's own port",
)
NOT_HBONE = Reason(
    "not-hbone",
    "not HBONE",
    "something that is no ztunnel, waypoint or gateway called port 15008",
    "find out who calls it",
)
HTTP2 = Reason(
    "http2",
    "HTTP/2 failed",
    "the other side closed the tunnel while it was set up",
    "read the line of the other side; usual for seconds while it is replaced",
    ("AMB-051",),
)
DNS = Reason(
    "dns",
    "DNS failed",
    "a name could not be resolved",
    "look at the DNS server of the cluster, and whether ztunnels may reach it",
    ("AMB-060",),
)
DRAIN = Reason(
    "drain",
    "cut: shutting down",
    "the proxy or the pod was shutting down",
    "usual while pods or ztunnels are replaced",
    ("AMB-049",),
    Health.WARN,
)
RESET = Reason(
    "reset",
    "cut: reset",
    "one side ended the connection before the other had done",
    "often the application's own doing; if it comes with replaced pods, look for half-open connections",
    ("AMB-050", "AMB-052"),
    Health.WARN,
)
OTHER = Reason(
    "other",
    "another reason",
    "the proxy gives a reason that is not known here",
    "read what it says",
)

DENY_L7 = Reason(
    "denied-l7",
    "denied at proxy",
    "a DENY policy at the waypoint or gateway takes this request",
    "look at the policy that is named: an ALLOW does not outweigh it",
    ("AMB-034",),
)
NO_ALLOW_L7 = Reason(
    "no-allow-l7",
    "no ALLOW at proxy",
    "there are ALLOW policies at the waypoint or gateway, and none takes this request",
    "compare caller, host, method and path with the rules; the default log line does not tell the caller's identity",
    ("AMB-033", "AMB-034"),
)
TOKEN = Reason(
    "token",
    "token not accepted",
    "the waypoint or gateway did not accept the request's JWT, or missed one",
    "look at issuer, audience and keys in the RequestAuthentication, and at the caller's token",
)
EXTERNAL = Reason(
    "external-authorization",
    "external authorization",
    "the external authorizer of a CUSTOM policy refused it, or did not answer",
    "ask the authorizer: its log tells why",
)
NO_ROUTE_L7 = Reason(
    "no-http-route",
    "no route matches",
    "no route of the waypoint or gateway takes this host and path",
    "compare the request with the hostnames and matches of the routes",
    ("AMB-072",),
)
NO_CLUSTER = Reason(
    "no-cluster",
    "backend not known",
    "the route leads to a backend that the proxy does not know",
    "see whether the backend of the route exists, and whether istiod has sent it",
    ("AMB-044",),
)
UPSTREAM = Reason(
    "upstream-failed",
    "backend unreachable",
    "the waypoint or gateway could not connect to the backend",
    "see whether it runs and lets the proxy's identity in; the ztunnel on its node tells more",
    ("AMB-033", "AMB-050"),
)
OVERFLOW = Reason(
    "overflow",
    "limit reached",
    "a limit of connections, requests or rate was reached, or the proxy is overloaded",
    "look at the DestinationRule's limits, rate limits, and at the replicas of proxy and backend",
    ("AMB-071",),
)
TIMEOUT = Reason(
    "upstream-timeout",
    "backend timed out",
    "the backend did not answer in time",
    "look at the backend, and at the timeout of the route",
)
PROTOCOL = Reason(
    "protocol",
    "protocol error",
    "one side did not speak the protocol that the proxy expected",
    "see that appProtocol or the port's name on the Service tell the truth",
    ("AMB-072",),
)
FAULT = Reason(
    "fault-injection",
    "fault injected",
    "a route aborts or delays requests on purpose",
    "look for fault injection in the VirtualService",
)
GONE = Reason(
    "caller-gone",
    "cut: caller gone",
    "the caller ended the connection before the answer",
    "often the caller's own timeout",
    (),
    Health.WARN,
)

CERTIFICATES = frozenset((REVOKED, EXPIRED, DISTRUST, OTHER_IDENTITY, TLS))
"""What the two sides of one handshake write, each in its own words."""
