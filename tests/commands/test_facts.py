"""`meshtui status` and `meshtui certs`, as a shell sees them, over the built-in cluster."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import jsonschema
import pytest
import yaml

from meshtui.commands import status
from meshtui.mesh import overview
from tests import recordings
from tests.commands.shell import meshtui

_, NOT_SOUND, USAGE, UNREADABLE = range(4)


def tell(home: Path, kubeconfig: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command, *others = words
    return meshtui(home, command, "--kubeconfig", str(kubeconfig), *others)


def test_status_tells_every_section_and_each_thing_that_is_not_well(
    tmp_path: Path, shop: Path
) -> None:
    ended = tell(tmp_path, shop, "status")
    assert (ended.returncode, ended.stderr) == (NOT_SOUND, "")
    lines = ended.stdout.splitlines()
    titles = [line for line in lines if line and not line.startswith(" ")]
    assert titles == [
        "PANES", "WORST", "ENROLLMENT", "OUTSIDE", "NODES", "COMING UP",
        "MESH", "COMPONENTS", "REVISIONS", "APIS",
    ]  # fmt: skip
    assert any(line.startswith(" ✗ AMB-010") and "payments/only-8080" in line for line in lines)
    assert any(line.startswith(" ✗ batch") for line in lines)
    assert any("payments 3/3" in line for line in lines if line.startswith(" ✓"))


def test_in_a_terminal_it_is_one_screen_of_text() -> None:
    """The recorded mesh at 160x48, and no line is longer than the terminal."""
    at = recordings.snapshot("shop")
    report = status.Report(at, tuple(overview.of(at, ())), ())
    lines = status.text(report, 160).splitlines()
    assert len(lines) < 48
    assert max(map(len, lines)) <= 160
    assert all(line in status.text(report, None) for line in lines if line.isupper())


def test_status_keeps_to_the_namespaces_that_are_asked_for(tmp_path: Path, shop: Path) -> None:
    said = json.loads(tell(tmp_path, shop, "status", "-n", "plain", "-o", "json").stdout)
    sections = {each["title"]: each["items"] for each in said["sections"]}
    assert [item["text"] for item in sections["outside"]] == ["plain"]
    assert sections["enrollment"] == []


def test_certs_lists_the_most_overdue_first_with_what_is_wrong(tmp_path: Path, shop: Path) -> None:
    ended = tell(tmp_path, shop, "certs")
    assert (ended.returncode, ended.stderr) == (NOT_SOUND, "")
    head, absent, why, expiring, *_ = ended.stdout.splitlines()
    assert head.split() == ["EXPIRES", "RENEWS", "IDENTITY", "HELD", "BY", "ISSUER"]
    assert absent.split()[:4] == ["✗", "–", "–", "absent"]
    assert why.strip().startswith("Secret edge/absent does not exist")
    assert expiring.split()[2:5] == ["by", "hand", "*.acme.example"]
    assert "BEGIN" not in ended.stdout


def test_what_renews_itself_in_time_does_not_end_within_any_time(
    tmp_path: Path, shop: Path
) -> None:
    def names(within: str) -> list[str]:
        asked = ("certs", "--expiring", within, "-o", "json")
        ended = tell(tmp_path, shop, *asked)
        assert ended.returncode == NOT_SOUND
        return [each["name"] for each in json.loads(ended.stdout)["certificates"]]

    assert names("1h") == ["absent"]
    assert names("7d") == ["absent", "*.acme.example"]
    # a workload's certificate ends within a day, and is renewed; a CA's is renewed by hand
    assert names("8760h") == ["absent", "*.acme.example", "Acme LLC Intermediate CA"]


@pytest.mark.parametrize("command", ["status", "certs"])
def test_json_and_yaml_say_the_same_in_the_form_that_is_promised(
    command: str, tmp_path: Path, shop: Path
) -> None:
    promised = json.loads(tell(tmp_path, shop, command, "--schema").stdout)
    said = json.loads(tell(tmp_path, shop, command, "-o", "json").stdout)
    again = yaml.safe_load(tell(tmp_path, shop, command, "-o", "yaml").stdout)
    jsonschema.validate(said, promised)
    jsonschema.validate(again, promised)
    assert [*said] == [*again]


@pytest.mark.parametrize("command", ["status", "certs"])
def test_what_could_not_be_read_is_told_and_strict_fails_of_it(
    command: str, tmp_path: Path, shop: Path
) -> None:
    """An identity without rights: nobody bound any to it."""
    ended = tell(tmp_path, shop, command, "--as", "nobody", "-o", "json", "--strict")
    assert ended.returncode == UNREADABLE
    assert "meshtui: not read: pods" in ended.stderr
    said = json.loads(ended.stdout)
    assert (said["complete"], bool(said["missing"])) == (False, True)


def test_a_cluster_that_cannot_be_reached_is_told(tmp_path: Path, shop: Path) -> None:
    config = yaml.safe_load(shop.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    gone = tmp_path / "kubeconfig"
    gone.write_text(yaml.safe_dump(config))
    ended = tell(tmp_path, gone, "status")
    assert (ended.returncode, ended.stdout) == (UNREADABLE, "")
    assert ended.stderr.startswith("meshtui: 127.0.0.1:1 refuses connections")


def test_a_duration_that_is_none_is_usage(tmp_path: Path, shop: Path) -> None:
    ended = tell(tmp_path, shop, "certs", "--expiring", "soon")
    assert ended.returncode == USAGE
    assert "'soon' is not a duration" in ended.stderr
