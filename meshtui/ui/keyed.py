"""Keyed: what the keys of a pane do with the row under the cursor.

A pane says where a row leads (`onward`, `used_by`, `owner`, `policies_of`, `ztunnel_of`, `log_of`, `logs_of`) and what
may be changed from it (`mesh_menu`, `changeable`); what a key asks for goes up as a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from textual import events as keys
from textual.binding import Binding
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from meshtui.mesh import changes
from meshtui.mesh.pod_templates import CONTROLLERS
from meshtui.mesh.snapshot import Ref, Snapshot
from meshtui.ui.exchange import Jump, Offer, Place, Row, Wish
from meshtui.ui.table import Table

R = TypeVar("R", bound=Row)


class Keyed(Widget, Generic[R]):
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
        Binding("u", "used_by", "Used by", show=False, id="pane.used_by"),
        Binding("J", "owner", "Owner", show=False, id="pane.owner"),
        Binding("P", "policies", "Policies that apply", show=False, id="pane.policies"),
        Binding("c", "copy", "Copy the name", show=False, id="pane.copy"),
        Binding("m", "mesh", "Mesh", id="pane.mesh"),
        Binding("r", "restart", "Restart", show=False, id="pane.restart"),
        Binding("e", "edit", "Edit", show=False, id="pane.edit"),
        Binding("space", "mark", "Mark, for m and l", show=False, id="pane.mark"),
    ]

    snapshot: reactive[Snapshot | None] = reactive(None)
    place: reactive[Place] = reactive(Place())
    barred: reactive[Mapping[Ref, str]] = reactive({}, bindings=True)
    """Of objects of the row under the cursor that may not be changed: why."""

    @dataclass
    class Left(Message):
        """A key leads elsewhere."""

        jump: Jump

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

    @dataclass
    class CopyAsked(Message):
        text: str

    @dataclass
    class MenuAsked(Message):
        """Changes are offered, to pick one."""

        title: str
        offers: Sequence[Offer]

    @dataclass
    class ChangeAsked(Message):
        wish: Wish

    @dataclass
    class EditAsked(Message):
        ref: Ref

    @dataclass
    class Told(Message):
        """Something to tell the person: why a key did nothing."""

        text: str

    table: Table[R]

    # What a pane fills in

    def called(self, row: R) -> str:
        """What a row is called: what `c` copies."""
        return row.ref.key if row.ref else row.key

    def copied(self, row: R) -> str:
        """What `c` copies of it."""
        return self.called(row)

    def onward(self, row: R) -> Jump | None:
        """Where enter leads."""
        return None

    def ztunnel_of(self, row: R, snapshot: Snapshot) -> Jump | None:
        """The row of the ztunnel that serves this one."""
        return None

    def used_by(self, row: R, snapshot: Snapshot) -> Jump | None:
        """Where `u` leads: the rows that name this one."""
        return None

    def owner(self, row: R, snapshot: Snapshot) -> Jump | None:
        """Where `J` leads: what made this row, or what it is in."""
        return None

    def policies_of(self, row: R, snapshot: Snapshot) -> Jump | None:
        """Where `P` leads: the policies that apply to this row."""
        return None

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

    # Keys

    def action_describe(self) -> None:
        row = self.table.selected
        if row is not None:
            self.post_message(self.DescribeAsked(row.key))

    def action_yaml(self) -> None:
        row = self.table.selected
        if row is None:
            return
        if row.ref is None:
            self.post_message(self.Told("There is no single object behind this row."))
        else:
            self.post_message(self.YamlAsked(row.ref))

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
            self._read([pod for each in rows for pod in self.logs_of(each, self.snapshot)])

    def _read(self, pods: Sequence[Ref | None], previous: bool = False) -> None:
        """Asks for the logs of these."""
        found = tuple(dict.fromkeys(pod for pod in pods if pod is not None))
        if found:
            self.post_message(self.LogsAsked(found, previous))
        else:
            self.post_message(self.Told("There is no log behind this row."))

    def action_ztunnel(self) -> None:
        self._leave(self.ztunnel_of, "No ztunnel serves this row.")

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
        return None if self._forbidden(action) else True

    def _forbidden(self, action: str) -> str:
        """Why a key may not change anything now; "" where it may."""
        row = self.table.selected
        if action not in ("mesh", "restart", "edit") or row is None:
            return ""
        if self.place.read_only:
            return f"Read-only: {self.place.read_only}. :write allows changes for 15 minutes."
        of = {"edit": row.ref, "mesh": self.meshed(row), "restart": self.changeable(row)}
        ref = of[action]
        return self.barred.get(ref, "") if ref is not None else ""

    def on_key(self, event: keys.Key) -> None:
        pressed = self.screen.active_bindings.get(event.key)
        if pressed is not None and pressed.node is self and not pressed.enabled:
            event.stop()
            self.post_message(self.Told(self._forbidden(pressed.binding.action)))

    def action_mark(self) -> None:
        self.table.mark()

    def action_mesh(self) -> None:
        row, snapshot = self.table.selected, self.snapshot
        if row is None or snapshot is None:
            return
        rows = self.table.marked or (row,)
        hidden = self.table.marks - len(self.table.marked)
        title = (row.ref.key if row.ref else row.key) if len(rows) == 1 else f"{len(rows)} marked"
        title += f" ({hidden} more that are marked are not shown)" if hidden else ""
        offers = self.mesh_menu(rows, snapshot)
        if offers:
            self.post_message(self.MenuAsked(title, offers))
        else:
            self.post_message(self.Told("Nothing in the mesh hangs on this row."))

    def action_restart(self) -> None:
        row = self.table.selected
        ref = self.changeable(row) if row is not None else None
        if ref is None or ref.kind not in CONTROLLERS.values():
            self.post_message(
                self.Told("No Deployment, DaemonSet or StatefulSet is behind this row.")
            )
            return
        wish = Wish(ref, lambda it, snapshot: changes.restart(ref, it, snapshot.now))
        self.post_message(self.ChangeAsked(wish))

    def action_edit(self) -> None:
        row = self.table.selected
        if row is None:
            return
        if row.ref is None:
            self.post_message(self.Told("There is no single object behind this row."))
        else:
            self.post_message(self.EditAsked(row.ref))

    def action_copy(self) -> None:
        row = self.table.selected
        if row is not None:
            self.post_message(self.CopyAsked(self.copied(row)))
