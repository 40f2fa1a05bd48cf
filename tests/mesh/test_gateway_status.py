"""Routes and gateways against Istio's own goldens of Gateway API status: what istiod finds wrong, and nothing else, is
wrong here. The goldens are other people's: they are read where they are, in the folder that MESHTUI_CORPORA names."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest
import yaml

from meshtui.mesh import gateways, raw, reasons, routes
from meshtui.mesh.health import Health
from meshtui.mesh.kinds import ENDPOINT_SLICE
from meshtui.mesh.raw import Raw
from meshtui.mesh.route_specs import KINDS
from meshtui.mesh.routes import Route
from meshtui.mesh.snapshot import Phase, Scope, Snapshot, Source
from tests.mesh.made import snapshot

_HOME = Path(os.environ.get("MESHTUI_CORPORA", "."), "gateway-status", "open")
CASES = json.loads((_HOME / "cases.json").read_bytes())["cases"] if _HOME.is_dir() else []

pytestmark = pytest.mark.skipif(
    not CASES, reason="MESHTUI_CORPORA names no folder with gateway-status/open in it"
)

_JUDGED = [each.title for each in KINDS[:4]]


@cache
def documents(file: str) -> tuple[Raw, ...]:
    with (_HOME / file).open() as stream:
        return tuple(each for each in yaml.safe_load_all(stream) if each)


def objects(case: Raw) -> Iterator[Raw]:
    """The objects of a case with the status that Istio writes on them, of the kinds that are looked at."""
    status = {_named(each): each.get("status", {}) for each in documents(case["status_golden"])}
    for each in (*documents(case["input"]), *documents("fixtures.yaml")):
        it = {**each, "status": status.get(_named(each), {})}
        if each["kind"] == "Gateway" and each["apiVersion"].startswith("networking.istio.io"):
            it["kind"] = "Istio Gateway"
        yield it


def _named(it: Raw) -> tuple[str, str, str]:
    return it["kind"], raw.namespace(it), raw.name(it)


def cluster(case: Raw) -> Snapshot:
    """Endpoints are not part of a case, so they are not known."""
    known = {*_JUDGED, "Gateway", "GatewayClass", "Service", "ServiceEntry", "ReferenceGrant"}
    found = [each for each in objects(case) if each["kind"] in known]
    unread = {Scope(ENDPOINT_SLICE): Source(Phase.LOADING)}
    return snapshot(*found, sources=unread)


def conditions(case: Raw, kinds: Iterable[str], at: str) -> Iterator[Raw]:
    for each in case["expected"]:
        kind = each["resource"].split()[0]
        ours = each["controller"] in (None, "istio.io/gateway-controller")
        if kind in kinds and each["at"].startswith(at) and ours and each["type"] != "dummy":
            yield each


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_route_is_accepted_where_istio_accepts_it_and_nowhere_else(case: Raw) -> None:
    found = {f"{each.kind} {each.ref.key}": each for each in routes.of(cluster(case))}
    for said in conditions(case, _JUDGED, "parent"):
        if said["type"] == "Accepted":
            refused = _refused(found[said["resource"]])
            assert (said["reason"] in refused) is (said["status"] == "False"), said


def _refused(route: Route) -> str:
    return " ".join(
        each.accepted.reason for each in route.parents if each.accepted.health is Health.BAD
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_backend_is_missed_where_istio_misses_one_and_nowhere_else(case: Raw) -> None:
    """Where it is found without looking at the conditions: by the names of Services and by ReferenceGrants. Hostnames
    and inference pools are not looked into here, and the ports of Services not by istiod, although requests to one that
    there is not fail."""
    found = {f"{each.kind} {each.ref.key}": each for each in routes.of(cluster(case))}
    for said in conditions(case, _JUDGED, "parent"):
        if said["type"] == "ResolvedRefs":
            backends = [*found[said["resource"]].backends]
            if any(each.verdict.health is Health.NONE for each in backends):
                continue
            missed = any(
                each.verdict.health is Health.BAD and "has no port" not in each.verdict.reason
                for each in backends
            )
            assert missed is (said["status"] == "False"), said


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_a_listener_is_well_where_istio_says_so_and_nowhere_else(case: Raw) -> None:
    at = cluster(case)
    found = {each.ref.key: each for each in gateways.of(at)}
    wrong: dict[tuple[str, str], bool] = {}
    for said in conditions(case, ["Gateway"], "listener"):
        place = said["resource"].split()[1], said["at"].split()[1]
        well = "False" if said["type"] == "Conflicted" else "True"
        wrong[place] = wrong.get(place, False) or said["status"] != well
    for (gateway, listener), is_wrong in wrong.items():
        if gateway in found:
            (listening,) = [
                each for each in found[gateway].listeners if each.listener.name == listener
            ]
            assert (listening.said.health is Health.BAD) is is_wrong


def test_there_are_words_for_every_reason_that_istio_gives_for_a_failure() -> None:
    places = ("", "listener", "parent")
    given = {
        each["reason"]
        for case in CASES
        for at in places
        for each in conditions(case, [*_JUDGED, "Gateway"], at)
        if each["status"] == ("True" if each["type"] == "Conflicted" else "False")
    }
    assert given - set(reasons.known()) == set()
    assert len(given) == 9
