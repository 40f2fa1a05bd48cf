"""Overrides: what flags say in place of the kubeconfig, as kubectl's do.

Rules: `kubectl options`, and k8s.io/client-go, tools/clientcmd/client_config.go (getCluster, getAuthInfo).
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from pathlib import Path

from meshtui.kube.access import Cluster, Context, Material, User
from meshtui.settings import Settings


@dataclass(frozen=True, slots=True)
class Overrides:
    """ "" and None leave a thing as the kubeconfig has it."""

    cluster: str = ""
    """The name of another cluster of the kubeconfig."""
    user: str = ""
    """The name of another user of it."""
    server: str = ""
    tls_server_name: str = ""
    insecure_skip_tls_verify: bool | None = None
    certificate_authority: Path | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    token: str = field(default="", repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Overrides:
        return cls(**{each.name: getattr(settings, each.name) for each in fields(cls)})

    def of_context(self, context: Context) -> Context:
        return replace(
            context, cluster=self.cluster or context.cluster, user=self.user or context.user
        )

    def of_cluster(self, cluster: Cluster) -> Cluster:
        """One that is not to be verified has no authority, one with another authority is to be verified, and another
        server has its own name."""
        if self.server:
            cluster = replace(cluster, server=self.server, server_name="")
        if self.tls_server_name:
            cluster = replace(cluster, server_name=self.tls_server_name)
        if self.certificate_authority is not None:
            authority = Material(file=self.certificate_authority)
            cluster = replace(cluster, authority=authority, insecure=False)
        if self.insecure_skip_tls_verify:
            cluster = replace(cluster, authority=Material(), insecure=True)
        elif self.insecure_skip_tls_verify is False:
            cluster = replace(cluster, insecure=False)
        return cluster

    def of_user(self, user: User) -> User:
        """A token takes the place of a password and of what a plugin would give, a certificate that of a plugin's."""
        if self.token:
            user = replace(user, token=Material(self.token), username="", password="", plugin=None)
        if self.client_certificate is not None:
            certificate = Material(file=self.client_certificate)
            user = replace(user, certificate=certificate, plugin=None)
        if self.client_key is not None:
            user = replace(user, key=Material(file=self.client_key))
        return user
