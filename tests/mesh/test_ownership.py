"""Ownership: what tools leave on their objects, as their documentation has it, and what they would do to a change."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given

from meshtui.mesh.changes import Delete, Patch
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.ownership import Owner, owners
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref
from tests.anything import JSON

MODE = "istio.io/dataplane-mode"


def namespace(**metadata: Any) -> Raw:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop", **metadata}}


def found(it: Raw, *, delete: bool = False) -> list[Owner]:
    target = Ref(NAMESPACE, "", "shop")
    if delete:
        return list(owners(it, Delete(title="", target=target, before=it)))
    patch = {"metadata": {"labels": {MODE: "ambient"}}}
    return list(owners(it, Patch(title="", target=target, before=it, patch=patch)))


def writer(manager: str, *labels: str, operation: str = "Apply", **more: Any) -> Raw:
    """An entry of managedFields for labels, in the form of kubernetes.io, "Server-Side Apply"."""
    fields: Raw = {"f:metadata": {"f:labels": {f"f:{label}": {} for label in labels}}}
    return {"manager": manager, "operation": operation, "fieldsV1": fields, **more}


@pytest.mark.parametrize(
    ("metadata", "owner"),
    [
        (
            {"annotations": {"argocd.argoproj.io/tracking-id": "mesh:/Namespace:/shop"}},
            Owner("Argo CD", "application mesh", True, None),
        ),
        (
            {"labels": {"argocd.argoproj.io/instance": "mesh"}},
            Owner("Argo CD", "application mesh", True, None),
        ),
        (
            {
                "labels": {
                    "kustomize.toolkit.fluxcd.io/name": "apps",
                    "kustomize.toolkit.fluxcd.io/namespace": "flux-system",
                }
            },
            Owner("Flux", "Kustomization flux-system/apps", True, None),
        ),
        (
            {
                "labels": {
                    "app.kubernetes.io/managed-by": "Helm",
                    "helm.toolkit.fluxcd.io/name": "shop",
                    "helm.toolkit.fluxcd.io/namespace": "flux-system",
                }
            },
            Owner("Flux", "HelmRelease flux-system/shop", True, None),
        ),
        (
            {
                "labels": {"app.kubernetes.io/managed-by": "Helm"},
                "annotations": {
                    "meta.helm.sh/release-name": "web",
                    "meta.helm.sh/release-namespace": "shop",
                },
            },
            Owner("Helm", "release shop/web", False, None),
        ),
        (
            {"labels": {"app.kubernetes.io/managed-by": "kustomize-v5.4.1"}},
            Owner("kustomize", "", False, None),
        ),
    ],
)
def test_a_tool_is_told_by_what_it_leaves(metadata: Any, owner: Owner) -> None:
    assert found(namespace(**metadata))[0] == owner


def test_nobody_owns_what_was_made_by_hand() -> None:
    by_hand = writer("kubectl-create", "team", operation="Update")
    assert found(namespace(managedFields=[by_hand])) == []


def test_a_tool_reverts_what_it_says_itself_and_nothing_else() -> None:
    flux = writer("kustomize-controller", MODE)
    assert [(o.tool, o.sets) for o in found(namespace(managedFields=[flux]))] == [("Flux", True)]
    other = writer("kustomize-controller", "team")
    assert [(o.tool, o.sets) for o in found(namespace(managedFields=[other]))] == [("Flux", False)]
    assert found(namespace(managedFields=[other]), delete=True)[0].sets is True


def test_what_was_applied_on_the_client_tells_too() -> None:
    """Argo CD without server-side apply leaves kubectl's annotation."""
    for labels, sets in (({MODE: "none"}, True), ({"team": "a"}, False)):
        applied = {
            "argocd.argoproj.io/tracking-id": "mesh:/Namespace:/shop",
            "kubectl.kubernetes.io/last-applied-configuration": json.dumps(
                {"metadata": {"name": "shop", "labels": labels}}
            ),
        }
        [owner] = found(namespace(annotations=applied))
        assert (owner.tool, owner.sets) == ("Argo CD", sets)


def test_any_other_that_applied_the_field_is_named() -> None:
    managed = [writer("platform-team", MODE), writer("others", "team"), writer("meshtui", MODE)]
    [owner] = found(namespace(managedFields=managed))
    assert owner == Owner("platform-team", "server-side apply", False, True)
    assert owner.text == (
        "platform-team (server-side apply) will revert the change the next time it is applied: "
        "make it in its source instead"
    )


def test_who_writes_the_status_alone_owns_nothing() -> None:
    status = writer("istiod", MODE, subresource="status")
    assert found(namespace(managedFields=[status])) == []


def test_those_that_revert_come_first() -> None:
    labels = {"app.kubernetes.io/managed-by": "Helm", "argocd.argoproj.io/instance": "mesh"}
    managed = [writer("platform-team", MODE)]
    assert [owner.tool for owner in found(namespace(labels=labels, managedFields=managed))] == [
        "platform-team",
        "Argo CD",
        "Helm",
    ]


@given(JSON)
def test_nothing_takes_it_down(anything: Any) -> None:
    managed = [{"manager": "helm", "operation": "Apply", "fieldsV1": anything}, anything]
    last = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(anything)}
    found(namespace(managedFields=managed, annotations=last, labels=anything))
    found({"metadata": anything})
