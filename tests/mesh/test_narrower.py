"""Narrower: what to follow where lists over the whole cluster are forbidden."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from meshtui.mesh import capture, narrower
from meshtui.mesh.kinds import CONFIGMAP, GATEWAY, NAMESPACE, NODE, POD
from meshtui.mesh.snapshot import Phase, Scope, Server, Snapshot, Source, named
from tests import recordings

SHOP = recordings.snapshot("shop")
LIVE, FORBIDDEN = Source(Phase.LIVE), Source(Phase.FORBIDDEN)
CHOSEN = ("shop", "edge")


def at(sources: Mapping[Scope, Source], own: str = "") -> Snapshot:
    return replace(SHOP, sources=sources, server=Server(namespace=own))


@pytest.mark.parametrize("phase", [each for each in Phase if each is not Phase.FORBIDDEN])
def test_nothing_more_where_lists_are_not_forbidden(phase: Phase) -> None:
    whole = (Scope(NAMESPACE), Scope(GATEWAY), capture.SCOPE)
    assert narrower.of(at(dict.fromkeys(whole, Source(phase)), "own"), CHOSEN) == ()


def test_of_the_chosen_namespaces_what_may_not_be_listed_everywhere() -> None:
    sources = {Scope(GATEWAY): FORBIDDEN, Scope(POD): LIVE, Scope(NODE): FORBIDDEN}
    assert narrower.of(at(sources), CHOSEN) == (Scope(GATEWAY, "shop"), Scope(GATEWAY, "edge"))
    assert narrower.of(at(sources), ()) == ()


def test_chosen_namespaces_by_name_and_else_the_own_one_of_the_context() -> None:
    forbidden = at({Scope(NAMESPACE): FORBIDDEN}, "own")
    assert narrower.of(forbidden, CHOSEN) == (named(NAMESPACE, "shop"), named(NAMESPACE, "edge"))
    assert narrower.of(forbidden, ()) == (named(NAMESPACE, "own"),)
    assert narrower.of(at({Scope(NAMESPACE): FORBIDDEN}), ()) == ()


def test_the_configuration_of_the_cni_agents_where_those_are_known() -> None:
    """They run in istio-system in the recording."""
    forbidden = at({capture.SCOPE: FORBIDDEN})
    assert narrower.of(forbidden, ()) == (named(CONFIGMAP, "istio-cni-config", "istio-system"),)
    assert narrower.of(replace(forbidden, objects={}), ()) == ()
