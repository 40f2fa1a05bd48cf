"""Rights: what the server would let us do, asked in its own terms and remembered for a while.

A SelfSubjectRulesReview answers for a whole namespace, but may be incomplete (EKS) and knows only RBAC: it may only
grant. Where it does not, a SelfSubjectAccessReview decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Coroutine
from time import monotonic
from typing import Any

import msgspec
from msgspec import Struct

from meshtui.kube.api import Api
from meshtui.kube.errors import KubeError
from meshtui.kube.pace import Pace
from meshtui.mesh.kinds import Kind
from meshtui.mesh.snapshot import Right

_GROUP = "authorization.k8s.io"


class _Question(Struct, frozen=True):
    verb: str
    kind: Kind
    namespace: str | None
    subresource: str
    name: str = ""

    @property
    def resource(self) -> str:
        return "/".join(part for part in (self.kind.plural, self.subresource) if part)

    def __str__(self) -> str:
        group = f".{self.kind.group}" if self.kind.group else ""
        named = f" {self.name}" if self.name else ""
        where = f" in {self.namespace}" if self.namespace else ""
        slash = "/" if self.subresource else ""
        return f"{self.verb} {self.kind.plural}{group}{slash}{self.subresource}{named}{where}"


class Rights:
    """`start` runs the questions as tasks of the session, so that several who ask the same wait for one answer."""

    def __init__(
        self,
        start: Callable[[Coroutine[Any, Any, Any]], asyncio.Task[Any]],
        api: Api,
        pace: Pace,
        user: Callable[[], str],
    ) -> None:
        self._start = start
        self._api = api
        self._pace = pace
        self._user = user
        self._answers: dict[Any, tuple[asyncio.Task[Any], float]] = {}

    async def may(
        self,
        verb: str,
        kind: Kind,
        namespace: str | None = None,
        subresource: str = "",
        name: str = "",
    ) -> Right:
        """Whether the server would let us; an unknown right where it does not say."""
        question = _Question(verb, kind, namespace, subresource, name)
        right: Right = await self._once(question, lambda: self._answer(question))
        if right.allowed is None:
            self._answers.pop(question, None)
        return right

    def again(self) -> None:
        """Asks anew from now on: somebody may have granted something."""
        self._answers.clear()

    async def missing(
        self, verbs: Collection[str], kind: Kind, namespace: str, subresource: str
    ) -> str:
        """Which of the verbs we lack, as "jane may not create pods/portforward in istio-system"; "" where none is."""
        rights = {verb: await self.may(verb, kind, namespace, subresource) for verb in verbs}
        refused = {verb: right.reason for verb, right in rights.items() if right.allowed is False}
        if len(refused) > 1:
            all_verbs = _Question(" or ".join(refused), kind, namespace, subresource)
            return f"{self._who()} may not {all_verbs}"
        return "".join(refused.values())

    async def _once(self, key: Any, ask: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
        known = self._answers.get(key)
        if known is None or monotonic() > known[1]:
            known = self._answers[key] = (self._start(ask()), monotonic() + self._pace.rights)
        return await asyncio.shield(known[0])

    async def _answer(self, question: _Question) -> Right:
        if question.namespace:
            rules: list[_Rule] = await self._once(
                question.namespace, lambda: self._rules(question.namespace or "")
            )
            if any(rule.grants(question) for rule in rules):
                return Right(True)
        try:
            return await self._review(question)
        except KubeError as error:
            words = f"whether {self._who()} may {question} is not known: {error}"
            return Right(None, words, str(error))

    async def _rules(self, namespace: str) -> list[_Rule]:
        body = {
            "apiVersion": f"{_GROUP}/v1",
            "kind": "SelfSubjectRulesReview",
            "spec": {"namespace": namespace},
        }
        try:
            path = f"/apis/{_GROUP}/v1/selfsubjectrulesreviews"
            review = await self._api.post(path, body, _RulesReview)
        except KubeError:
            return []  # grants nothing: each question is asked by itself then
        return review.status.resourceRules or []

    async def _review(self, question: _Question) -> Right:
        asked = {
            "verb": question.verb,
            "group": question.kind.group,
            "resource": question.kind.plural,
            "subresource": question.subresource,
            "namespace": question.namespace or "",
            "name": question.name,
        }
        body = {
            "apiVersion": f"{_GROUP}/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": asked},
        }
        path = f"/apis/{_GROUP}/v1/selfsubjectaccessreviews"
        status = (await self._api.post(path, body, _AccessReview)).status
        if status.allowed:
            return Right(True)
        because = f" ({status.reason})" if status.reason else ""
        return Right(False, f"{self._who()} may not {question}{because}", status.reason)

    def _who(self) -> str:
        return self._user() or "this user"


class _Rule(msgspec.Struct):
    verbs: list[str] = []
    apiGroups: list[str] | None = None  # noqa: N815 - the name on the wire
    resources: list[str] | None = None
    resourceNames: list[str] | None = None  # noqa: N815

    def grants(self, question: _Question) -> bool:
        """As RBAC reads a rule (k8s.io/kubernetes, pkg/apis/rbac/v1/evaluation_helpers.go)."""
        resources = {"*", question.resource}
        if question.subresource:
            resources.add(f"*/{question.subresource}")
        return (
            (not self.resourceNames or question.name in self.resourceNames)
            and not {"*", question.verb}.isdisjoint(self.verbs)
            and not {"*", question.kind.group}.isdisjoint(self.apiGroups or ())
            and not resources.isdisjoint(self.resources or ())
        )


class _Rules(msgspec.Struct):
    resourceRules: list[_Rule] | None = None  # noqa: N815


class _RulesReview(msgspec.Struct):
    status: _Rules = msgspec.field(default_factory=_Rules)


class _Access(msgspec.Struct):
    allowed: bool = False
    reason: str = ""


class _AccessReview(msgspec.Struct):
    status: _Access = msgspec.field(default_factory=_Access)
