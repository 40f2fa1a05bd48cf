"""`meshtui doctor`, as a shell sees it: what it prints in each form, and its statuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
import yaml

from tests.commands.shell import meshtui

CLEAN, FINDINGS, USAGE, UNREADABLE = range(4)

ROUTE = """\
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: {name: gone, namespace: shop}
status:
  parents:
  - conditions:
    - {type: ResolvedRefs, status: "False", reason: BackendNotFound, message: "no <b>such</b> service"}
"""
PORTS = """\
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec:
  ports:
  - {name: odd, port: 8080}
"""


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "manifests"
    folder.mkdir()
    (folder / "a.yaml").write_text(PORTS + "---\n" + ROUTE)
    return folder


def doctor(home: Path, *words: str, typed: str = "") -> subprocess.CompletedProcess[str]:
    only = ("--code", "IST0171,IST0118")
    return meshtui(home, "doctor", "--alone", *only, *words, typed=typed)


def test_files_alone_need_no_cluster_and_the_worst_comes_first(tmp_path: Path, files: Path) -> None:
    ended = doctor(tmp_path, "-f", str(files))
    assert ended.returncode == CLEAN, ended.stderr  # nothing is as bad as "high"
    told = [line.split()[:3] for line in ended.stdout.splitlines() if "IST" in line]
    assert told == [["!", "medium", "IST0171"], ["·", "info", "IST0118"]]
    assert "HTTPRoute shop/gone" in ended.stdout
    assert ended.stderr == ""


def test_the_status_follows_the_severity_that_one_asks_for(tmp_path: Path, files: Path) -> None:
    statuses = {
        each: doctor(tmp_path, "-f", str(files), "--fail-on", each).returncode
        for each in ("high", "medium", "info", "never")
    }
    assert statuses == {"high": CLEAN, "medium": FINDINGS, "info": FINDINGS, "never": CLEAN}


def test_json_and_yaml_say_the_same_and_name_their_form(tmp_path: Path, files: Path) -> None:
    said = json.loads(doctor(tmp_path, "-f", str(files), "-o", "json").stdout)
    again = yaml.safe_load(doctor(tmp_path, "-f", str(files), "-o", "yaml").stdout)
    assert {**said, "at": ""} == {**again, "at": ""}
    assert said["schema"] == "meshtui.doctor/v1"
    first = said["findings"][0]
    assert (first["code"], first["objects"][0]["name"]) == ("IST0171", "gone")
    assert said["rules"] == {"IST0171": "finding", "IST0118": "finding"}


def test_what_it_promises_of_its_json_is_so(tmp_path: Path, files: Path, shop: Path) -> None:
    promised = json.loads(meshtui(tmp_path, "doctor", "--schema").stdout)
    alone = json.loads(doctor(tmp_path, "-f", str(files), "-o", "json").stdout)
    whole = json.loads(meshtui(tmp_path, "--kubeconfig", str(shop), "doctor", "-o", "json").stdout)
    for said in (alone, whole):
        assert said["findings"]
        jsonschema.validate(said, promised)


def test_files_alone_are_looked_at_with_the_ingress_gateway_that_most_gateways_select(
    tmp_path: Path,
) -> None:
    gateway = """\
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: edge, namespace: shop}
spec:
  selector: {istio: ingressgateway}
  servers:
  - {hosts: [shop.example], port: {name: http, number: 80, protocol: HTTP}}
  - {hosts: [shop.example], port: {name: odd, number: 8001, protocol: HTTP}}
"""
    ended = meshtui(tmp_path, "doctor", "--alone", "-f", "-", "-o", "json", typed=gateway)
    said = json.loads(ended.stdout)
    assert [each["code"] for each in said["findings"]] == ["IST0162"]


def test_sarif_gives_the_line_of_a_file(tmp_path: Path, files: Path) -> None:
    said = json.loads(doctor(tmp_path, "-f", str(files), "-o", "sarif").stdout)
    assert said["version"] == "2.1.0"
    places = {
        result["ruleId"]: result["locations"][0]["physicalLocation"]["region"]["startLine"]
        for result in said["runs"][0]["results"]
    }
    assert places == {"IST0118": 1, "IST0171": PORTS.count("\n") + 1}


def test_junit_has_a_case_for_each_rule(tmp_path: Path, files: Path) -> None:
    suite = ElementTree.fromstring(doctor(tmp_path, "-f", str(files), "-o", "junit").stdout)
    assert (suite.get("tests"), suite.get("failures"), suite.get("skipped")) == ("2", "2", "0")


def test_markdown_lets_no_markup_of_strangers_through(tmp_path: Path, files: Path) -> None:
    said = doctor(tmp_path, "-f", str(files), "-o", "markdown").stdout
    assert "no \\<b\\>such\\</b\\> service" in said


def test_yaml_that_does_not_parse_is_told_by_its_place_and_the_rest_is_looked_at(
    tmp_path: Path,
) -> None:
    ended = doctor(tmp_path, "-f", "-", typed="kind: [\n---\n" + ROUTE)
    assert ended.returncode == FINDINGS
    assert "meshtui: -:2:1: " in ended.stderr
    assert "IST0171" in ended.stdout


def test_a_folder_without_an_object_is_not_passed_over_in_silence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    ended = doctor(tmp_path, "-f", str(tmp_path / "empty"))
    assert ended.returncode == CLEAN
    assert ended.stderr == "meshtui: no object that a rule reads is in these files\n"


def test_what_cannot_be_meant_is_one_line_and_status_2(tmp_path: Path) -> None:
    for words in (["--code", "AMB-999"], ["--alone"], ["-f", "nowhere.yaml"], ["--explain", "X"]):
        ended = meshtui(tmp_path, "doctor", *words)
        assert (ended.returncode, len(ended.stderr.splitlines())) == (USAGE, 1), ended.stderr
    for words in (["--dry-run"], ["--dry-run", "--alone", "-f", "-"], ["--again", "-1"]):
        assert meshtui(tmp_path, "doctor", *words).returncode == USAGE


def test_a_context_that_is_not_there_is_status_2(tmp_path: Path) -> None:
    ended = meshtui(tmp_path, "--context", "nowhere", "doctor")
    assert (ended.returncode, ended.stdout) == (USAGE, "")
    assert ended.stderr.startswith("meshtui: there is no kubeconfig")


def test_a_namespace_alone_is_told_of_with_what_the_mesh_itself_has(
    tmp_path: Path, shop: Path
) -> None:
    words = ("--kubeconfig", str(shop), "doctor", "--no-evidence", "-o", "json")
    ended = meshtui(tmp_path, *words, "-n", "shop", "-n", "nowhere")
    assert "meshtui: there is no namespace nowhere" in ended.stderr
    assert ended.returncode == USAGE, "what else was asked for is told, and a gate does not pass"
    about = {each["code"]: each["objects"] for each in json.loads(ended.stdout)["findings"]}
    assert about.keys() == {"AMB-025", "AMB-046", "IST0171"}
    assert "istio-system" in {each["namespace"] for each in about["AMB-046"]}


def test_a_cluster_that_does_not_answer_is_status_3(tmp_path: Path, shop: Path) -> None:
    config = yaml.safe_load(shop.read_text())
    config["clusters"][0]["cluster"]["server"] = "https://127.0.0.1:1"
    gone = tmp_path / "kubeconfig"
    gone.write_text(yaml.safe_dump(config))
    ended = meshtui(tmp_path, "--kubeconfig", str(gone), "doctor")
    assert (ended.returncode, ended.stdout) == (UNREADABLE, "")
    assert ended.stderr.startswith("meshtui: 127.0.0.1:1 refuses connections")


def test_where_nothing_may_be_read_that_is_no_clean_cluster(tmp_path: Path, shop: Path) -> None:
    ended = meshtui(tmp_path, "--kubeconfig", str(shop), "--as", "nobody", "doctor")
    assert ended.returncode == UNREADABLE
    assert "meshtui: not read: pods: " in ended.stderr


def test_logs_and_istiods_are_asked_where_a_rule_goes_by_them(tmp_path: Path, shop: Path) -> None:
    words = ("doctor", "--code", "AMB-043,AMB-051", "-o", "json", "--strict")
    ended = meshtui(tmp_path, "--kubeconfig", str(shop), *words)
    assert (ended.returncode, ended.stderr) == (CLEAN, "")
    assert json.loads(ended.stdout)["rules"] == {"AMB-043": "ok", "AMB-051": "ok"}


def test_a_rule_explains_itself(tmp_path: Path) -> None:
    ended = meshtui(tmp_path, "doctor", "--explain", "ist0171")
    assert ended.returncode == CLEAN
    assert ended.stdout.startswith("IST0171  a status condition is negative\n  severity  medium\n")


def test_the_shop_has_the_negative_conditions_that_its_istiod_wrote(
    tmp_path: Path, shop: Path
) -> None:
    ended = meshtui(
        tmp_path, "--kubeconfig", str(shop), "doctor", "--code", "IST0171", "-o", "json"
    )
    assert ended.returncode == CLEAN, ended.stderr
    said = json.loads(ended.stdout)
    named = {each["name"] for found in said["findings"] for each in found["objects"]}
    assert {"broken-backend", "no-grant", "wrong-host", "reports"} <= named
    assert said["complete"]


def test_a_file_over_the_cluster_tells_what_is_new_by_it_alone(
    tmp_path: Path, shop: Path, files: Path
) -> None:
    words = ("doctor", "--code", "IST0171", "-f", str(files), "-o", "json")
    said = json.loads(meshtui(tmp_path, "--kubeconfig", str(shop), *words).stdout)
    named = [each["name"] for found in said["findings"] for each in found["objects"]]
    assert named == ["gone"]


# Muted


def mute(home: Path, context: str, finding: str, until: str | None) -> None:
    """As somebody did on the screen."""
    (home / "meshtui").mkdir(exist_ok=True)
    written = {
        "finding": finding,
        "reason": "goes next week",
        "since": "2026-11-01T00:00:00+00:00",
        "until": until,
    }
    (home / "meshtui" / "mutes.json").write_text(json.dumps({context: [written]}))


def test_what_is_muted_is_counted_and_told_only_when_asked_for(tmp_path: Path, shop: Path) -> None:
    words = ("--kubeconfig", str(shop), "doctor", "--code", "AMB-010", "-o", "json")
    before = meshtui(tmp_path, *words)
    said = json.loads(before.stdout)
    assert (before.returncode, len(said["findings"]), said["muted"]) == (FINDINGS, 1, 0)
    finding = "AMB-010 networkpolicies.networking.k8s.io/payments/only-8080"
    mute(tmp_path, said["context"], finding, None)
    ended = meshtui(tmp_path, *words)
    said = json.loads(ended.stdout)
    assert (ended.returncode, said["findings"], said["muted"]) == (CLEAN, [], 1)
    ended = meshtui(tmp_path, *words, "--muted")
    (told,) = json.loads(ended.stdout)["findings"]
    assert told["muted"] == {"reason": "goes next week", "until": None}
    assert ended.returncode == CLEAN
    jsonschema.validate(
        json.loads(ended.stdout), json.loads(meshtui(tmp_path, "doctor", "--schema").stdout)
    )
    table = meshtui(tmp_path, *words[:-2]).stdout
    assert table.endswith("nothing found; 1 muted; 1 rule\n")
    sarif = json.loads(meshtui(tmp_path, *words[:-1], "sarif", "--muted").stdout)
    assert sarif["runs"][0]["results"][0]["suppressions"][0]["kind"] == "external"
    junit = ElementTree.fromstring(meshtui(tmp_path, *words[:-1], "junit", "--muted").stdout)
    assert junit.get("failures") == "0"


def test_a_mute_that_has_ended_mutes_nothing(tmp_path: Path, shop: Path) -> None:
    words = ("--kubeconfig", str(shop), "doctor", "--code", "AMB-010", "-o", "json")
    context = json.loads(meshtui(tmp_path, *words).stdout)["context"]
    finding = "AMB-010 networkpolicies.networking.k8s.io/payments/only-8080"
    mute(tmp_path, context, finding, "2026-11-02T00:00:00+00:00")
    ended = meshtui(tmp_path, *words)
    assert (ended.returncode, json.loads(ended.stdout)["muted"]) == (FINDINGS, 0)


# Two readings


def test_counters_read_once_leave_rules_unknown_and_a_second_reading_lets_them_judge(
    tmp_path: Path, shop: Path
) -> None:
    words = ("--kubeconfig", str(shop), "doctor", "--code", "AMB-034")
    once = meshtui(tmp_path, *words)
    assert "read once: whether they rise is not known (AMB-034)" in once.stdout
    assert "0 of 1 rules could judge" in once.stdout
    said = json.loads(meshtui(tmp_path, *words, "--again", "1", "-o", "json").stdout)
    assert said["unknown"] == []
    assert said["rules"]["AMB-034"] in ("ok", "finding")


# Tried by the server


def test_what_the_server_cannot_try_is_not_known_and_what_it_takes_is_well(
    tmp_path: Path, shop: Path
) -> None:
    words = ("--kubeconfig", str(shop), "doctor", "--code", "IST0106", "--dry-run", "-o", "json")
    said = json.loads(meshtui(tmp_path, *words, "-f", "-", typed=PORTS).stdout)
    assert (said["findings"], said["unknown"], said["rules"]["IST0106"]) == ([], [], "ok")
    elsewhere = PORTS.replace("namespace: shop", "namespace: nowhere")
    said = json.loads(meshtui(tmp_path, *words, "-f", "-", typed=elsewhere).stdout)
    assert said["unknown"][0]["about"]["namespace"] == "nowhere"
    assert said["rules"]["IST0106"] == "unknown"
