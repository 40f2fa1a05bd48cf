"""`meshtui verdict`, as a shell sees it, over the built-in cluster: what it prints in each form, and its statuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import yaml

from tests.commands.shell import meshtui

ALLOWED, NOT_ALLOWED, USAGE, UNREADABLE = range(4)

STEADY = ("schema", "context", "complete", "from", "to", "port", "outcome")
"""What pods that come and go meanwhile do not change."""


def verdict(home: Path, kubeconfig: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return meshtui(home, "--kubeconfig", str(kubeconfig), "verdict", *words)


def test_what_policies_allow_ends_well(tmp_path: Path, shop: Path) -> None:
    ended = verdict(tmp_path, shop, "shop/checkout", "payments/ledger:8080")
    assert ended.returncode == ALLOWED, ended.stderr
    assert ended.stdout.startswith("✓ allowed  Deployment shop/checkout → ")
    assert "payments/allow-checkout rule 1 allows it" in ended.stdout
    assert ended.stderr == ""


def test_a_refusal_names_the_nearest_miss(tmp_path: Path, shop: Path) -> None:
    ended = verdict(tmp_path, shop, "shop/storefront", "payments/ledger:8080")
    assert ended.returncode == NOT_ALLOWED
    (nearest,) = (line for line in ended.stdout.splitlines() if "nearest" in line)
    assert "payments/allow-checkout rule 1 wants principals" in nearest
    assert "and it is acmellc.local/ns/shop/sa/storefront" in nearest


def test_a_request_is_judged_by_what_is_told_of_it(tmp_path: Path, shop: Path) -> None:
    asked = ("shop/storefront", "shop/service/reviews:80")
    untold = verdict(tmp_path, shop, *asked)
    assert (untold.returncode, "depending on methods" in untold.stdout) == (NOT_ALLOWED, True)
    assert verdict(tmp_path, shop, *asked, "--method", "GET").returncode == ALLOWED
    posted = verdict(tmp_path, shop, *asked, "--method", "POST", "--header", "x=y", "--path", "/")
    assert (posted.returncode, "✗ waypoint shop/waypoint" in posted.stdout) == (NOT_ALLOWED, True)


def test_json_and_yaml_say_the_same_in_the_form_that_is_promised(
    tmp_path: Path, shop: Path
) -> None:
    promised = json.loads(verdict(tmp_path, shop, "--schema").stdout)
    for asked in (("shop/storefront", "payments/ledger:8080"), ("outside", "shop/catalog")):
        said = json.loads(verdict(tmp_path, shop, *asked, "-o", "json").stdout)
        again = yaml.safe_load(verdict(tmp_path, shop, *asked, "-o", "yaml").stdout)
        assert [said[key] for key in STEADY] == [again[key] for key in STEADY]
        assert [*said] == [*again]
        jsonschema.validate(said, promised)
        jsonschema.validate(again, promised)


def test_a_name_that_is_nothing_is_usage(tmp_path: Path, shop: Path) -> None:
    ended = verdict(tmp_path, shop, "shop/nobody", "payments/ledger:8080")
    assert ended.returncode == USAGE
    assert "there is no pod, workload or service account 'shop/nobody'" in ended.stderr
    assert ended.stdout == ""
    assert verdict(tmp_path, shop, "shop/checkout", "payments/ledger:http").returncode == USAGE
    assert verdict(tmp_path, shop, "shop/checkout").returncode == USAGE


def test_a_cluster_that_cannot_be_reached_is_told(tmp_path: Path, shop: Path) -> None:
    config = yaml.safe_load(shop.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    gone = tmp_path / "kubeconfig"
    gone.write_text(yaml.safe_dump(config))
    ended = verdict(tmp_path, gone, "shop/checkout", "payments/ledger:8080")
    assert (ended.returncode, ended.stdout) == (UNREADABLE, "")
    assert ended.stderr.startswith("meshtui: 127.0.0.1:1 refuses connections")
