"""HINTS: keys that k9s users have in their fingers and that do nothing here, or not in every pane, and what to say
when one is pressed. A key that gets a verb leaves this table."""

from __future__ import annotations

from collections.abc import Mapping

_LATER = "is not there yet"

HINTS: Mapping[str, str] = {
    "a": "a attaches to nothing here: kubectl attach does.",
    "s": "s opens no shell here: kubectl exec, or k9s, does.",
    "f": "f lists no port-forwards here: those that evidence needs come and go by themselves.",
    "F": "F makes no port-forward here: kubectl port-forward does.",
    "i": f"i, to pass over a finding, {_LATER}.",
    "n": f"n, to copy the namespace, {_LATER}; c copies the name with it.",
    "o": "o shows no node here: z goes to the ztunnel of the row's node.",
    "t": "t has no tests of its own here: d shows the evidence and what is found, :tree the way of traffic.",
    "v": f"v, whether one would reach another, {_LATER}: d shows which policies apply.",
    "w": "w is k9s' way to a namespace: here :ns and 0 to 9 are, and enter in :namespaces.",
    "x": "x decodes certificates, in :certificates.",
    "m": "m has nothing to change here: :namespaces, :workloads, :services and the proxies' panes have.",
    "A": f"Sorting (A, by age) {_LATER}.",
    "N": f"Sorting (N, by name) {_LATER}.",
    "O": f"Sorting (O, by column) {_LATER}.",
    "S": f"Sorting (S, by status) {_LATER}.",
    "ctrl+backslash": f"Clearing all marks by ctrl-\\ {_LATER}: esc does.",
    "ctrl+d": "ctrl-d deletes nothing here: m deletes a waypoint, after a question; kubectl delete the rest.",
    "ctrl+e": f"Hiding the header (ctrl-e) {_LATER}.",
    "ctrl+g": "There are no crumbs to hide (ctrl-g): esc goes back, [ and ] walk along all views.",
    "ctrl+k": "ctrl-k kills nothing here: what goes is asked about first.",
    "ctrl+l": "ctrl-l rolls nothing back here: :undo takes back what was changed from here.",
    "ctrl+o": f"Jumping by letters (ctrl-o) {_LATER}.",
    "ctrl+s": f"Saving the table (ctrl-s) {_LATER}.",
    "ctrl+space": f"Marking a range (ctrl-space) {_LATER}: space marks one row.",
    "ctrl+@": f"Marking a range (ctrl-space) {_LATER}: space marks one row.",
    "ctrl+w": f"Wide rows (ctrl-w) {_LATER}: d shows all of a row.",
    "ctrl+z": f"Faults alone (ctrl-z) {_LATER}: :findings lists what is wrong.",
}
"""By key, as Textual names it."""
