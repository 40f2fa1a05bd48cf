"""Kubeconfigs: merged as kubectl merges them, and each mistake in its own words."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from meshtui.kube import kubeconfig
from meshtui.kube.access import Cluster, Context, Material
from meshtui.kube.errors import ConfigError
from meshtui.kube.kubeconfig import Kubeconfig
from meshtui.mesh.snapshot import Trouble
from meshtui.settings import Settings

FIRST = """
apiVersion: v1
kind: Config
current-context: one
clusters:
- name: shared
  cluster: {server: "https://first.example:6443", tls-server-name: first}
contexts:
- name: one
  context: {cluster: shared, user: shared}
users:
- name: shared
  user: {username: first, password: pa55}
"""

SECOND = """
apiVersion: v1
kind: Config
current-context: two
preferences: {}
clusters:
- name: shared
  cluster: {server: "https://second.example:6443", proxy-url: "http://proxy.example:3128"}
- name: other
  cluster: {server: "https://other.example", certificate-authority: pki/ca.crt}
contexts:
- name: one
  context: {cluster: other, user: shared, namespace: late}
- name: two
  context: {cluster: other, user: plugin, namespace: late}
users:
- name: shared
  user: {token: second}
- name: plugin
  user:
    client-certificate: ../cert.pem
    client-key: /keys/key.pem
    exec: {apiVersion: client.authentication.k8s.io/v1, command: ./bin/login, args: null, interactiveMode: Never}
"""

NULLS = """
apiVersion: v1
kind: Config
clusters: null
contexts: null
current-context: ""
preferences: {}
users: null
"""


def load(*files: Path, environ: dict[str, str] | None = None) -> Kubeconfig:
    return kubeconfig.load(Settings(kubeconfig=files), environ or {})


def file(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def error(path: Path, context: str = "") -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        load(path).choose(context)
    assert caught.value.problem.trouble is Trouble.CONFIG
    assert caught.value.problem.remedy, "each mistake has a next step"
    return caught.value


def test_the_first_file_to_name_a_thing_wins_whole(tmp_path: Path) -> None:
    first, second = file(tmp_path / "a" / "1", FIRST), file(tmp_path / "b" / "2", SECOND)
    merged = load(first, second)
    assert merged.contexts == (
        Context("one", "shared", "shared", "", "https://first.example:6443"),
        Context("two", "other", "plugin", "late", "https://other.example"),
    )
    assert merged.current == "one"
    _, cluster, user = merged.choose()
    assert (cluster.server, cluster.server_name, cluster.proxy) == (
        "https://first.example:6443",
        "first",
        "",
    )
    assert (user.username, user.password, user.token) == ("first", "pa55", Material())


def test_paths_count_from_the_file_that_names_them(tmp_path: Path) -> None:
    merged = load(file(tmp_path / "a" / "1", FIRST), file(tmp_path / "b" / "2", SECOND))
    _, cluster, user = merged.choose("two")
    assert cluster.authority.file == tmp_path / "b" / "pki" / "ca.crt"
    assert user.certificate.file is not None
    assert user.certificate.file.resolve() == tmp_path / "cert.pem"
    assert user.key.file == Path("/keys/key.pem")
    assert user.plugin is not None
    assert user.plugin.command == str(tmp_path / "b" / "bin" / "login")


def test_flags_hold_in_the_context_that_one_starts_with_and_in_no_other(tmp_path: Path) -> None:
    """As `kubectl options` tells of them."""
    first, second = file(tmp_path / "a" / "1", FIRST), file(tmp_path / "b" / "2", SECOND)
    settings = Settings(
        kubeconfig=(first, second),
        cluster="other",
        user="plugin",
        server="https://tunnel.example:8443",
        token="t0ken",
        client_key=Path("mine.pem"),
    )
    merged = kubeconfig.load(settings, {})
    context, cluster, user = merged.choose()
    assert (context.name, context.cluster, context.user) == ("one", "other", "plugin")
    assert (cluster.server, cluster.server_name) == ("https://tunnel.example:8443", "")
    assert (user.token, user.key, user.plugin) == (
        Material("t0ken"),
        Material(file=Path("mine.pem")),
        None,
    )
    assert [each.server for each in merged.contexts] == [
        "https://tunnel.example:8443",
        "https://other.example",
    ]
    assert merged.choose("two") == load(first, second).choose("two")
    assert "t0ken" not in repr(settings) + repr(merged)


def test_flags_of_tls_exclude_each_other_as_kubectls_do(tmp_path: Path) -> None:
    path, authority = file(tmp_path / "1", SECOND), Path("ca.pem")

    def cluster(**flags: Any) -> Cluster:
        settings = Settings(kubeconfig=(path,), context="two", **flags)
        return kubeconfig.load(settings, {}).choose("two")[1]

    assert cluster().authority.file == tmp_path / "pki" / "ca.crt"
    assert cluster(insecure_skip_tls_verify=True).authority == Material()
    assert cluster(insecure_skip_tls_verify=True).insecure
    assert cluster(certificate_authority=authority).authority == Material(file=authority)
    named = cluster(server="https://10.0.0.1", tls_server_name="api.example")
    assert (named.server, named.server_name) == ("https://10.0.0.1", "api.example")


@pytest.mark.parametrize("what", ["cluster", "user"])
def test_a_flag_that_names_what_is_not_there_says_what_is(tmp_path: Path, what: str) -> None:
    flags: dict[str, Any] = {what: "gone"}
    settings = Settings(kubeconfig=(file(tmp_path / "1", FIRST),), **flags)
    with pytest.raises(
        ConfigError, match=f'there is no {what} "gone"; .* has the {what}s shared'
    ) as caught:
        kubeconfig.load(settings, {}).choose()
    assert caught.value.problem.remedy == f"Correct --{what}."


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="there is no kubectl to compare with")
@pytest.mark.parametrize("order", [("1", "2"), ("2", "1"), ("none", "2", "1"), ("nulls", "1", "2")])
@pytest.mark.parametrize("context", ["", "one", "two"])
def test_merged_as_kubectl_merges(tmp_path: Path, order: tuple[str, ...], context: str) -> None:
    for name, text in (("1", FIRST), ("2", SECOND), ("nulls", NULLS)):
        file(tmp_path / name, text)
    listed = os.pathsep.join(str(tmp_path / name) for name in order)
    command = ["kubectl", "config", "view", "--minify", "--raw", "-o", "json"]
    said = subprocess.run(
        [*command, *([f"--context={context}"] if context else [])],
        env={**os.environ, "KUBECONFIG": listed},
        capture_output=True,
        check=True,
        timeout=30,
    )
    kubectl = json.loads(said.stdout)
    theirs: dict[str, Any] = {
        "context": kubectl["current-context"],
        "namespace": kubectl["contexts"][0]["context"].get("namespace", ""),
        "cluster": kubectl["clusters"][0]["cluster"],
        "user": kubectl["users"][0]["user"],
    }
    chosen, cluster, user = kubeconfig.load(Settings(), {"KUBECONFIG": listed}).choose(context)
    assert (chosen.name, chosen.namespace) == (theirs["context"], theirs["namespace"])
    assert cluster.server == theirs["cluster"]["server"]
    assert cluster.server_name == theirs["cluster"].get("tls-server-name", "")
    assert cluster.proxy == theirs["cluster"].get("proxy-url", "")
    assert _path(cluster.authority, tmp_path) == theirs["cluster"].get("certificate-authority", "")
    assert user.username == theirs["user"].get("username", "")
    assert user.token.inline == theirs["user"].get("token", "")
    assert _path(user.certificate, tmp_path) == theirs["user"].get("client-certificate", "")
    assert (user.plugin is not None) == ("exec" in theirs["user"])


def _path(material: Material, base: Path) -> str:
    """As it is written in a file in `base`, which is how kubectl shows it."""
    return os.path.relpath(material.file, base) if material.file else ""


def test_files_that_are_missing_are_passed_over_where_others_exist(tmp_path: Path) -> None:
    there = file(tmp_path / "1", FIRST)
    environ = {"KUBECONFIG": f"{tmp_path / 'no'}:{there}::{there}"}
    assert kubeconfig.load(Settings(), environ).source == str(there)


def test_the_flag_outweighs_the_variable_and_the_variable_the_default(tmp_path: Path) -> None:
    default = file(tmp_path / ".kube" / "config", FIRST.replace("first.example", "default.example"))
    one, two = file(tmp_path / "1", FIRST), file(tmp_path / "2", SECOND)
    home = {"HOME": str(tmp_path)}
    assert kubeconfig.load(Settings(), home).source == str(default)
    named = {**home, "KUBECONFIG": str(two)}
    assert kubeconfig.load(Settings(), named).source == str(two)
    assert kubeconfig.load(Settings(kubeconfig=(one,)), named).source == str(one)


def test_no_kubeconfig_names_the_files_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"\.kube/config does not exist") as caught:
        kubeconfig.load(Settings(), {"HOME": str(tmp_path)}, tmp_path)
    assert "meshtui demo" in caught.value.problem.remedy
    with pytest.raises(ConfigError, match="nowhere does not exist") as caught:
        kubeconfig.load(Settings(), {"HOME": str(tmp_path), "KUBECONFIG": "nowhere"}, tmp_path)
    assert "KUBECONFIG" in caught.value.problem.remedy
    with pytest.raises(ConfigError, match="nowhere does not exist") as caught:
        kubeconfig.load(Settings(kubeconfig=(Path("nowhere"),)), {"HOME": str(tmp_path)}, tmp_path)
    assert "--kubeconfig" in caught.value.problem.remedy


@pytest.mark.parametrize("text", ["", "# nothing\n", NULLS, "{}"])
def test_an_empty_file_has_no_contexts(tmp_path: Path, text: str) -> None:
    path = file(tmp_path / "config", text)
    assert load(path).contexts == ()
    assert f"{path} has no contexts" in str(error(path))


def test_an_unknown_context_lists_the_known_ones_and_the_nearest(tmp_path: Path) -> None:
    caught = error(file(tmp_path / "config", SECOND), "tow")
    assert str(caught) == f'there is no context "tow"; {tmp_path}/config has the contexts one, two'
    assert caught.problem.remedy == 'Did you mean "two"?'


def test_a_current_context_that_is_missing_is_not_taken_for_one_that_is_unknown(
    tmp_path: Path,
) -> None:
    none = file(tmp_path / "none", SECOND.replace("current-context: two", ""))
    assert "has no current context" in str(error(none))
    assert load(none).choose("two")[0].name == "two"
    gone = file(tmp_path / "gone", SECOND.replace("current-context: two", "current-context: x"))
    for name in ("", "x"):  # the screen calls the current context by its name
        assert 'the current context is "x", which does not exist' in str(error(gone, name))


def test_a_context_without_its_cluster_or_user_stops_no_other(tmp_path: Path) -> None:
    broken = SECOND.replace("cluster: other, user: plugin", "cluster: lost, user: nobody")
    path = file(tmp_path / "config", broken)
    assert [context.name for context in load(path).contexts] == ["one", "two"]
    caught = error(path, "two")
    assert 'names the cluster "lost"' in str(caught)
    assert "has the clusters other, shared" in str(caught)
    path.write_text(broken.replace("cluster: lost", "cluster: other"))
    caught = error(path, "two")
    assert 'names the user "nobody"' in str(caught)
    assert "has the users plugin, shared" in str(caught)
    assert load(path).choose("one")[1].name == "other"


def test_broken_yaml_names_file_and_line_and_never_what_stands_there(tmp_path: Path) -> None:
    path = file(tmp_path / "config", FIRST.replace("password: pa55}", "password: pa55]"))
    caught = error(path)
    assert f"{path} is not valid YAML, line 13" in str(caught)
    assert "pa55" not in str(caught) + caught.problem.remedy
    assert caught.__cause__ is None
    assert caught.__suppress_context__


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"a: \x01", "not valid YAML"),
        (b"- a\n- b\n", "holds no kubeconfig but a list"),
        (b"hello", "holds no kubeconfig but a text"),
        (b"kind: Pod\napiVersion: v1\n", "holds no kubeconfig but a Pod"),
        (b"a: 2026-13-45\n", "cannot be understood"),
    ],
)
def test_what_is_no_kubeconfig_says_so(tmp_path: Path, content: bytes, words: str) -> None:
    path = tmp_path / "config"
    path.write_bytes(content)
    assert words in str(error(path))


def test_a_directory_and_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    assert "is a directory" in str(error(tmp_path))
    path = file(tmp_path / "config", FIRST)
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user may read everything")
    assert "cannot be read: Permission denied" in str(error(path))


def test_beside_a_file_that_cannot_be_read_the_others_have_contexts_but_none_is_current(
    tmp_path: Path,
) -> None:
    good, broken = file(tmp_path / "good", FIRST), file(tmp_path / "broken", "contexts: [")
    for files in ((good, broken), (broken, good)):
        with pytest.raises(ConfigError, match="broken is not valid YAML"):
            load(*files)
        found = kubeconfig.readable(Settings(kubeconfig=files), {})
        assert [context.name for context in found.contexts] == ["one"]
        assert found.current == ""
        assert found.choose("one")[2].name == "shared"
    assert kubeconfig.readable(Settings(kubeconfig=(broken,)), {}).contexts == ()


def test_a_name_that_comes_twice_is_refused_as_by_kubectl(tmp_path: Path) -> None:
    twice = FIRST.replace("users:", "users:\n- {name: shared, user: {token: x}}")
    assert 'names the user "shared" twice' in str(error(file(tmp_path / "config", twice)))


def test_in_a_pod_its_service_account_is_used(tmp_path: Path) -> None:
    environ = {
        "HOME": str(tmp_path),
        "KUBERNETES_SERVICE_HOST": "fd00::1",
        "KUBERNETES_SERVICE_PORT": "443",
    }
    file(tmp_path / "token", "sesame")
    file(tmp_path / "namespace", "shop\n")
    config = kubeconfig.load(Settings(), environ, tmp_path)
    context, cluster, user = config.choose()
    assert (context.name, context.namespace) == ("in-cluster", "shop")
    assert (cluster.server, cluster.authority.file) == (
        "https://[fd00::1]:443",
        tmp_path / "ca.crt",
    )
    assert user.token == Material(file=tmp_path / "token")
    named = file(tmp_path / "config", FIRST)
    assert kubeconfig.load(Settings(kubeconfig=(named,)), environ, tmp_path).current == "one"


def test_a_repr_shows_no_secret(tmp_path: Path) -> None:
    text = SECOND.replace("http://proxy", "http://me:pr0xy@proxy").replace(
        "token: second", "token: t0k3n"
    )
    config = load(file(tmp_path / "1", FIRST), file(tmp_path / "2", text))
    shown = repr(config) + repr(load(file(tmp_path / "2", text)))
    assert not {"pa55", "t0k3n", "pr0xy"} & {
        part for part in ("pa55", "t0k3n", "pr0xy") if part in shown
    }


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(
        st.sampled_from(
            ["name", "cluster", "context", "user", "exec", "env", "args", "server", "extensions",
             "as-user-extra", "auth-provider", "token", "value"]
        ),
        inner,
        max_size=4,
    ),
    max_leaves=30,
)  # fmt: skip


@given(
    st.dictionaries(st.sampled_from(["clusters", "contexts", "users", "current-context"]), _JSON)
)
def test_no_document_does_worse_than_a_config_error(
    tmp_path_factory: pytest.TempPathFactory, document: dict[str, Any]
) -> None:
    path = tmp_path_factory.getbasetemp() / f"config-{os.getpid()}"
    path.write_text(yaml.safe_dump(document))
    with suppress(ConfigError):
        config = load(path)
        for context in config.contexts:
            with suppress(ConfigError):
                config.choose(context.name)
