"""Objects that strangers wrote take no analyzer of traffic down."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from meshtui.mesh.doctor import examination
from meshtui.mesh.doctor.configuration import multicluster
from meshtui.mesh.doctor.examination import INTERNAL
from meshtui.mesh.doctor.rules import ANALYZERS
from meshtui.mesh.kinds import (
    CONFIGMAP,
    DESTINATION_RULE,
    GATEWAY,
    ISTIO_GATEWAY,
    NODE,
    POD,
    REQUEST_AUTHENTICATION,
    SECRET,
    SERVICE,
    SERVICE_ENTRY,
    VIRTUAL_SERVICE,
    Kind,
)
from tests.anything import JSON, damaged
from tests.mesh.doctor.analyzing import cluster

_STRING = {"exact": "x"}
_MATCH = {
    "uri": {"prefix": "/a"},
    "headers": {"@request.auth.claims.groups": _STRING},
    "method": _STRING,
    "authority": _STRING,
    "queryParams": {"q": _STRING},
}
_DESTINATION = {"destination": {"host": "s", "subset": "v1", "port": {"number": 80}}}
_LABELS = {"app": "a", "version": "v1"}
_KINDS: dict[str, Kind] = {
    each.title: each
    for each in (
        CONFIGMAP,
        DESTINATION_RULE,
        GATEWAY,
        ISTIO_GATEWAY,
        NODE,
        POD,
        REQUEST_AUTHENTICATION,
        SECRET,
        SERVICE,
        SERVICE_ENTRY,
        VIRTUAL_SERVICE,
    )
}
_TLS = {"mode": "SIMPLE", "credentialName": "c", "serverCertificate": "s", "privateKey": "k"}
_SPECS: dict[str, dict[str, Any]] = {
    "ConfigMap": {"data": {"mesh": "rootNamespace: x"}},
    "DestinationRule": {
        "spec": {
            "host": "s",
            "exportTo": ["."],
            "subsets": [{"name": "v1", "labels": _LABELS}],
            "trafficPolicy": {"tls": _TLS, "portLevelSettings": [{"port": {}, "tls": _TLS}]},
        }
    },
    "Gateway": {"spec": {"listeners": [{"hostname": "a.org"}]}},
    "Istio Gateway": {
        "spec": {
            "selector": _LABELS,
            "servers": [{"hosts": ["./a.org"], "port": {"number": 443}, "bind": "b", "tls": _TLS}],
        }
    },
    "Node": {},
    "Pod": {"spec": {"nodeName": "o"}},
    "RequestAuthentication": {"spec": {"selector": {"matchLabels": _LABELS}}},
    "Secret": {"data": {"tls.crt": "LS0tLS0=", "tls.key": "LS0tLS0="}},
    "Service": {
        "spec": {
            "type": "ClusterIP",
            "selector": _LABELS,
            "ports": [{"port": 80, "targetPort": 80, "protocol": "TCP"}],
        }
    },
    "ServiceEntry": {
        "spec": {
            "hosts": ["s", "*.org"],
            "exportTo": ["."],
            "ports": [{"number": 80, "protocol": "TCP"}],
            "workloadSelector": {"labels": _LABELS},
        }
    },
    "VirtualService": {
        "spec": {
            "hosts": ["a.org", "s"],
            "gateways": ["mesh", "ns/o"],
            "exportTo": ["."],
            "http": [
                {"name": "n", "match": [_MATCH, _MATCH], "route": [_DESTINATION]},
                {"match": [{"uri": {"prefix": "/ab"}}], "mirror": {"host": "s"}},
            ],
            "tcp": [{"match": [{"port": 80}], "route": [_DESTINATION]}],
        }
    },
}
_METADATA = {
    "name": "o",
    "namespace": "ns",
    "labels": _LABELS,
    "annotations": {"networking.istio.io/exportTo": "."},
}
OBJECTS = {title: {"metadata": _METADATA, **parts} for title, parts in _SPECS.items()}


def judged(objects: dict[str, Any]) -> None:
    snapshot = cluster(
        *((_KINDS[title], it) for title, it in objects.items() if isinstance(it, dict))
    )
    result = examination.of(snapshot, ANALYZERS)
    failed = [each.found.says for each in result.findings if each.found.rule is INTERNAL]
    assert not failed
    assert all(str(each.found.says) for each in result.findings)
    list(multicluster.inconsistent({"one": snapshot, "other": cluster()}))


@given(damaged(OBJECTS, 4))
def test_a_few_odd_values(objects: dict[str, Any]) -> None:
    judged(objects)


@pytest.mark.parametrize("part", ["metadata", "spec", "data"])
@given(st.data())
def test_any_value_in_place_of_a_part(part: str, data: st.DataObject) -> None:
    judged({title: {**it, part: data.draw(JSON)} for title, it in OBJECTS.items()})
