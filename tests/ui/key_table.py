"""The one table of keys: where each is pressed, what it does in words, and how that shows on the program.

`test_keys` presses every key of it, and holds the README's page of keys to it; that page is written anew by
`python -m tests.ui.key_table`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from textual.command import CommandPalette
from textual.geometry import Size

from meshtui.ui.answers import AnswerScreen
from meshtui.ui.confirm import Confirm
from meshtui.ui.jumping import Jumping
from meshtui.ui.log_reader import LogReader
from meshtui.ui.mute import AskMute
from meshtui.ui.pick import Pick
from meshtui.ui.reader import Aliases, Describe, Help, Yaml
from meshtui.ui.table import Table
from tests.ui.looking import Looking

Does = Callable[[Looking], bool]
README = Path(__file__).parents[2] / "README.md"
BEGIN = (
    "<!-- keys: written by `python -m tests.ui.key_table`, held true by tests/ui/test_keys.py -->"
)
END = "<!-- end of keys -->"


@dataclass(frozen=True, slots=True)
class Key:
    """One key with its effect, from the first row of a pane of the recorded shop, at 140x40."""

    key: str
    """As Textual names it."""
    pane: str
    words: str
    does: Does
    """Whether it has had its effect."""
    before: tuple[str, ...] = ()
    """Keys that are pressed first."""
    after: tuple[str, ...] = ("escape",)
    """And those that take back what it did."""


def same(
    keys: str, pane: str, words: str, does: Does, before: tuple[str, ...] = ()
) -> Sequence[Key]:
    """Keys that do the same, with a space between."""
    return [Key(key, pane, words, does, before) for key in keys.split()]


def table(at: Looking) -> Table[Any]:
    return at.pane.table


def cursor(at: Looking) -> int:
    return [row.key for row in table(at).rows].index(at.pane.cursor)


def told(at: Looking) -> str:
    """What was said to the person last."""
    said = at.app._told
    return said[-1].text if said else ""


def heading(at: Looking) -> str:
    return table(at).render_line(0).text


def is_over(kind: type) -> Does:
    return lambda at: isinstance(at.app.screen, kind)


def is_in(pane: str) -> Does:
    return lambda at: pane == at.pane.NAME and at.app.screen is at.main


def said(words: str) -> Does:
    return lambda at: words in told(at)


def sorted_by(sign: str) -> Does:
    return lambda at: sign in heading(at)


def copied(words: str) -> Does:
    return lambda at: at.app.clipboard == words


FIRST = "batch/opted-out-79c9876f8-jvcb9"
UNSORT = (":", *"sort", "enter", "enter")

MOVES: Sequence[Key] = (
    *same("down j", "workloads", "the next row", lambda at: cursor(at) == 1),
    *same("up k", "workloads", "the row before", lambda at: cursor(at) == 1, ("j", "j")),
    *same("pagedown ctrl+f", "workloads", "a page down", lambda at: cursor(at) > 9),
    *same("pageup ctrl+b", "workloads", "a page up", lambda at: cursor(at) < 16, ("G",)),
    *same("home g", "workloads", "the first row", lambda at: cursor(at) == 0, ("j",)),
    *same("end G", "workloads", "the last row", lambda at: cursor(at) == 25),
    Key("right", "cluster", "to the next column of the overview", lambda at: cursor(at) > 0),
    *same("left h", "cluster", "to the column before", lambda at: cursor(at) == 0, ("right",)),
)

ROWS: Sequence[Key] = (
    Key("space", "workloads",
        "mark the row, or take its mark away; `c` `C` `l` `m` `r` `w` are then for all that are marked",
        lambda at: table(at).marks == 1),
    *same("ctrl+@ ctrl+space", "workloads", "mark all from the last mark to here", lambda at: table(at).marks == 5,
        ("space", "j", "j", "j")),
    Key("ctrl+backslash", "workloads", "take all marks away", lambda at: table(at).marks == 0, ("space", "space")),
    Key("ctrl+z", "workloads", "faults alone, and all again", lambda at: 0 < len(at.rows) < 26,
        after=("ctrl+z",)),
    Key("N", "workloads", "sort by name; again: the other way round", sorted_by(" NAME ▲"), after=UNSORT),
    Key("A", "workloads", "sort by age", sorted_by("AGE▲"), after=UNSORT),
    Key("P", "workloads", "sort by namespace", sorted_by("NAMESPACE ▲"), after=UNSORT),
    Key("R", "workloads", "sort by what is ready", sorted_by("READY▲"), after=UNSORT),
    Key("T", "workloads", "sort by restarts", sorted_by("RESTARTS▲"), after=UNSORT),
    Key("S", "workloads", "sort by mark, the worst first", lambda at: [row[0] for row in at.rows[:4]] == list("✗✗✗!"),
        after=UNSORT),
    Key("shift+right", "workloads", "choose the column to the right", lambda at: table(at).chosen == 1,
        ("shift+left",) * 20 + ("home",)),
    Key("shift+left", "workloads", "choose the column to the left", lambda at: table(at).chosen == 0,
        ("shift+right",) + ("shift+left",) * 19),
    Key("O", "workloads", "sort by the chosen column", sorted_by("NAMESPACE ▼"), ("shift+left",) * 20 + ("O",),
        UNSORT),
    Key("ctrl+w", "workloads", "wide: all columns, as wide as they want to be; `⇧→` brings the rest into view",
        lambda at: "ACCOUNT" in heading(at), after=("ctrl+w",)),
    Key("ctrl+s", "workloads", "save the rows shown as CSV or JSON, in a file that it asks for",
        lambda at: at.main.prompt.typed.value == "save workloads-kind-shop-20261122-123900.csv"),
)  # fmt: skip

ROW: Sequence[Key] = (
    Key("enter", "namespaces", "its workloads", is_in("workloads")),
    Key("enter", "workloads", "its ztunnel", is_in("ztunnels")),
    Key("enter", "services", "its workloads", is_in("workloads")),
    Key("enter", "ztunnels", "its certificates", is_in("certificates")),
    Key("enter", "waypoints", "its services", is_in("services")),
    Key("enter", "gateways", "its routes", is_in("routes")),
    Key("enter", "routes", "its services", is_in("services")),
    Key("enter", "policies", "its workloads or services", is_in("workloads")),
    Key("enter", "certificates", "decode it in place", lambda at: "│ health" in at.screen, after=("enter",)),
    Key("x", "certificates", "decode it in place", lambda at: "│ health" in at.screen, after=("x",)),
    Key("enter", "cluster", "the row that an item is about", is_in("findings")),
    Key("enter", "findings", "the object that it is about, of several one of them", is_over(Pick)),
    Key("d", "workloads", "describe: detail, conditions, events", is_over(Describe)),
    Key("y", "workloads", "YAML; there `m` shows who manages which field", is_over(Yaml)),
    Key("l", "workloads", "log; there `0` to `9` how much, `/` `f` `+` `-` which lines, `t` times, `x` columns, "
        "`m` mark, `^s` save", is_over(LogReader)),
    Key("p", "workloads", "log of the container before", lambda at: "previous container" in at.screen),
    Key("L", "workloads", "the logs of all replicas, as one", is_over(LogReader)),
    Key("z", "workloads", "the ztunnel that serves it", is_in("ztunnels")),
    Key("o", "workloads", "the ztunnel of its node", is_in("ztunnels")),
    Key("u", "workloads", "the services that it answers for", is_in("services")),
    Key("u", "namespaces", "the services in it", is_in("services")),
    Key("u", "ztunnels", "the workloads that it serves", is_in("workloads")),
    Key("u", "certificates", "the gateway that serves it", is_in("gateways")),
    Key("u", "routes", "the gateway that takes it", is_in("gateways")),
    Key("J", "services", "what owns it", is_in("namespaces")),
    Key("b", "workloads", "the policies that bind it", is_in("policies")),
    Key("t", "workloads", "trace: why it is reached, or not; it asks for the other end",
        lambda at: at.main.prompt.typed.value.startswith(f"trace {FIRST.replace('/', '/pod/')} ")),
    Key("v", "workloads", "verdict: may it call another; of two marked rows, one the other",
        lambda at: at.main.prompt.typed.value.startswith(f"verdict {FIRST.replace('/', '/pod/')} ")),
    Key("V", "workloads", "who may call it, and whom it may call", is_over(AnswerScreen)),
    Key("i", "findings", "mute it, with a reason and an end; again: tell of it", is_over(AskMute)),
    Key("w", "workloads", "keep every pane to its namespace", lambda at: at.main.place.namespaces == ("batch",),
        after=("0",)),
    Key("c", "workloads", "copy the name", copied(FIRST)),
    Key("n", "workloads", "copy the namespace", copied("batch")),
    Key("C", "workloads", "copy more: the cell, the YAML, the line of kubectl or istioctl that shows the same",
        lambda at: isinstance(at.app.screen, Pick) and "kubectl get pods opted-out" in at.screen),
    Key("m", "workloads", "the mesh menu: take in or out, waypoints, restart", is_over(Pick)),
    Key("r", "workloads", "restart the controller", is_over(Confirm)),
    Key("ctrl+d", "services", "delete, after its name was typed", is_over(Confirm)),
    Key("e", "namespaces", "edit in `$KUBE_EDITOR` or `$EDITOR`", said("Nothing was changed.")),
)  # fmt: skip

EVERYWHERE: Sequence[Key] = (
    Key(":", "workloads", "a command, completed by any letters of it; `↑` brings back earlier ones",
        lambda at: at.main.prompt.asking == ":" and "opted-out" in at.screen),
    Key("/", "workloads", "filter, as it is typed; in help, logs and YAML: search",
        lambda at: at.main.prompt.asking == "/" and "opted-out" in at.screen),
    *same("escape q", "workloads", "back: the prompt, the filter, the marks, then the way one came",
        lambda at: table(at).marks == 0, ("space",)),
    Key("ctrl+q", "workloads", "show all rows again", lambda at: len(at.rows) == 26,
        ("/", *"ledger", "enter")),
    Key("tab", "workloads", "the next pane, as it was left", is_in("services")),
    Key("shift+tab", "workloads", "the pane before, as it was left", is_in("namespaces")),
    Key("ctrl+o", "workloads", "jump to a pane by its letter", is_over(Jumping)),
    Key("[", "workloads", "the view before", is_in("certificates"), (":", *"cert", "enter", ":", *"work", "enter")),
    Key("]", "workloads", "the view after", is_in("certificates"), (":", *"cert", "enter", "[")),
    Key("-", "workloads", "the last view, and back", is_in("certificates"),
        (":", *"cert", "enter", ":", *"work", "enter")),
    Key("0", "workloads", "all namespaces", lambda at: at.main.place.namespaces == (), ("w",)),
    Key("1", "workloads", "the namespaces used last, as the header shows them; so do `2` to `9`",
        lambda at: at.main.place.namespaces == ("batch",), ("w", "0"), ("0",)),
    *same("? f1", "workloads", "every key and command; `/` searches them", is_over(Help)),
    Key("!", "workloads", "messages that outlive a toast", lambda at: "Messages" in at.screen),
    Key("ctrl+p", "workloads", "the palette of commands", is_over(CommandPalette)),
    Key("ctrl+a", "workloads", "all commands with their other names, and back", is_over(Aliases)),
    Key("ctrl+r", "workloads", "read everything again", said("Reading everything again.")),
    Key("ctrl+l", "workloads", "draw the screen anew", lambda at: at.app.size == Size(140, 40)),
    Key("ctrl+e", "workloads", "hide tabs and footer, and show them again",
        lambda at: "NAMESPACE" in at.screen.splitlines()[1], after=("ctrl+e",)),
    Key("ctrl+c", "workloads", "twice: quit, as does `:q`", said("ctrl-c again quits.")),
)  # fmt: skip

GROUPS = {
    "Moving": MOVES,
    "The row, and where it leads": ROW,
    "Rows and columns": ROWS,
    "Everywhere": EVERYWHERE,
}


def page() -> str:
    """The page for the README: a line for each key, and for keys that do the same."""
    lines = ["| key | does |", "| --- | --- |"]
    for title, keys in GROUPS.items():
        lines.append(f"| **{title}** | |")
        does: dict[str, list[str]] = {}
        for each in keys:
            where = f"`:{each.pane}` " if each.pane in _OWN or _differs(each, keys) else ""
            does.setdefault(each.key, []).append(f"{where}{each.words}")
        merged: dict[str, list[str]] = {}
        for key, words in does.items():
            names = merged.setdefault("; ".join(words), [])
            names += [name] if (name := f"`{shown(key)}`") not in names else []
        lines += [f"| {' '.join(names)} | {words} |" for words, names in merged.items()]
    return "\n".join(lines)


def _differs(key: Key, keys: Sequence[Key]) -> bool:
    return any(other.key == key.key and other.pane != key.pane for other in keys)


_OWN = ("cluster", "certificates", "findings")
"""Panes with keys of their own."""
_SHOWN = {
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "shift+left": "⇧←",
    "shift+right": "⇧→",
    "pagedown": "pgdn",
    "pageup": "pgup",
    "escape": "esc",
    "ctrl+@": "ctrl-space",  # which most terminals send so
    "ctrl+backslash": "ctrl-\\",
    "f1": "F1",
}


def shown(key: str) -> str:
    return _SHOWN.get(key, key.replace("+", "-"))


def written(readme: str) -> str:
    """The README with its page of keys as it should be."""
    before, _, rest = readme.partition(BEGIN)
    _, _, behind = rest.partition(END)
    return f"{before}{BEGIN}\n{page()}\n{END}{behind}"


if __name__ == "__main__":
    README.write_text(written(README.read_text(encoding="utf-8")), encoding="utf-8")
