"""`meshtui denials`, as a shell sees it: the refusals of the built-in cluster, whose ztunnels write as real ones do."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from meshtui.sim.process import running
from tests import interrupts
from tests.cluster.kubeconfig import Api
from tests.commands.shell import command, environment, meshtui

CLEAN, FINDINGS, USAGE, UNREADABLE = range(4)

STORY = {
    ("shop/storefront", "payments/ledger", "8080", "no-allow"),
    ("plain/curl", "payments/ledger", "8080", "plain-text-under-strict"),
    ("shop/checkout", "payments/refunds", "8080", "hbone-timeout"),
}
"""What the scene `shop` is about: its policies, and who calls whom in it."""
PATIENCE = 60.0


def denials(home: Path, shop: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return meshtui(home, "--kubeconfig", str(shop), "denials", *words)


def story(said: Any) -> set[tuple[str, ...]]:
    fields = ("source", "destination", "port", "reason")
    return {tuple(each[field] for field in fields) for each in said["denials"]}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The scene, once its ztunnels have told all of its story."""
    home = tmp_path_factory.mktemp("home")
    with running("shop") as kubeconfig:
        until = time.monotonic() + PATIENCE
        while story(json.loads(denials(home, kubeconfig, "-o", "json").stdout)) != STORY:
            assert time.monotonic() < until
        yield kubeconfig


@pytest.fixture(scope="module")
def said(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    ended = denials(tmp_path_factory.mktemp("home"), shop, "-o", "json")
    return dict(json.loads(ended.stdout))


def test_the_table_tells_the_story_with_what_to_do(tmp_path: Path, shop: Path) -> None:
    ended = denials(tmp_path, shop)
    assert ended.returncode == FINDINGS, ended.stderr
    heads = [line for line in ended.stdout.splitlines() if line.startswith("✗ ")]
    assert set(heads) == {
        "✗ shop/storefront → payments/ledger:8080  no ALLOW matches",
        "✗ plain/curl → payments/ledger:8080  plain text, STRICT",
        "✗ shop/checkout → payments/refunds:8080  15008 times out",
    }
    assert "policy    istio-system/istio_converted_static_strict" in ended.stdout
    assert "AMB-010" in ended.stdout


def test_what_is_not_known_is_said_beside_it(tmp_path: Path, shop: Path) -> None:
    ended = denials(tmp_path, shop, "--strict")
    off = next(line for line in ended.stderr.splitlines() if "access log off" in line)
    assert "waypoint shop/waypoint" in off
    assert ended.returncode == UNREADABLE


def test_json_keeps_its_promise_and_yaml_says_the_same(
    tmp_path: Path, shop: Path, said: dict[str, Any]
) -> None:
    promised = json.loads(meshtui(tmp_path, "denials", "--schema").stdout)
    jsonschema.validate(said, promised)
    assert story(said) == STORY
    assert {each["access_log"] for each in said["logs"] if each["part"] == "ztunnel"} == {"on"}
    assert said["lines"]["access"] > 0
    assert said["lines"]["unread"] == 0
    again = yaml.safe_load(denials(tmp_path, shop, "-o", "yaml").stdout)
    assert again.keys() == said.keys()
    assert story(again) == STORY


def test_each_refusal_is_told_once_though_two_ztunnels_write_of_it(said: dict[str, Any]) -> None:
    assert "peer-refused" not in {each["reason"] for each in said["denials"]}


def test_the_allow_that_is_offered_is_for_one_identity_one_workload_and_one_port(
    said: dict[str, Any],
) -> None:
    offered = {each["reason"]: each["allow"] for each in said["denials"]}
    assert [reason for reason, allow in offered.items() if allow] == ["no-allow"]
    spec = yaml.safe_load(offered["no-allow"])["spec"]
    assert spec["selector"] == {"matchLabels": {"app": "ledger"}}
    (rule,) = spec["rules"]
    (principal,) = rule["from"][0]["source"]["principals"]
    assert principal.endswith("/ns/shop/sa/storefront")
    assert rule["to"] == [{"operation": {"ports": ["8080"]}}]


def test_only_what_concerns_the_namespaces_that_are_looked_at(tmp_path: Path, shop: Path) -> None:
    ended = meshtui(tmp_path, "--kubeconfig", str(shop), "-n", "plain", "denials", "-o", "json")
    assert {each["source"] for each in json.loads(ended.stdout)["denials"]} == {"plain/curl"}
    other = meshtui(tmp_path, "--kubeconfig", str(shop), "-n", "batch", "denials")
    assert other.returncode == CLEAN
    assert "nothing was refused" in other.stdout


def test_one_stream_at_a_time_reads_all_of_them(tmp_path: Path, shop: Path) -> None:
    ended = denials(tmp_path, shop, "--streams", "1", "-o", "json")
    assert story(json.loads(ended.stdout)) == STORY


def test_it_follows_and_prints_what_is_new_until_it_is_interrupted(
    tmp_path: Path, shop: Path
) -> None:
    words = command("--kubeconfig", str(shop), "denials", "--follow", "-o", "json")
    found: list[dict[str, Any]] = []
    counts: dict[str, int] = {}
    with subprocess.Popen(
        words,
        env=environment(tmp_path),
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=interrupts.heeded,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            new = json.loads(line)
            found.append(new)
            if new["reason"] in counts:
                break  # it was refused again
            counts[new["reason"]] = new["count"]
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == FINDINGS
    assert found[-1]["count"] > counts[found[-1]["reason"]]
    assert {each["schema"] for each in found} == {"meshtui.denials/v1"}
    assert story({"denials": found}) == STORY
    assert "meshtui: following 3 of 3 ztunnels" in errors.splitlines()


def test_without_the_right_to_logs_it_says_which_is_missing(tmp_path: Path, shop: Path) -> None:
    role = yaml.safe_load(meshtui(tmp_path, "rbac", "read").stdout)
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "jane"},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": role["metadata"]["name"],
        },
        "subjects": [
            {"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": "jane"},
        ],
    }

    async def bind() -> None:
        async with Api.connected(shop) as api:
            await api.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", role)
            await api.create("/apis/rbac.authorization.k8s.io/v1/clusterrolebindings", binding)

    asyncio.run(bind())
    ended = meshtui(tmp_path, "--kubeconfig", str(shop), "--as", "jane", "denials")
    assert ended.returncode == UNREADABLE
    said = next(line for line in ended.stderr.splitlines() if "the log of istio-system" in line)
    assert said.count("istio-system/ztunnel-") == 3
    assert said.endswith("jane may not get pods/log in istio-system")


def test_what_cannot_be_meant_is_status_2_and_no_cluster_is_status_3(tmp_path: Path) -> None:
    assert meshtui(tmp_path, "denials", "--since", "yesterday").returncode == USAGE
    nowhere = meshtui(tmp_path, "--context", "nowhere", "denials")
    assert nowhere.returncode == UNREADABLE
    assert nowhere.stdout == ""


@pytest.mark.parametrize("more", [(), ("--follow",)])
def test_a_cluster_that_cannot_be_reached_is_told(
    more: tuple[str, ...], tmp_path: Path, shop: Path
) -> None:
    config = yaml.safe_load(shop.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    gone = tmp_path / "kubeconfig"
    gone.write_text(yaml.safe_dump(config))
    ended = denials(tmp_path, gone, *more)
    assert (ended.returncode, ended.stdout) == (UNREADABLE, "")
    assert ended.stderr.startswith("meshtui: 127.0.0.1:1 refuses connections")
