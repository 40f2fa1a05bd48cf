"""Dry runs of what stands in files: taken, refused in the server's words, or not known; nothing is stored."""

from __future__ import annotations

import pytest

from meshtui.mesh.raw import Raw
from tests.cluster.cluster import Cluster, Rule
from tests.kube.looking import looking


def config(name: str, **parts: object) -> Raw:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, **parts}


async def test_what_the_server_would_take_is_neither_refused_nor_stored(cluster: Cluster) -> None:
    async with looking(cluster) as session:
        tried = await session.tried(config("fine", data={"a": "b"}), cluster.namespace)
    assert (tried.refused, tried.unknown) == ("", "")
    found = await cluster.api.get(f"/api/v1/namespaces/{cluster.namespace}/configmaps")
    assert "fine" not in [each["metadata"]["name"] for each in found.body["items"]]


async def test_what_cannot_be_tried_is_not_known(cluster: Cluster) -> None:
    async with looking(cluster) as session:
        elsewhere = await session.tried(config("fine"), "no-such-namespace")
        odd = {"apiVersion": "example.org/v1", "kind": "Odd", "metadata": {"name": "odd"}}
        unheard_of = await session.tried(odd, cluster.namespace)
    assert (elsewhere.refused, "not found" in elsewhere.unknown) == ("", True)
    assert unheard_of.unknown == "Odd (example.org) is not installed in this cluster"


async def test_a_missing_right_is_no_refusal_of_the_object(cluster: Cluster) -> None:
    reader = await cluster.kubeconfig_of("reader", Rule("get", "configmaps"))
    async with looking(cluster, reader) as session:
        tried = await session.tried(config("fine"), cluster.namespace)
    assert tried.refused == ""
    assert "forbidden" in tried.unknown


@pytest.mark.only("real", reason="the built-in server has no schemas")
@pytest.mark.parametrize(
    ("raw", "words"),
    [
        (config("Bad_Name"), "Invalid value"),
        (config("odd", dat={}), "field not declared in schema"),
        (
            {
                "apiVersion": "security.istio.io/v1",
                "kind": "PeerAuthentication",
                "metadata": {"name": "odd"},
                "spec": {"mtls": {"mode": "SOMETIMES"}},
            },
            "Unsupported value",
        ),
    ],
)
async def test_what_the_server_refuses_is_told_in_its_words(
    cluster: Cluster, raw: Raw, words: str
) -> None:
    async with looking(cluster) as session:
        tried = await session.tried(raw, cluster.namespace)
    assert words in tried.refused
