# ruff: noqa: N818 - they read as what they are
"""What can go wrong between us and a cluster.

    KubeError
    ├── ConfigError          the kubeconfig is missing, empty, broken, or names what is not there
    ├── CredentialsError     a token file, a client certificate or an exec plugin gives no credentials
    ├── Unreachable          no answer: name, refusal, TLS
    │   └── Silent           none, or no more of it, within the time for it
    └── StatusError          the server answered with an error
        ├── Unauthorized     401
        ├── Forbidden        403
        ├── Absent           404, 405
        ├── Conflict         409
        ├── Expired          410: the resourceVersion or the continue token is too old
        └── Throttled        429: try again after `retry_after`

Each carries a `Problem`: its kind, its words, and the next step for the person at the screen.
"""

from __future__ import annotations

from meshtui.mesh.snapshot import Problem, Trouble


class KubeError(Exception):
    """A failure that has words for the screen."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.text)
        self.problem = problem


class ConfigError(KubeError):
    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(Problem(Trouble.CONFIG, text, remedy))


class CredentialsError(KubeError):
    def __init__(self, text: str, remedy: str = "") -> None:
        super().__init__(Problem(Trouble.CREDENTIALS, text, remedy))


class Unreachable(KubeError):
    pass


class Silent(Unreachable):
    pass


class StatusError(KubeError):
    """The server answered with an HTTP status of 400 or more."""

    def __init__(self, problem: Problem, code: int, retry_after: float = 0) -> None:
        super().__init__(problem)
        self.code = code
        self.retry_after = retry_after
        """Seconds that the server asked to wait; 0 where it did not."""


class Unauthorized(StatusError):
    pass


class Forbidden(StatusError):
    pass


class Absent(StatusError):
    pass


class Conflict(StatusError):
    pass


class Expired(StatusError):
    pass


class Throttled(StatusError):
    pass
