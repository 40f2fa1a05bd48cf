"""Manifests: objects of YAML files, and the place of what cannot be read."""

from __future__ import annotations

from meshtui.mesh import manifests
from meshtui.mesh.kinds import GATEWAY, ISTIO_GATEWAY, POD, SERVICE
from meshtui.mesh.manifests import Manifest, Mistake
from meshtui.mesh.raw import name

TWO = """\
apiVersion: v1
kind: Service
metadata: {name: one, creationTimestamp: 2026-01-01T00:00:00Z}
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: {name: two}
"""


def test_each_document_has_its_kind_its_line_and_times_as_they_are_written() -> None:
    one, two = manifests.read(TWO, "a.yaml")
    assert isinstance(one, Manifest)
    assert isinstance(two, Manifest)
    assert (one.kind, one.line, two.kind, two.line) == (SERVICE, 1, GATEWAY, 4)
    assert one.raw["metadata"]["creationTimestamp"] == "2026-01-01T00:00:00Z"


def test_istios_gateway_is_not_kubernetes_one() -> None:
    written = "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: a}}"
    (it,) = manifests.read(written, "-")
    assert isinstance(it, Manifest)
    assert it.kind == ISTIO_GATEWAY


def test_a_list_is_unpacked_and_kinds_that_nobody_reads_are_passed_over() -> None:
    listed = """\
apiVersion: v1
kind: List
items:
- {apiVersion: v1, kind: Pod, metadata: {name: one}}
- {apiVersion: example.com/v1, kind: Thing, metadata: {name: two}}
- null
"""
    found = list(manifests.read(listed, "-"))
    assert [(each.kind, name(each.raw)) for each in found if isinstance(each, Manifest)] == [
        (POD, "one")
    ]


def test_a_document_that_is_not_yaml_is_told_by_its_place_and_the_others_are_read() -> None:
    broken = "\n".join(["# a comment", "---", "kind: Pod", "spec: [", "---", TWO])
    mistake, one, two = manifests.read(broken, "b.yaml")
    assert isinstance(mistake, Mistake)
    assert (mistake.file, mistake.line) == ("b.yaml", 5)
    assert str(mistake).startswith("b.yaml:5:1: ")
    assert isinstance(one, Manifest)
    assert isinstance(two, Manifest)


def test_what_is_no_object_is_told() -> None:
    for written in ("just words", "- a\n- b", "42", "{metadata: {name: a}}"):
        (mistake,) = manifests.read(written, "c.yaml")
        assert isinstance(mistake, Mistake)
        assert "no kind" in mistake.words


def test_an_object_without_a_name_is_told_and_the_others_are_read() -> None:
    nameless = "{apiVersion: v1, kind: Service, metadata: null}"
    generated = "{apiVersion: v1, kind: Pod, metadata: {generateName: web-}}"
    mistake, pod = manifests.read(f"{nameless}\n---\n{generated}", "d.yaml")
    assert str(mistake) == "d.yaml:1:1: this Service has no name (metadata.name)"
    assert isinstance(pod, Manifest)
