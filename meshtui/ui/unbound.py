"""HINTS and COMMANDS: keys and commands that k9s users have in their fingers and that do nothing here, or not in every
pane, and what to say when one is pressed or entered. What gets a verb leaves these tables."""

from __future__ import annotations

from collections.abc import Mapping

HINTS: Mapping[str, str] = {
    "a": "a attaches to nothing here: kubectl attach does.",
    "s": "s opens no shell here: kubectl exec, or k9s, does.",
    "f": "f lists no port-forwards here: those that evidence needs come and go by themselves.",
    "F": "F makes no port-forward here: kubectl port-forward does.",
    "i": "i mutes a finding, in :findings.",
    "t": "t traces calls to or from a row in :workloads, :services, :routes and :denials; d shows the evidence.",
    "v": "v says whether one may call another, in :workloads, :services and :denials; d shows which policies apply.",
    "V": "V says who may call a row, and whom it may call, in :workloads, :services and :denials.",
    "x": "x decodes certificates, in :certificates; in :secrets d does.",
    "m": "m has nothing to change here: :namespaces, :workloads, :services and the proxies' panes have.",
    "A": "A sorts by age, in panes with such a column.",
    "N": "N sorts by name, in panes whose rows stand in one list.",
    "I": "I sorts by nothing here: addresses are in no column; d shows them.",
    "M": "M sorts by nothing here: metrics of CPU and memory are not read; kubectl top has them.",
    "O": "O sorts by a column, in panes that have columns.",
    "P": "P sorts by namespace, in panes with such a column.",
    "R": "R sorts by what is ready, in panes with such a column.",
    "S": "S sorts by mark, in panes whose rows stand in one list.",
    "T": "T sorts by restarts, in panes with such a column.",
    "ctrl+g": "There are no crumbs to hide (ctrl-g): esc goes back, [ and ] walk along all views.",
    "ctrl+k": "ctrl-k kills nothing here: what goes is asked about first.",
}
"""By key, as Textual names it."""

COMMANDS: Mapping[str, str] = {
    "bundle": ":bundle is not there: :save, ctrl-s in a text, and meshtui doctor write what a report needs.",
    "dir": ":dir is not there: meshtui doctor -f reads the manifests of a directory.",
    "popeye": ":popeye is :findings here.",
    "pulses": ":pulses is :cluster here.",
    "pu": ":pu is :cluster here.",
    "screendumps": ":screendumps is not there: ctrl-s writes into the directory that the program was started in.",
    "sd": ":sd is not there: ctrl-s writes into the directory that the program was started in.",
    "xray": ":xray is :tree here, of the row under the cursor.",
}
"""By name."""
