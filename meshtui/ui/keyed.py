"""Keyed: what the keys of a pane do with the row under the cursor.

A pane says where a row leads (`onward`, `used_by`, `owner`, `policies_of`, `ztunnel_of`, `log_of`, `logs_of`) and what
may be changed from it (`mesh_menu`, `changeable`); what a key asks for goes up as a message.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, ClassVar, Generic, TypeVar

from msgspec.structs import replace
from textual import events as keys
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive

from meshtui.mesh import changes, deletions
from meshtui.mesh.changes import Change, Refusal
from meshtui.mesh.pod_templates import CONTROLLERS
from meshtui.mesh.raw import Raw
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui import copies
from meshtui.ui.arranging import Arranged
from meshtui.ui.copies import Copy
from meshtui.ui.exchange import Jump, Offer, Place, Row, Wish
from meshtui.ui.spans import text_of

R = TypeVar("R", bound=Row)

NO_LOG = "There is no log behind this row."


class Keyed(Arranged[R], Generic[R]):
    """A table whose rows can be asked about and changed by keys."""

    BINDINGS = [
        Binding("d", "describe", "Describe", id="pane.describe"),
        Binding("y", "yaml", "YAML", id="pane.yaml"),
        Binding("l", "logs", "Logs", id="pane.logs"),
        Binding(
            "p", "logs(True)", "Logs of the previous container", show=False, id="pane.previous"
        ),
        Binding("L", "all_logs", "Logs of all replicas, as one", show=False, id="pane.all_logs"),
        Binding("z", "ztunnel", "Its ztunnel", show=False, id="pane.ztunnel"),
        Binding("o", "node", "The ztunnel of its node", show=False, id="pane.node"),
        Binding("w", "warp", "Keep to its namespace", show=False, id="pane.warp"),
        Binding("u", "used_by", "Used by", show=False, id="pane.used_by"),
        Binding("J", "owner", "Owner", show=False, id="pane.owner"),
        Binding("b", "policies", "Policies that apply", show=False, id="pane.policies"),
        Binding("c", "copy", "Copy the name", show=False, id="pane.copy"),
        Binding(
            "C", "copies", "Copy more of it: cell, YAML, kubectl line", show=False, id="pane.copies"
        ),
        Binding("n", "copy_namespace", "Copy the namespace", show=False, id="pane.copy_namespace"),
        Binding("m", "mesh", "Mesh", id="pane.mesh"),
        Binding("r", "restart", "Restart", show=False, id="pane.restart"),
        Binding("e", "edit", "Edit", show=False, id="pane.edit"),
        Binding("ctrl+d", "delete", "Delete", show=False, id="pane.delete"),
        Binding("ctrl+z", "faults", "Faults alone, and all again", show=False, id="pane.faults"),
    ]

    OBJECTS: ClassVar[bool] = True
    """Whether a row is the object behind it: what the doctor finds of that is told of it, and it can be deleted."""
    CALLS: ClassVar[bool] = False
    """Whether a row is a call, of which it has both ends: `caller` and `callee`."""

    snapshot: reactive[Snapshot | None] = reactive(None, repaint=False)
    place: reactive[Place] = reactive(Place())
    barred: reactive[Mapping[tuple[str, Ref], str]] = reactive({}, bindings=True)
    """Of verbs on objects of the row under the cursor, those that are not allowed: why."""

    @dataclass
    class Left(Message):
        """A key leads elsewhere."""

        jump: Jump

    @dataclass
    class NamespacesAsked(Message):
        """The namespace of a row, or those of the marked rows, alone are to be looked at."""

        names: tuple[str, ...]

    @dataclass
    class DescribeAsked(Message):
        key: str

    @dataclass
    class YamlAsked(Message):
        ref: Ref

    @dataclass
    class LogsAsked(Message):
        pods: Sequence[Ref]
        """Several are read as one."""
        previous: bool = False
        replicas: bool = False
        """They are all replicas of something, also where that is one."""

    @dataclass
    class CopyAsked(Message):
        text: str

    @dataclass
    class CopiesAsked(Message):
        """Several things may be copied, to pick one."""

        title: str
        found: Sequence[Copy]

    @dataclass
    class CopyTaken(Message):
        copy: Copy

    @dataclass
    class MenuAsked(Message):
        """Changes are offered, to pick one."""

        title: str
        offers: Sequence[Offer]

    @dataclass
    class WaysAsked(Message):
        """Several ways lead on, to pick one by its name."""

        title: str
        ways: Mapping[str, Jump]

    @dataclass
    class ChangeAsked(Message):
        """Changes are asked for, one after the other."""

        wishes: Sequence[Wish]

    @dataclass
    class EditAsked(Message):
        ref: Ref

    # What a pane fills in

    def called(self, row: R) -> str:
        """What a row is called: what `c` copies."""
        return row.ref.key if row.ref else row.key

    def copied(self, row: R) -> str:
        """What `c` copies of it."""
        return self.called(row)

    def namespace_of(self, row: R) -> str:
        """The namespace by which `:ns` keeps a row; "" for one that belongs to none."""
        return ""

    def istioctl(self, row: R, snapshot: Snapshot) -> Sequence[str]:
        """What istioctl is asked to show about the same; nothing where it has no command for it."""
        return ()

    def onward(self, row: R) -> Jump | None:
        """Where enter leads."""
        return None

    def ztunnel_of(self, row: R, snapshot: Snapshot) -> Jump | None:
        """The row of the ztunnel that serves this one."""
        return None

    def node_of(self, row: R, snapshot: Snapshot) -> Jump | None:
        """Where `o` leads: the row of its node, which is a ztunnel's."""
        return None

    def used_by(self, row: R, snapshot: Snapshot) -> Jump | None:
        """Where `u` leads: the rows that name this one."""
        return None

    def owner(self, row: R, snapshot: Snapshot) -> Jump | None:
        """Where `J` leads: what made this row, or what it is in."""
        return None

    def policies_of(self, row: R, snapshot: Snapshot) -> Jump | None:
        """Where `b` leads: the policies that apply to this row."""
        return None

    def caller(self, row: R) -> str:
        """The name of a row as one that calls others; "" where it is none."""
        return ""

    def callee(self, row: R, snapshot: Snapshot) -> str:
        """The name of a row as one that is called, or an address at a gateway for it; "" where it is none."""
        return ""

    def log_of(self, row: R, snapshot: Snapshot) -> Ref | None:
        """The pod whose log `l` shows."""
        return None

    def logs_of(self, row: R, snapshot: Snapshot) -> Sequence[Ref]:
        """The pods whose logs `L` shows as one: all that do the same as the row's."""
        pod = self.log_of(row, snapshot)
        return () if pod is None else (pod,)

    def mesh_menu(self, rows: Sequence[R], snapshot: Snapshot) -> Sequence[Offer]:
        """What `m` offers for the row under the cursor, or for those that are marked."""
        return ()

    def changeable(self, row: R) -> Ref | None:
        """What `r` changes for a row, and `m` where `meshed` says nothing else: the object behind it, or the controller
        of its pods."""
        return row.ref

    def meshed(self, row: R) -> Ref | None:
        """What `m` patches for a row; None where it is not known before something is picked."""
        return self.changeable(row)

    def chosen(self, row: R) -> None:
        """Enter on a row: goes onward, unless the pane does something in place."""
        jump = self.onward(row)
        if jump is not None:
            self.post_message(self.Left(jump))
        else:
            self.post_message(self.Told("This row leads no further; d tells more of it."))

    # Keys

    def action_describe(self) -> None:
        row = self.table.selected
        if row is not None:
            self.post_message(self.DescribeAsked(row.key))

    def action_yaml(self) -> None:
        self._ask(self.YamlAsked)

    def _ask(self, of: Callable[[Ref], Message]) -> None:
        """Asks for something of the object behind the row."""
        row = self.table.selected
        if row is None:
            return
        if row.ref is None:
            self.post_message(self.Told("There is no single object behind this row."))
        else:
            self.post_message(of(row.ref))

    def action_logs(self, previous: bool = False) -> None:
        row = self.table.selected
        if row is None or self.snapshot is None:
            return
        rows = self.table.marked or (row,)
        self._read([self.log_of(each, self.snapshot) for each in rows], previous)

    def action_all_logs(self) -> None:
        row = self.table.selected
        if row is not None and self.snapshot is not None:
            rows = self.table.marked or (row,)
            found = [pod for each in rows for pod in self.logs_of(each, self.snapshot)]
            self._read(found, replicas=True)

    def _read(
        self, pods: Sequence[Ref | None], previous: bool = False, *, replicas: bool = False
    ) -> None:
        """Asks for the logs of these."""
        found = tuple(dict.fromkeys(pod for pod in pods if pod is not None))
        if found:
            self.post_message(self.LogsAsked(found, previous, replicas))
        else:
            self.post_message(self.Told(NO_LOG))

    def action_ztunnel(self) -> None:
        self._leave(self.ztunnel_of, "No ztunnel serves this row.")

    def action_node(self) -> None:
        self._leave(self.node_of, "This row is on no node that is known.")

    def action_warp(self) -> None:
        rows = self.table.marked or [row for row in (self.table.selected,) if row is not None]
        names = dict.fromkeys(name for row in rows if (name := self.namespace_of(row)))
        if names:
            self.post_message(self.NamespacesAsked(tuple(names)))
        elif rows:
            self.post_message(self.Told("This row is in no namespace."))

    def action_used_by(self) -> None:
        self._leave(self.used_by, "No other pane has rows that name this one.")

    def action_owner(self) -> None:
        self._leave(self.owner, "No row of another pane owns this one.")

    def action_policies(self) -> None:
        self._leave(self.policies_of, "No policies apply to this kind of row.")

    def _leave(self, lead: Callable[[R, Snapshot], Jump | None], else_tell: str) -> None:
        """Goes where a key leads for the row under the cursor."""
        row = self.table.selected
        if row is None or self.snapshot is None:
            return
        jump = lead(row, self.snapshot)
        if jump is None:
            self.post_message(self.Told(else_tell))
        else:
            self.post_message(self.Left(jump))

    def check_action(self, action: str, parameters: tuple[Any, ...]) -> bool | None:
        """Keys that change something are there only where something may be changed; `on_key` says why not."""
        if action == "mesh" and type(self).mesh_menu is Keyed.mesh_menu:
            return False
        if self._forbidden(action):
            return None
        return super().check_action(action, parameters)

    def _forbidden(self, action: str) -> str:
        """Why a key may not change anything now; "" where it may."""
        if action not in _VERBS:
            return ""
        if self.place.read_only:
            return f"Read-only: {self.place.read_only}. :write allows changes for 15 minutes."
        row = self.table.selected
        ref = self._changed_by(action, row) if row is not None else None
        return self.barred.get((_VERBS[action], ref), "") if ref is not None else ""

    def verbs(self, row: R) -> Collection[tuple[str, Ref]]:
        """What keys would do to which objects of a row, as rights are asked for."""
        of = {action: self._changed_by(action, row) for action in _VERBS}
        return dict.fromkeys((_VERBS[action], ref) for action, ref in of.items() if ref is not None)

    def _changed_by(self, action: str, row: R) -> Ref | None:
        match action:
            case "mesh":
                return self.meshed(row)
            case "restart":
                return self.changeable(row)
            case "delete":
                return row.ref if self.OBJECTS else None
        return row.ref

    def on_key(self, event: keys.Key) -> None:
        pressed = self.screen.active_bindings.get(event.key)
        if pressed is not None and pressed.node is self and not pressed.enabled:
            event.stop()
            self.post_message(self.Told(self._forbidden(pressed.binding.action)))

    def action_mesh(self) -> None:
        row, snapshot = self.table.selected, self.snapshot
        if row is None or snapshot is None:
            return
        rows = self.table.marked or (row,)
        hidden = self._hidden
        title = (row.ref.key if row.ref else row.key) if len(rows) == 1 else f"{len(rows)} marked"
        title += f" ({hidden})" if hidden else ""
        offers = self.mesh_menu(rows, snapshot)
        if offers:
            self.post_message(self.MenuAsked(title, offers))
        else:
            self.post_message(self.Told("Nothing in the mesh hangs on this row."))

    @property
    def _hidden(self) -> str:
        """That a filter hides rows that are marked; "" where it hides none."""
        hidden = self.table.marks - len(self.table.marked)
        return f"{hidden} more that are marked are not shown" if hidden else ""

    def _ask_for(self, wishes: Sequence[Wish]) -> None:
        if hidden := self._hidden:
            wishes = [_warned(each, f"{hidden}, and stay as they are") for each in wishes]
        self.post_message(self.ChangeAsked(wishes))

    def action_restart(self) -> None:
        found = dict.fromkeys(map(self.changeable, self.meant))
        refs = [ref for ref in found if ref is not None and ref.kind in CONTROLLERS.values()]
        if not refs:
            self.post_message(
                self.Told("No Deployment, DaemonSet or StatefulSet is behind this row.")
            )
            return
        self._ask_for([_restart(ref) for ref in refs])

    def action_edit(self) -> None:
        self._ask(self.EditAsked)

    def action_delete(self) -> None:
        refs = [ref for row in self.meant if (ref := self._changed_by("delete", row)) is not None]
        if refs:
            self._ask_for([Wish(ref, partial(deletions.of, ref)) for ref in dict.fromkeys(refs)])
        elif self.table.selected is not None:
            self.post_message(self.Told("No row here is an object by itself: nothing to delete."))

    def action_copy(self) -> None:
        rows = self.meant
        if rows:
            self.post_message(self.CopyAsked("\n".join(map(self.copied, rows))))

    def action_copy_namespace(self) -> None:
        found = dict.fromkeys(filter(None, map(self.namespace_of, self.meant)))
        if found:
            self.post_message(self.CopyAsked("\n".join(found)))
        elif self.table.selected is not None:
            self.post_message(self.Told("This row is in no namespace."))

    def action_copies(self) -> None:
        found = self.copies()
        if found:
            self.post_message(self.CopiesAsked(self.called(self.meant[0]), found))

    @property
    def meant(self) -> Sequence[R]:
        """The rows that are marked, else the one under the cursor."""
        row = self.table.selected
        return self.table.marked or ((row,) if row is not None else ())

    def copies(self) -> Sequence[Copy]:
        """What may be copied of the row under the cursor, or of those that are marked."""
        rows, row, snapshot = self.meant, self.table.selected, self.snapshot
        if row is None or snapshot is None:
            return ()
        column, refs = self.table.chosen, [each.ref for each in rows if each.ref is not None]
        found = [Copy("name", "\n".join(map(self.called, rows)))]
        spaces = dict.fromkeys(filter(None, map(self.namespace_of, rows)))
        found += [Copy("namespace", "\n".join(spaces))] if spaces else []
        if column is not None:
            words = [text_of(self._cells(each)[column]) for each in rows]
            found.append(Copy("cell", "\n".join(words)))
        if refs:
            found.append(Copy("kubectl", copies.kubectl(refs, self.place.context)))
        asked = dict.fromkeys(tuple(self.istioctl(each, snapshot)) for each in rows)
        lines = [copies.istioctl(each, self.place.context) for each in asked if each]
        found += [Copy("istioctl", "\n".join(lines))] if lines else []
        found += [Copy("yaml", ref=row.ref)] if row.ref is not None else []
        return found


_VERBS = {"mesh": "patch", "restart": "patch", "edit": "patch", "delete": "delete"}
"""What an action takes, as Kubernetes names it."""


def _restart(target: Ref) -> Wish:
    return Wish(target, lambda it, snapshot: changes.restart(target, it, snapshot.now))


def _warned(wish: Wish, words: str) -> Wish:
    """The same wish, whose change says one thing more."""

    def build(it: Raw, snapshot: Snapshot) -> Change | Refusal:
        made = wish.build(it, snapshot)
        return (
            made if isinstance(made, Refusal) else replace(made, warnings=(*made.warnings, words))
        )

    return replace(wish, build=build)
