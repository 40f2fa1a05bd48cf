"""Overrides: what flags say in place of the kubeconfig, as kubectl's do.

Rules: `kubectl options`, and k8s.io/client-go, tools/clientcmd/client_config.go (getCluster, getAuthInfo).
"""

from __future__ import annotations

from msgspec.structs import replace

from meshtui.kube.access import Cluster, Context, Material, User
from meshtui.settings import Settings


def of_context(context: Context, flags: Settings) -> Context:
    return replace(
        context, cluster=flags.cluster or context.cluster, user=flags.user or context.user
    )


def of_cluster(cluster: Cluster, flags: Settings) -> Cluster:
    """One that is not to be verified has no authority, one with another authority is to be verified, and another server
    has its own name."""
    if flags.server:
        cluster = replace(cluster, server=flags.server, server_name="")
    if flags.tls_server_name:
        cluster = replace(cluster, server_name=flags.tls_server_name)
    if flags.certificate_authority is not None:
        authority = Material(file=flags.certificate_authority)
        cluster = replace(cluster, authority=authority, insecure=False)
    if flags.insecure_skip_tls_verify:
        cluster = replace(cluster, authority=Material(), insecure=True)
    return cluster


def of_user(user: User, flags: Settings) -> User:
    """A token takes the place of a password and of what a plugin would give, a certificate that of a plugin's."""
    if flags.token:
        user = replace(user, token=Material(flags.token), username="", password="", plugin=None)
    if flags.client_certificate is not None:
        certificate = Material(file=flags.client_certificate)
        user = replace(user, certificate=certificate, plugin=None)
    if flags.client_key is not None:
        user = replace(user, key=Material(file=flags.client_key))
    return user
