"""Istio's goldens of Gateway API status (`gateway-status/open`; its README says how a case is run and compared),
against what the built-in cluster's istiod writes."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from meshtui.sim.behaviour.cluster import Behaviour, Cluster
from meshtui.sim.behaviour.istiod import GatewayClasses, judges
from meshtui.sim.behaviour.references import INFERENCE_POOL, XBACKEND, XBACKEND_TRAFFIC_POLICY
from meshtui.sim.behaviour.runner import Runner
from meshtui.sim.definitions import definition
from meshtui.sim.kinds import CRD, ENDPOINT_SLICE, KINDS, NAMESPACE, SERVICE, Kind
from meshtui.sim.store import Store

Raw = dict[str, Any]

_HOME = Path(os.environ.get("MESHTUI_CORPORA", "."), "gateway-status", "open")
CASES = json.loads((_HOME / "cases.json").read_bytes())["cases"] if _HOME.is_dir() else []

AMBIENT = "ResolvedWaypoints"
"""A condition of ambient mode, without which the goldens were made; the recorded routes have it. Nothing else of what
is written here is left out of the comparison."""
INSTALLED = (XBACKEND, XBACKEND_TRAFFIC_POLICY, INFERENCE_POOL)
"""The kinds of the goldens that the built-in cluster has only where someone installs them."""
NOW = datetime(2026, 11, 22, 12, 40, tzinfo=UTC)

Said = tuple[str, str, str, str, str]
"""Resource, place, type, status and reason."""


@cache
def documents(file: str) -> tuple[Raw, ...]:
    text = (_HOME / file).read_text().replace("domain.suffix", "cluster.local")
    return tuple(each for each in yaml.safe_load_all(text) if each)


def settled(case: Raw) -> Store:
    """A cluster with the objects of a case, after the judges have come to their end; nothing else acts in it."""
    cluster = Cluster(lambda: NOW, 1, Behaviour())
    store, world = cluster.store, cluster.world
    known = {(each.group, each.name): each for each in (*KINDS, *INSTALLED)}
    for kind in INSTALLED:
        store.create(CRD, definition(kind))
    for obj in (*documents(case["input"]), *documents("fixtures.yaml")):
        named = obj["apiVersion"].rpartition("/")[0], obj["kind"]
        if named in known:
            # Istio's test gives no uids: the policies that it tells apart by them are one to it
            store.create(known[named], {**obj, "metadata": {"uid": "none", **obj["metadata"]}})
    for space in sorted({space for kind in KINDS for space in spaces(store, kind)}):
        labels = {"istio.io/test-name-part": space.partition("-")[0]}
        store.create(NAMESPACE, {"metadata": {"name": space, "labels": labels}})
    for service in store.list(SERVICE):
        store.create(ENDPOINT_SLICE, behind(service))
    Runner(world, [GatewayClasses(world), *judges(world)]).settle()
    return store


def spaces(store: Store, kind: Kind) -> Iterator[str]:
    for each in store.list(kind):
        if kind.namespaced:
            yield each["metadata"]["namespace"]


def behind(service: Raw) -> Raw:
    """One endpoint for every port of a Service."""
    ports = [
        {"name": each["name"], "port": each.get("targetPort", each["port"])}
        for each in service["spec"]["ports"]
    ]
    metadata = {
        "name": service["metadata"]["name"],
        "namespace": service["metadata"]["namespace"],
        "labels": {"kubernetes.io/service-name": service["metadata"]["name"]},
    }
    endpoints = [{"addresses": ["1.2.3.5"], "conditions": {"ready": True}}]
    return {"metadata": metadata, "ports": ports, "endpoints": endpoints}


def conditions(obj: Raw) -> Iterator[tuple[str, Raw]]:
    """Place and condition, for all that is said of an object."""
    status = obj.get("status", {})
    for each in status.get("conditions", []):
        yield "", each
    for listener in status.get("listeners", []):
        for each in listener["conditions"]:
            yield f"listener {listener['name']}", each
    for word in ("parent", "ancestor"):
        for part in status.get(f"{word}s", []):
            for each in part["conditions"]:
                yield f"{word} {place(obj, part[f'{word}Ref'])}", each


def place(obj: Raw, reference: Raw) -> str:
    space = reference.get("namespace", obj["metadata"].get("namespace"))
    section, port = reference.get("sectionName"), reference.get("port")
    return (
        f"{reference.get('kind', 'Gateway')} {space}/{reference['name']}"
        + (f"#{section}" if section else "")
        + (f":{port}" if port else "")
    )


def said(store: Store, kinds: Iterable[Kind]) -> Iterator[tuple[Said, str]]:
    """What stands in the status of all objects, each with its message."""
    for kind in kinds:
        for obj in store.list(kind):
            metadata = obj["metadata"]
            key = "/".join(filter(None, (metadata.get("namespace"), metadata["name"])))
            for at, each in conditions(obj):
                if each["type"] != AMBIENT:
                    told = each["type"], each["status"], each["reason"]
                    yield (f"{kind.name} {key}", at, *told), each["message"]


def expected(case: Raw) -> Iterator[tuple[Said, str]]:
    for each in case["expected"]:
        told = each["type"], each["status"], each["reason"]
        yield (each["resource"], each["at"], *told), each["message"]


def compared(case: Raw) -> tuple[dict[Said, str], dict[Said, str]]:
    """What is said and what was expected, each with its message, at the places that the case speaks of."""
    wanted = dict(expected(case))
    places = {each[:2] for each in wanted}
    every = said(settled(case), (*KINDS, *INSTALLED))
    return {key: told for key, told in every if key[:2] in places}, wanted
