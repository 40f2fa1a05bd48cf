"""Kubeconfig: the clusters, users and contexts that the files name, merged as kubectl merges them.

Files are read here, once and synchronously; what they point at (keys, tokens, CAs) is read when a connection needs it.
The official client's loader is no help: it takes `current-context` from the last file instead of the first, fails on
a list that is null or a file that is empty, and names neither file nor line of a mistake.

Rules: kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig, checked against kubectl 1.32.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from shlex import quote

from msgspec import Struct, field
from msgspec.structs import replace

from meshtui.kube import kubefile, overrides
from meshtui.kube.access import Cluster, Context, Material, User
from meshtui.kube.errors import ConfigError
from meshtui.kube.kubefile import Kubefile
from meshtui.settings import Settings

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")
"""Where the kubelet mounts the credentials of a pod."""


class Kubeconfig(Struct, frozen=True):
    contexts: tuple[Context, ...] = ()
    """By name, as kubectl lists them."""
    current: str = ""
    """`current-context`; "" where no file names one."""
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    users: Mapping[str, User] = field(default_factory=dict)
    source: str = ""
    """Where it came from, for messages: the files, or "this pod's service account"."""
    flags: Settings = field(default_factory=Settings)
    """What outweighs the files in the context that one starts with."""
    start: str = ""
    """That context."""

    def choose(self, name: str = "") -> tuple[Context, Cluster, User]:
        """The context of that name, or the current one, with its cluster and user. Raises ConfigError."""
        context = self._context(name)
        flags = self.flags if context.name == self.start else Settings()
        context = overrides.of_context(context, flags)
        cluster = self.clusters.get(context.cluster)
        if cluster is None and flags.cluster:
            raise self._unknown("cluster", flags.cluster, self.clusters)
        if not context.cluster or cluster is None:
            raise ConfigError(
                f'context "{context.name}" names {_named("cluster", context.cluster)}, but {self.source} has '
                + _listed("clusters", self.clusters),
                f"Correct it with: kubectl config set-context {quote(context.name)} --cluster=NAME",
            )
        user = self.users.get(context.user)
        if user is None:
            if flags.user:
                raise self._unknown("user", flags.user, self.users)
            if context.user:
                raise ConfigError(
                    f'context "{context.name}" names {_named("user", context.user)}, but {self.source} has '
                    + _listed("users", self.users),
                    f"Correct it with: kubectl config set-context {quote(context.name)} --user=NAME",
                )
            user = User("")  # a context without a user is anonymous, as for kubectl
        cluster, user = overrides.of_cluster(cluster, flags), overrides.of_user(user, flags)
        if not cluster.server:
            raise ConfigError(
                f'cluster "{cluster.name}" in {self.source} has no server address',
                f"Set it with: kubectl config set-cluster {quote(cluster.name)} --server=https://HOST:6443",
            )
        return context, cluster, user

    def _unknown(self, what: str, name: str, known: Iterable[str]) -> ConfigError:
        return ConfigError(
            f'there is no {what} "{name}"; {self.source} has {_listed(f"{what}s", known)}',
            f"Correct --{what}.",
        )

    def _context(self, name: str) -> Context:
        wanted = name or self.current
        known = {context.name: context for context in self.contexts}
        if not known:
            raise ConfigError(
                f"{self.source} has no contexts",
                "Get a kubeconfig from your cluster's provider, or name another file with --kubeconfig or KUBECONFIG.",
            )
        if not wanted:
            raise ConfigError(
                f"{self.source} has no current context; it has {_listed('contexts', known)}",
                "Choose one here or with --context, or set it with: kubectl config use-context NAME",
            )
        if wanted not in known:
            said = f'there is no context "{wanted}"'
            if wanted == self.current:
                said = f'the current context is "{wanted}", which does not exist'
            near = difflib.get_close_matches(wanted, known, n=1)
            raise ConfigError(
                f"{said}; {self.source} has {_listed('contexts', known)}",
                f'Did you mean "{near[0]}"?' if near else "Choose one of them.",
            )
        return known[wanted]


def load(
    settings: Settings,
    environ: Mapping[str, str] = os.environ,
    service_account: Path = SERVICE_ACCOUNT,
) -> Kubeconfig:
    """The merged kubeconfig: of `settings.kubeconfig`, else `KUBECONFIG`, else `~/.kube/config`, else of the pod that
    we run in. Only what concerns all contexts raises a ConfigError (no file, one that cannot be read, broken YAML);
    a context that is wrong says so when it is chosen."""
    listed = paths(settings, environ)
    files = [file for path in listed if (file := kubefile.read(path)) is not None]
    if not settings.kubeconfig and not any(file.contexts for file in files):
        pod = _in_cluster(environ, service_account)
        if pod is not None:
            return _with_flags(pod, settings)
    if files:
        return _with_flags(_merge(files), settings)
    where = " and ".join(map(str, listed))
    missing = f"there is no kubeconfig: {where} {'do' if len(listed) > 1 else 'does'} not exist"
    if settings.kubeconfig or environ.get("KUBECONFIG"):
        asked = "--kubeconfig" if settings.kubeconfig else "the variable KUBECONFIG"
        raise ConfigError(missing, f"Correct {asked}.")
    raise ConfigError(
        missing,
        "Get one from your cluster's provider and name it with --kubeconfig or KUBECONFIG, or try the built-in "
        "cluster: meshtui demo",
    )


def readable(settings: Settings, environ: Mapping[str, str] = os.environ) -> Kubeconfig:
    """What those files name that can be read, where `load` fails over another: kubectl refuses them all then. There is
    no current context: the other file might name it."""
    files: list[Kubefile] = []
    for path in paths(settings, environ):
        with suppress(ConfigError):
            files += filter(None, [kubefile.read(path)])
    return _with_flags(replace(_merge(files), current=""), settings)


def paths(settings: Settings, environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The files to read, in their order, whether they exist or not."""
    if settings.kubeconfig:
        return settings.kubeconfig
    listed = environ.get("KUBECONFIG", "")
    if listed:
        return tuple(dict.fromkeys(Path(path) for path in listed.split(os.pathsep) if path))
    home = environ.get("HOME")
    return ((Path(home) if home else Path.home()) / ".kube" / "config",)


def _merge(files: Sequence[Kubefile]) -> Kubeconfig:
    """The first file to name a thing wins, whole: nothing of a later thing of that name is taken."""
    contexts: dict[str, Context] = {}
    clusters: dict[str, Cluster] = {}
    users: dict[str, User] = {}
    for file in reversed(files):
        contexts |= file.contexts
        clusters |= file.clusters
        users |= file.users
    return Kubeconfig(
        tuple(_at(contexts[name], clusters) for name in sorted(contexts)),
        next((file.current for file in files if file.current), ""),
        clusters,
        users,
        ", ".join(str(file.path) for file in files),
    )


def _with_flags(config: Kubeconfig, flags: Settings) -> Kubeconfig:
    start, contexts = flags.context or config.current, []
    for context in config.contexts:
        if context.name == start:
            at = _at(overrides.of_context(context, flags), config.clusters)
            context = replace(context, server=flags.server or at.server)
        contexts.append(context)
    return replace(config, contexts=tuple(contexts), flags=flags, start=start)


def _at(context: Context, clusters: Mapping[str, Cluster]) -> Context:
    cluster = clusters.get(context.cluster)
    return replace(context, server=cluster.server) if cluster else context


def _in_cluster(environ: Mapping[str, str], directory: Path) -> Kubeconfig | None:
    """The API server and the service account of the pod that we run in; None outside of one."""
    host = environ.get("KUBERNETES_SERVICE_HOST")
    port = environ.get("KUBERNETES_SERVICE_PORT")
    token = directory / "token"
    if not (host and port and token.is_file()):
        return None
    name = "in-cluster"
    server = f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}"
    try:
        namespace = (directory / "namespace").read_text().strip()
    except OSError:
        namespace = ""
    return Kubeconfig(
        contexts=(Context(name, name, name, namespace, server),),
        current=name,
        clusters={name: Cluster(name, server, Material(file=directory / "ca.crt"))},
        users={name: User(name, token=Material(file=token))},
        source="this pod's service account",
    )


def _named(what: str, name: str) -> str:
    return f'the {what} "{name}"' if name else f"no {what}"


def _listed(what: str, names: Iterable[str], most: int = 8) -> str:
    known = sorted(names)
    if not known:
        return f"no {what}"
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return f"the {what} {', '.join(known[:most])}{more}"
