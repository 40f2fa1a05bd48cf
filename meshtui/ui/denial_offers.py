"""Denial offers: the lines of the menu that let a refused call through. Nothing of it is done before the question at
the end of the road."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from meshtui.mesh import denial_policies, policies, policy_changes
from meshtui.mesh.changes import Create, Patch, Refusal
from meshtui.mesh.denial_rows import Row
from meshtui.mesh.kinds import NAMESPACE
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui.exchange import Offer, Wish


def of(row: Row, snapshot: Snapshot) -> list[Offer]:
    """None where no ALLOW can be offered."""
    return list(_offers(row, snapshot))


def _offers(row: Row, snapshot: Snapshot) -> Iterator[Offer]:
    minimal = policy_changes.target(row, snapshot)
    if minimal is None:
        return
    known = snapshot.find(minimal.kind, minimal.namespace, minimal.name)
    home = Ref(NAMESPACE, "", minimal.namespace)
    if known is None:
        tried = Wish(home, partial(_made, row, True))
        made = Wish(home, partial(_made, row, False))
        written = Wish(home, partial(_made, row, False), edited=True)
        yield Offer("make the minimal ALLOW as a trial", policy_changes.DRY_RUN, (tried,))
        yield Offer("make the minimal ALLOW", minimal.key, (made,))
        yield Offer("edit the minimal ALLOW, then make it", "in your editor", (written,))
    elif policies.dry_run(known):
        enforced = Wish(minimal, partial(_enforced, minimal, row))
        yield Offer("enforce the trial", minimal.key, (enforced,))
    for ref in denial_policies.allowing(row, snapshot):
        if ref != minimal:
            added = Wish(ref, partial(_admitted, ref, row))
            yield Offer(f"add its rule to {ref.name}", "for all that it selects", (added,))


def _made(row: Row, trial: bool, _: Raw, snapshot: Snapshot) -> Create | Refusal:
    return policy_changes.allow(row, snapshot, trial=trial)


def _enforced(ref: Ref, row: Row, it: Raw, snapshot: Snapshot) -> Patch | Refusal:
    return policy_changes.enforce(ref, it, row, snapshot)


def _admitted(ref: Ref, row: Row, it: Raw, snapshot: Snapshot) -> Patch | Refusal:
    return policy_changes.admit(ref, it, row, snapshot)
