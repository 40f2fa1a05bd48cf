"""Pod fields: what is read of a raw pod by `raw.view`, under the API's own names. Labels and annotations are not among
them: pods of one template share those."""

from __future__ import annotations

from msgspec import Struct, field

from meshtui.mesh.raw import Writer


class Owner(Struct, frozen=True, rename="camel"):
    kind: str = ""
    name: str = ""
    controller: bool = False


class Metadata(Struct, frozen=True, rename="camel"):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    creation_timestamp: str = ""
    deletion_timestamp: str = ""
    owner_references: list[Owner] = []
    managed_fields: list[Writer] = []


class Container(Struct, frozen=True, rename="camel"):
    name: str = ""
    image: str = ""
    restart_policy: str = ""

    @property
    def is_sidecar(self) -> bool:
        return self.restart_policy == "Always"


class Spec(Struct, frozen=True, rename="camel"):
    node_name: str = ""
    service_account_name: str = ""
    service_account: str = ""
    host_network: bool = False
    containers: list[Container] = []
    init_containers: list[Container] = []


class Running(Struct, frozen=True, rename="camel"):
    started_at: str = ""


class Waiting(Struct, frozen=True, rename="camel"):
    reason: str = ""


class Terminated(Struct, frozen=True, rename="camel"):
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    started_at: str = ""
    finished_at: str = ""


class State(Struct, frozen=True, rename="camel"):
    running: Running | None = None
    waiting: Waiting | None = None
    terminated: Terminated | None = None

    @property
    def since(self) -> str:
        """As it is written; "" for one that waits."""
        if self.terminated is not None:
            return self.terminated.finished_at or self.terminated.started_at
        return self.running.started_at if self.running is not None else ""


class ContainerStatus(Struct, frozen=True, rename="camel"):
    name: str = ""
    ready: bool = False
    started: bool = False
    restart_count: int = 0
    state: State = State()
    last_state: State = State()


class Condition(Struct, frozen=True, rename="camel"):
    type: str = ""
    status: str = ""
    reason: str = ""
    last_transition_time: str = ""


class Status(Struct, frozen=True, rename="camel"):
    phase: str = ""
    reason: str = ""
    pod_ip: str = field(default="", name="podIP")
    conditions: list[Condition] = []
    container_statuses: list[ContainerStatus] = []
    init_container_statuses: list[ContainerStatus] = []


class PodFields(Struct, frozen=True, rename="camel"):
    """A pod."""

    metadata: Metadata = Metadata()
    spec: Spec = Spec()
    status: Status = Status()
