"""What the values of Istio's annotations must be (istioctl-analyze.md, 3, annotations.K8sAnalyzer, step 5)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from meshtui.mesh.doctor.configuration import embedded
from meshtui.mesh.raw import table

_Check = Callable[[str], str]
"""A value to what is wrong with it; "" for nothing."""

_MODES = ("REDIRECT", "TPROXY", "NONE")
_BOOLEANS = ("1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False")
_QUANTITY = re.compile(
    r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?"
)
_DURATION_TEXT = re.compile(r"([0-9]+(\.[0-9]*)?(ns|us|µs|ms|s|m|h))+")
_INTERFACE = re.compile(r"[^/\s]{1,15}")


def problem(key: str, value: str) -> str:
    """What is wrong with the value of an annotation; "" where nothing is, or nothing is asked of it."""
    check = _CHECKS.get(key)
    return check(value) if check else ""


def _mode(value: str) -> str:
    return "" if value in _MODES else f"it must be one of {', '.join(_MODES)}"


def _boolean(value: str) -> str:
    return "" if value in _BOOLEANS else "it must be true or false"


def _seconds(value: str) -> str:
    return "" if _is_below(value, 2**32) else "it must be a whole number that is not negative"


def _port(value: str) -> str:
    return "" if _is_below(value.strip(), 2**16) else f"{value!r} is no port"


def _is_below(value: str, limit: int) -> bool:
    return re.fullmatch(r"[0-9]{1,19}", value) is not None and int(value) < limit


def _ports(value: str) -> str:
    return next(filter(None, map(_port, value.split(","))), "") if value.strip() else ""


def _ports_or_all(value: str) -> str:
    return "" if value == "*" else _ports(value)


def _ranges(value: str) -> str:
    wrong = [each for each in value.split(",") if not _is_range(each)] if value else []
    return f"{wrong[0]!r} is no range of addresses, such as 10.0.0.0/8" if wrong else ""


def _ranges_or_all(value: str) -> str:
    return "" if value == "*" else _ranges(value)


def _is_range(value: str) -> bool:
    address, _, length = value.partition("/")
    if not re.fullmatch(r"0|[1-9][0-9]{0,2}", length):
        return False
    try:
        read = ipaddress.ip_address(address)
    except ValueError:
        return False
    return "%" not in address and int(length) <= read.max_prefixlen


def _interfaces(value: str) -> str:
    named = [each.strip() for each in value.split(",")] if value.strip() else []
    wrong = [each for each in named if not _INTERFACE.fullmatch(each)]
    return f"{wrong[0]!r} is no name of an interface" if wrong else ""


def _quantity(value: str) -> str:
    return "" if _QUANTITY.fullmatch(value) else "it must be a quantity, such as 100m or 128Mi"


def _proxy_config(value: str) -> str:
    """Whether a ProxyConfig can take it: fields that Istio does not know are passed over."""
    try:
        read = embedded.read(value)
    except ValueError as error:
        return f"it is no YAML: {error}"
    if read is None:
        return ""
    if not isinstance(read, dict):
        return "it must be a mapping of names to values"
    for field, (kind, is_right) in _FIELDS.items():
        if read.get(field) is not None and not is_right(read[field]):
            return f"{field} must be {kind}"
    odd = [key for key, each in table(read, "proxyMetadata").items() if not isinstance(each, str)]
    return f"proxyMetadata.{odd[0]} must be text: put it in quotes" if odd else ""


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_number(value: Any) -> bool:
    written = str(value) if isinstance(value, (int, str)) and not isinstance(value, bool) else ""
    return _is_below(written.removeprefix("-"), 2**31)


def _is_port(value: Any) -> bool:
    return _is_number(value) and 0 <= int(value) < 2**16


def _is_count(value: Any) -> bool:
    return _is_number(value) and int(value) >= 0


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, dict)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_address(value: Any) -> bool:
    """A host and a port."""
    if not isinstance(value, str):
        return False
    host, _, port = value.rpartition(":")
    return bool(host) and _is_below(port, 2**16) and int(port) > 0


def _is_duration(value: Any) -> bool:
    return isinstance(value, str) and _DURATION_TEXT.fullmatch(value) is not None


_TEXT = ("text", _is_text)
_DURATION = ("a duration, such as 45s", _is_duration)
_MAPPING = ("a mapping", _is_mapping)
_FIELDS: dict[str, tuple[str, Callable[[Any], bool]]] = {
    **dict.fromkeys(
        ("binaryPath", "configPath", "customConfigFile", "meshId", "proxyBootstrapTemplatePath"),
        _TEXT,
    ),
    **dict.fromkeys(("serviceCluster", "statsdUdpAddress"), _TEXT),
    **dict.fromkeys(("drainDuration", "terminationDrainDuration"), _DURATION),
    **dict.fromkeys(("image", "proxyMetadata", "proxyHeaders", "readinessProbe"), _MAPPING),
    **dict.fromkeys(("proxyStatsMatcher", "runtimeValues", "sds", "tracing"), _MAPPING),
    "concurrency": ("a number that is not negative", _is_count),
    "discoveryAddress": ("a host and a port", _is_address),
    "extraStatTags": ("a list", _is_list),
    "holdApplicationUntilProxyStarts": ("true or false", _is_flag),
    "proxyAdminPort": ("a port", _is_port),
    "statusPort": ("a port", _is_port),
}
"""Fields of ProxyConfig, what each must be, and how that is seen (Istio's mesh config reference, ProxyConfig)."""

_CHECKS: dict[str, _Check] = {
    "istio.io/reroute-virtual-interfaces": _interfaces,
    "prometheus.istio.io/merge-metrics": _boolean,
    "proxy.istio.io/config": _proxy_config,
    "readiness.status.sidecar.istio.io/failureThreshold": _seconds,
    "readiness.status.sidecar.istio.io/initialDelaySeconds": _seconds,
    "readiness.status.sidecar.istio.io/periodSeconds": _seconds,
    "sidecar.istio.io/interceptionMode": _mode,
    "sidecar.istio.io/proxyCPU": _quantity,
    "sidecar.istio.io/proxyCPULimit": _quantity,
    "sidecar.istio.io/proxyMemory": _quantity,
    "sidecar.istio.io/proxyMemoryLimit": _quantity,
    "status.sidecar.istio.io/port": _port,
    "traffic.sidecar.istio.io/excludeInboundPorts": _ports,
    "traffic.sidecar.istio.io/excludeInterfaces": _interfaces,
    "traffic.sidecar.istio.io/excludeOutboundIPRanges": _ranges,
    "traffic.sidecar.istio.io/excludeOutboundPorts": _ports,
    "traffic.sidecar.istio.io/includeInboundPorts": _ports_or_all,
    "traffic.sidecar.istio.io/includeOutboundIPRanges": _ranges_or_all,
    "traffic.sidecar.istio.io/kubevirtInterfaces": _interfaces,
}
