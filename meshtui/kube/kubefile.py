"""One kubeconfig file: from YAML to what it names. A mistake names the file and the line, never what stands there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from msgspec import Struct

from meshtui.kube.access import Cluster, Context, Exec, Impersonation, Material, User
from meshtui.kube.errors import ConfigError

_EXEC_EXTENSION = "client.authentication.k8s.io/exec"
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Kubefile(Struct, frozen=True):
    """What one file names, by name."""

    path: Path
    current: str
    contexts: Mapping[str, Context]
    clusters: Mapping[str, Cluster]
    users: Mapping[str, User]


def read(path: Path) -> Kubefile | None:
    """What a file names; None where there is no such file. Raises ConfigError where it is no kubeconfig; an entry in
    it that is of no use is passed over, or complained of when it is used."""
    document = _document(path)
    if document is None:
        return None
    base = path.absolute().parent
    contexts = _named(document, "context", path)
    clusters = _named(document, "cluster", path)
    users = _named(document, "user", path)
    return Kubefile(
        path,
        _text(document, "current-context"),
        {name: _context(name, body) for name, body in contexts.items()},
        {name: _cluster(name, body, base) for name, body in clusters.items()},
        {name: _user(name, body, base) for name, body in users.items()},
    )


def _document(path: Path) -> dict[str, Any] | None:
    """The mapping in a file, empty where the file is; None where there is no such file."""
    try:
        document = yaml.load(path.read_bytes(), _LOADER)
    except FileNotFoundError:
        return None
    except IsADirectoryError:
        raise ConfigError(f"kubeconfig {path} is a directory", "Name a file in it.") from None
    except OSError as error:
        raise ConfigError(
            f"kubeconfig {path} cannot be read: {error.strerror}",
            f"Look at its owner and mode: ls -l {path}",
        ) from None
    except yaml.YAMLError as error:
        # Without its cause: a parser quotes the line it fails at, and that may hold a token.
        raise ConfigError(
            f"kubeconfig {path} is not valid YAML{_place(error)}", "Correct it there."
        ) from None
    except (ValueError, RecursionError) as error:  # an impossible date, nesting without end
        raise ConfigError(
            f"kubeconfig {path} cannot be understood ({type(error).__name__})",
            "Is it the right file?",
        ) from None
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise ConfigError(
            f"kubeconfig {path} holds no kubeconfig but a {_type(document)}",
            "Is it the right file?",
        )
    kind = document.get("kind", "Config")
    if kind not in ("Config", ""):
        raise ConfigError(
            f"kubeconfig {path} holds no kubeconfig but a {kind!s:.60}", "Is it the right file?"
        )
    return document


def _place(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError):
        mark = error.problem_mark or error.context_mark
        return (f", line {mark.line + 1}" if mark else "") + (
            f": {error.problem}" if error.problem else ""
        )
    return ": it holds characters that YAML does not allow"


def _named(document: Mapping[str, Any], singular: str, path: Path) -> dict[str, Mapping[str, Any]]:
    """The entries of one of the three lists by name, which may be null or missing."""
    listed = document.get(f"{singular}s")
    found: dict[str, Mapping[str, Any]] = {}
    for entry in listed if isinstance(listed, list) else ():
        if not isinstance(entry, dict) or not (name := _text(entry, "name")):
            continue
        if name in found:  # kubectl refuses the file, too: nobody can tell which one is meant
            raise ConfigError(
                f'kubeconfig {path} names the {singular} "{name}" twice', "Remove one of them."
            )
        body = entry.get(singular)
        found[name] = body if isinstance(body, dict) else {}
    return found


def _context(name: str, body: Mapping[str, Any]) -> Context:
    return Context(name, _text(body, "cluster"), _text(body, "user"), _text(body, "namespace"))


def _cluster(name: str, body: Mapping[str, Any], base: Path) -> Cluster:
    return Cluster(
        name=name,
        server=_text(body, "server"),
        authority=_material(body, "certificate-authority-data", "certificate-authority", base),
        server_name=_text(body, "tls-server-name"),
        insecure=body.get("insecure-skip-tls-verify") is True,
        proxy=_text(body, "proxy-url"),
        exec_config=_extension(body, _EXEC_EXTENSION),
    )


def _user(name: str, body: Mapping[str, Any], base: Path) -> User:
    provider = body.get("auth-provider")
    plugin = body.get("exec")
    return User(
        name=name,
        certificate=_material(body, "client-certificate-data", "client-certificate", base),
        key=_material(body, "client-key-data", "client-key", base),
        token=_material(body, "token", "tokenFile", base),
        username=_text(body, "username"),
        password=_text(body, "password"),
        plugin=_plugin(plugin, base) if isinstance(plugin, dict) else None,
        auth_provider=(_text(provider, "name") or "unnamed") if isinstance(provider, dict) else "",
        impersonation=Impersonation(
            _text(body, "as"),
            _text(body, "as-uid"),
            _texts(body, "as-groups"),
            _extra(body.get("as-user-extra")),
        ),
    )


def _plugin(body: Mapping[str, Any], base: Path) -> Exec:
    command = _text(body, "command")
    if os.sep in command:  # a relative path counts from the file; a bare name is looked up in PATH
        command = str(base / command)
    variables = body.get("env")
    return Exec(
        api_version=_text(body, "apiVersion"),
        command=command,
        args=_texts(body, "args"),
        env=tuple(
            (_text(entry, "name"), _text(entry, "value"))
            for entry in (variables if isinstance(variables, list) else ())
            if isinstance(entry, dict) and _text(entry, "name")
        ),
        install_hint=_text(body, "installHint"),
        provide_cluster_info=body.get("provideClusterInfo") is True,
        interactive_mode=_text(body, "interactiveMode") or "IfAvailable",
    )


def _extension(body: Mapping[str, Any], wanted: str) -> Any:
    extensions = body.get("extensions")
    for entry in extensions if isinstance(extensions, list) else ():
        if isinstance(entry, dict) and entry.get("name") == wanted:
            return entry.get("extension")
    return None


def _material(body: Mapping[str, Any], inline: str, file: str, base: Path) -> Material:
    path = _text(body, file)
    return Material(_text(body, inline), base / path if path else None)


def _extra(value: Any) -> tuple[tuple[str, str], ...]:
    if not isinstance(value, dict):
        return ()
    return tuple((str(key), text) for key in value for text in _texts(value, key))


def _text(body: Mapping[str, Any], name: str) -> str:
    value = body.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)  # a name or a token of digits that somebody forgot to quote
    return value if isinstance(value, str) else ""


def _texts(body: Mapping[str, Any], name: str) -> tuple[str, ...]:
    value = body.get(name)
    return tuple(str(item) for item in value) if isinstance(value, list) else ()


def _type(value: object) -> str:
    return "list" if isinstance(value, list) else "text"
