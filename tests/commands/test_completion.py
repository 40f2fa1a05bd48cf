"""Completion: what a shell is offered, as click's own completion asks for it."""

from __future__ import annotations

from pathlib import Path

from click.shell_completion import ShellComplete

from meshtui import cli


def offered(*words: str) -> list[str]:
    """For the last word, as typed so far."""
    shell = ShellComplete(cli.meshtui, {}, "meshtui", "_MESHTUI_COMPLETE")
    *before, incomplete = words
    return [each.value for each in shell.get_completions(list(before), incomplete)]


def test_contexts_are_those_of_the_kubeconfig_that_was_named(shop: Path) -> None:
    assert offered("--kubeconfig", str(shop), "--context", "") == ["demo-shop"]
    assert offered("doctor", "--kubeconfig", str(shop), "--context", "d") == ["demo-shop"]
    assert offered("--kubeconfig", "/nowhere", "--context", "") == []


def test_namespaces_are_the_clusters_and_several_are_completed_one_by_one(shop: Path) -> None:
    known = offered("--kubeconfig", str(shop), "-n", "")
    assert {"shop", "payments", "istio-system"} <= set(known)
    assert offered("--kubeconfig", str(shop), "doctor", "-n", "shop,pay") == ["shop,payments"]


def test_a_cluster_that_does_not_answer_offers_nothing(shop: Path) -> None:
    assert offered("--kubeconfig", str(shop), "-s", "https://127.0.0.1:1", "-n", "") == []
    assert offered("--kubeconfig", "/nowhere", "-n", "") == []
