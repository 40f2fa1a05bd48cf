"""`meshtui explain`, as a shell sees it, over the built-in clusters: the headline of each story, forms, statuses."""

from __future__ import annotations

import json
import subprocess
import time
from pathlib import Path

import jsonschema
import pytest
import yaml

from meshtui.sim.process import running
from tests.commands.shell import meshtui

WELL, NOT_WELL, USAGE, UNREADABLE = range(4)


def explain(home: Path, kubeconfig: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return meshtui(home, "--kubeconfig", str(kubeconfig), "explain", *words)


def well(home: Path, kubeconfig: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """What it says once all is well: pods of the scene come and go, and a new one is not known at once."""
    deadline = time.monotonic() + 60
    while (ended := explain(home, kubeconfig, *words)).returncode != WELL:
        assert time.monotonic() < deadline, ended.stdout + ended.stderr
    return ended


def test_where_nothing_is_in_the_way_it_ends_well(tmp_path: Path, shop: Path) -> None:
    ended = well(tmp_path, shop, "shop/checkout", "payments/ledger")
    first, headline, *hops = ended.stdout.splitlines()
    assert first == "✓ Deployment shop/checkout → Service payments/ledger:80"
    assert headline == "  nothing is in the way"
    assert sum(line.startswith("✓ ") for line in hops) == 11
    assert any("config_dump of ztunnel-" in line and " s ago)" in line for line in hops)
    assert ended.stderr == ""


STORIES = [
    # the scene, who calls whom, and what its answer names
    ("ghost", "shop/storefront", "shop/checkout", ("capture of B", "absent from workloadState")),
    ("bypass", "shop/checkout", "shop/reviews", ("waypoint", "shop/waypiont does not exist")),
    ("blocked", "shop/checkout", "payments/refunds", ("network policies", "payments/only-8080")),
    ("roots", "shop/checkout", "payments/ledger", ("mTLS", "does not trust the root")),
]


@pytest.mark.parametrize(("scene", "a", "b", "words"), STORIES, ids=[each[0] for each in STORIES])
def test_the_headline_of_a_story_is_its_cause(
    scene: str, a: str, b: str, words: tuple[str, ...], tmp_path: Path
) -> None:
    with running(scene) as kubeconfig:
        ended = explain(tmp_path, kubeconfig, a, b)
    assert ended.returncode == NOT_WELL, ended.stderr
    _, headline, step, *_ = ended.stdout.splitlines()
    assert all(word in headline for word in words), headline
    assert step.startswith("  next: ")


def test_in_blocked_other_calls_go_on(tmp_path: Path) -> None:
    """By the answer of `blocked`: calls to refunds time out, and those to ledger do not."""
    with running("blocked") as kubeconfig:
        well(tmp_path, kubeconfig, "shop/checkout", "payments/ledger")


def test_json_and_yaml_say_the_same_in_the_form_that_is_promised(
    tmp_path: Path, shop: Path
) -> None:
    promised = json.loads(explain(tmp_path, shop, "--schema").stdout)
    asked = ("outside", "https://shop.acme.example/cart", "--method", "GET")
    said = json.loads(explain(tmp_path, shop, *asked, "-o", "json").stdout)
    again = yaml.safe_load(explain(tmp_path, shop, *asked, "-o", "yaml").stdout)
    for each in (said, again):
        jsonschema.validate(each, promised)
    assert [*said] == [*again]
    steady = ("schema", "context", "complete", "from", "to")  # pods come and go between the two
    assert [said[key] for key in steady] == [again[key] for key in steady]
    assert {each["backend"] for each in said["hops"]} == {
        None,
        "90% shop/storefront",
        "10% shop/storefront-next",
    }
    assert all(each["decidedBy"] for each in said["hops"])


def test_what_is_told_of_a_request_decides(tmp_path: Path, shop: Path) -> None:
    asked = ("shop/storefront", "shop/reviews:80")
    untold = explain(tmp_path, shop, *asked)
    assert (untold.returncode, "depending on methods" in untold.stdout) == (NOT_WELL, True)
    well(tmp_path, shop, *asked, "--method", "GET")
    jason = explain(tmp_path, shop, *asked, "--method", "GET", "--header", "end-user=jason")
    assert "100% shop/reviews-v2" in jason.stdout


def test_without_the_dumps_nothing_that_hangs_on_them_is_well(tmp_path: Path, shop: Path) -> None:
    ended = explain(tmp_path, shop, "--no-evidence", "shop/checkout", "payments/ledger")
    assert ended.returncode == NOT_WELL
    assert ended.stdout.startswith("? ")


def test_a_name_that_is_nothing_is_usage(tmp_path: Path, shop: Path) -> None:
    ended = explain(tmp_path, shop, "shop/nobody", "payments/ledger")
    assert (ended.returncode, ended.stdout) == (USAGE, "")
    assert "there is no pod, workload or service account 'shop/nobody'" in ended.stderr
    assert explain(tmp_path, shop, "shop/checkout").returncode == USAGE
    assert explain(tmp_path, shop, "shop/checkout", "payments/ledger:http").returncode == USAGE
    assert explain(tmp_path, shop, "a", "b", "--header", "x").returncode == USAGE


def test_a_cluster_that_cannot_be_reached_is_told(tmp_path: Path, shop: Path) -> None:
    config = yaml.safe_load(shop.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    gone = tmp_path / "kubeconfig"
    gone.write_text(yaml.safe_dump(config))
    ended = explain(tmp_path, gone, "shop/checkout", "payments/ledger")
    assert (ended.returncode, ended.stdout) == (UNREADABLE, "")
    assert ended.stderr.startswith("meshtui: 127.0.0.1:1 refuses connections")
