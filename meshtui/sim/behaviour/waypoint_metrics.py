"""What waypoints count of requests, as the `/stats/prometheus` of port 15020 has it (istio.io, "Istio Standard
Metrics")."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from meshtui.sim.behaviour import pods
from meshtui.sim.behaviour.registry import CLUSTER, canonical, workload_name
from meshtui.sim.objects import Raw, namespace, uid

_FAMILY = "istio_requests_total"

Labels = tuple[tuple[str, str], ...]


class Requests:
    """By the UID of the waypoint's pod."""

    def __init__(self, trust_domain: str) -> None:
        self._trust_domain = trust_domain
        self._counted: dict[str, Counter[Labels]] = {}

    def count(self, waypoint: Raw, caller: Raw, service: Raw, code: int, flags: str = "-") -> None:
        """A request of a pod to a Service, with the response code that it got."""
        source, revision = canonical(caller)
        account = f"ns/{namespace(caller)}/sa/{pods.account(caller)}"
        labels = (
            ("reporter", "waypoint"),
            ("source_workload", workload_name(caller)),
            ("source_canonical_service", source),
            ("source_canonical_revision", revision),
            ("source_workload_namespace", namespace(caller)),
            ("source_principal", f"spiffe://{self._trust_domain}/{account}"),
            ("source_cluster", CLUSTER),
            ("destination_service", service["hostname"]),
            ("destination_service_name", service["name"]),
            ("destination_service_namespace", service["namespace"]),
            ("destination_cluster", CLUSTER),
            ("request_protocol", "http"),
            ("response_code", str(code)),
            ("grpc_response_status", ""),
            ("response_flags", flags),
            ("connection_security_policy", "mutual_tls"),
        )
        self._counted.setdefault(uid(waypoint), Counter())[labels] += 1

    def render(self, waypoint: Raw) -> bytes:
        return "".join(f"{line}\n" for line in self._lines(waypoint)).encode()

    def _lines(self, waypoint: Raw) -> Iterator[str]:
        yield f"# TYPE {_FAMILY} counter"
        for labels, count in self._counted.get(uid(waypoint), Counter()).items():
            inside = ",".join(f'{key}="{value}"' for key, value in labels)
            yield f"{_FAMILY}{{{inside}}} {count}"
