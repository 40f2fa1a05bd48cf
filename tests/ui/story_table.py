"""The one table of stories: what somebody complains of, the keys that show why, what is on the screen then, and what
mends it.

`test_stories` presses the keys of each and holds the README's stories to it; those are written anew by
`python -m tests.ui.story_table`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

README = Path(__file__).parents[2] / "README.md"
BEGIN = "<!-- stories: written by `python -m tests.ui.story_table`, held true by tests/ui/test_stories.py -->"
END = "<!-- end of stories -->"


@dataclass(frozen=True, slots=True)
class Story:
    """One complaint, from the screen that the program starts with."""

    complaint: str
    scene: str
    command: str
    """Typed first, with enter behind it."""
    row: str
    """What tells the row that is gone to."""
    to: str
    """Those words of it that the README names."""
    keys: Sequence[str]
    """What is pressed there, by Textual's names."""
    shows: Sequence[str]
    """What must be on the screen then: the cause and its evidence."""
    sees: str
    """The same for the README."""
    mends: str
    way: str = "j"
    """The key that is pressed until the cursor is on the row."""


STORIES: Sequence[Story] = (
    Story(
        "storefront gets 401 from ledger",
        "shop",
        ":den",
        "shop/storefront payments/ledger:8080",
        "storefront → ledger",
        ("t",),
        ("✗ policies at the ztunnel", "payments/allow-checkout rule 1 wants principals", "e in Policies"),
        "every hop between the two; the ztunnel of `ledger` refuses: no ALLOW matches, and `allow-checkout` nearly "
        "does, but for the principal",
        "`esc`, `m`: the least ALLOW that lets it in, on trial first or for good",
    ),
    Story(
        "refunds time out since they were enrolled",
        "blocked",
        ":den",
        "shop/checkout payments/refunds:8080",
        "checkout → refunds",
        ("t",),
        ("✗ network policies", "NetworkPolicy payments/only-8080 lets no TCP 15008", "next: add a rule"),
        "both are captured; the NetworkPolicy `only-8080` lets no tunnel, TCP 15008, into the pod",
        "`enter` goes to the policy, `e` edits it: 15008 beside 8080",
    ),
    Story(
        "reviews' policy is not enforced",
        "bypass",
        ":pol",
        "shop viewers",
        "viewers",
        ("u",),
        ("Gateway shop/waypiont does not exist", "L7 policies", "1 ns, 7 svc"),
        "`viewers` is enforced by nobody: `shop` names the waypoint `waypiont`, which does not exist, and calls go "
        "round `waypoint`",
        "`u` to who names it, `m`: set the waypoint",
    ),
    Story(
        "new pods on one node are plain text",
        "bare",
        ":zt",
        "node-3",
        "node-3",
        ("d",),
        ("no CNI agent runs", "nodeSelector kubernetes.io/arch=amd64", "istio-system/istio-cni-node leaves it out"),
        "no ztunnel and no CNI agent on `node-3`: the nodeSelector of both DaemonSets, `kubernetes.io/arch=amd64`, "
        "leaves it out",
        "`:ds`, `e`: take that nodeSelector out; the agents capture the pods where they are",
    ),
    Story(
        "half the mesh distrusts the other half after a root rotation",
        "roots",
        ":fin",
        "AMB-038",
        "AMB-038",
        ("d",),
        ("trusts only Acme LLC Root CA,", "istiod hands out Acme LLC Root CA G2", "restart the ztunnel of node-0"),
        "the ztunnels of two nodes trust the old root alone, and istiod hands out the new one; what follows stands "
        "under it",
        "`:zt`, `r`: the ztunnels start with the new root, and each pod is followed until it is served again",
        way="g",  # it comes above what is found before the ztunnels are read
    ),
    Story(
        "checkout fails now and then, and every pod is ready",
        "ghost",
        ":fin",
        "AMB-001",
        "AMB-001",
        ("enter",),
        ("✗ not proxied", "Kubernetes and istiod call it enrolled", "absent from workloadState"),
        "the one pod that Kubernetes and istiod call enrolled, and that is not in the dump of its node's ztunnel",
        "`r`: restart its Deployment, whose new pods are captured anew",
    ),
)  # fmt: skip


def page() -> str:
    """The table for the README."""
    lines = [
        "| complaint, and its scene | keys | what is on the screen then | what mends it |",
        "| --- | --- | --- | --- |",
    ]
    for each in STORIES:
        keys = f"`{each.command}` `enter`, `{each.way}` to {each.to}, {_shown(each.keys)}"
        cells = (f"“{each.complaint}” `{each.scene}`", keys, each.sees, each.mends)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _shown(keys: Sequence[str]) -> str:
    return " ".join(f"`{each}`" for each in keys)


def written(readme: str) -> str:
    """The README with its stories as they should be."""
    before, _, rest = readme.partition(BEGIN)
    _, _, behind = rest.partition(END)
    return f"{before}{BEGIN}\n{page()}\n{END}{behind}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
