"""Authorization rules: what the rules of an AuthorizationPolicy say in plain words (istio-ambient.md, 7.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from msgspec import Struct

from meshtui.mesh.raw import Raw, dig, entries, text


class Rule(Struct, frozen=True):
    """One rule in words; each part is "" where it asks for nothing."""

    who: str
    what: str
    """ "on 8080 with GET"."""
    when: str
    """ "when request.headers[x-user] is jane"."""

    def __str__(self) -> str:
        return " ".join(filter(None, (self.who or "anybody", self.what, self.when)))

    @property
    def extent(self) -> str:
        """How far it goes, behind whom it is for; "" where it goes all the way."""
        return "".join(f" {part}" for part in (self.what, self.when) if part)

    @property
    def empty(self) -> bool:
        """It takes every call."""
        return not (self.who or self.what or self.when)


def of(policy: Raw) -> Sequence[Raw]:
    """The rules of a policy as they are written."""
    return entries(policy, "spec", "rules")


def read(rule: Raw, namespace: str, domain: str) -> Rule:
    """A rule in words; `namespace` is its policy's, and `domain` the trust domain of the mesh, which goes without
    saying. Never raises."""
    own = _Own(namespace, domain)
    return Rule(
        who=" or ".join(_each(rule, "from", "source", lambda it: _source(it, own))),
        what=" or ".join(_each(rule, "to", "operation", _operation)),
        when=_when(entries(rule, "when")),
    )


def sentence(action: str, rules: Sequence[Rule], whom: str, provider: str = "") -> str:
    """What a policy of such rules says, of whom it protects."""
    if action in _DECIDES:
        return _decides(_DECIDES[action], rules, whom)
    limit = "" if any(each.empty for each in rules) else f": {_several(rules, ', or ')}"
    if action == "CUSTOM":
        who = f"provider {_brief(provider)}" if provider else "a provider that is not named"
        decides = f"{who} decides who may reach {whom}{limit}"
        return decides if rules else f"{who} is asked about no call of {whom}"
    if action == "AUDIT":
        return f"calls of {whom} are noted for audit{limit}" if rules else "notes no call"
    return f"action {_brief(action)}, which Istio does not know, for {whom}"


class _Sentences(Struct, frozen=True):
    """What an action says of whom it protects: with no rule, with one that takes every call, with several, and with
    one rule, of some callers or of any."""

    none: str
    every: str
    several: str
    between: str
    one: str
    one_of_any: str


_DECIDES = {
    "ALLOW": _Sentences(
        none="nobody may reach {whom}",
        every="anybody may reach {whom}",
        several="{whom} may be reached only by {rules}",
        between=", or by ",
        one="only {rule.who} may reach {whom}{rule.extent}",
        one_of_any="{whom} may be reached only{rule.extent}",
    ),
    "DENY": _Sentences(
        none="refuses nobody who reaches {whom}",
        every="nobody may reach {whom}",
        several="{whom} may not be reached by {rules}",
        between=", nor by ",
        one="{rule.who} may not reach {whom}{rule.extent}",
        one_of_any="nobody may reach {whom}{rule.extent}",
    ),
}


def _decides(said: _Sentences, rules: Sequence[Rule], whom: str) -> str:
    if not rules:
        return said.none.format(whom=whom)
    if any(each.empty for each in rules):
        return said.every.format(whom=whom)
    if len(rules) > 1:
        return said.several.format(whom=whom, rules=_several(rules, said.between))
    [rule] = rules
    return (said.one if rule.who else said.one_of_any).format(whom=whom, rule=rule)


_MOST_RULES, _MOST_VALUES, _MOST_LETTERS = 4, 4, 60


def _several(rules: Sequence[Rule], between: str) -> str:
    said = [*map(str, rules[:_MOST_RULES])]
    more = len(rules) - _MOST_RULES
    return between.join([*said, f"{more} rules more"] if more > 0 else said)


def _each(rule: Raw, section: str, holder: str, words: Callable[[Raw], str]) -> Iterator[str]:
    """In words each alternative of a clause; none where the clause takes everything."""
    for it in entries(rule, section):
        yield words(fields(it, holder)) or f"an empty {holder}"


def fields(it: Raw, holder: str) -> Raw:
    """What a source or an operation asks for, without what is there and empty."""
    found = dig(it, holder)
    return {k: v for k, v in found.items() if v} if isinstance(found, Mapping) else {}


def positive(name: str) -> str:
    """ "notPorts" as "ports"."""
    return name[3].lower() + name[4:] if name.startswith("not") and len(name) > 3 else name


_QUALITIES = {
    "namespaces": "in namespace",
    "ipBlocks": "at",
    "remoteIpBlocks": "coming from",
    "requestPrincipals": "with a token of",
    "trustDomains": "of trust domain",
    "methods": "with",
    "hosts": "at host",
    "paths": "for",
    "ports": "on",
}
_OTHER = {
    "principals": "other than",
    "serviceAccounts": "other than",
    "namespaces": "outside namespace",
    "ipBlocks": "not at",
    "remoteIpBlocks": "not coming from",
    "requestPrincipals": "without a token of",
    "trustDomains": "not of trust domain",
    "methods": "with any method but",
    "hosts": "at any host but",
    "paths": "for any path but",
    "ports": "on any port but",
}
_ANY = {
    "namespaces": "in any namespace",
    "requestPrincipals": "with a valid token",
    "notPrincipals": "without an identity",
    "notNamespaces": "without a namespace",
    "notRequestPrincipals": "without a valid token",
}


def _source(found: Raw, own: _Own) -> str:
    """ "shop/checkout in namespace shop"; "" for an empty one."""
    names: list[str] = []
    if "principals" in found:
        values = _values(found["principals"])
        names.append(
            "callers with an identity" if values == ["*"] else _either(values, own.principal)
        )
    if "serviceAccounts" in found:
        names.append(_either(_values(found["serviceAccounts"]), own.account))
    rest = {k: v for k, v in found.items() if k not in ("principals", "serviceAccounts")}
    if not names and not rest:
        return ""
    shorter = {"principals": own.principal, "serviceAccounts": own.account}
    return " ".join([" who are also ".join(names) or "callers", *_qualities(rest, shorter)])


def _operation(found: Raw) -> str:
    """ "on 8080 with GET for /pay"; "" for an empty one."""
    order = {name: place for place, name in enumerate(("ports", "methods", "paths", "hosts"))}
    fields = sorted(found.items(), key=lambda each: order.get(positive(each[0]), len(order)))
    return " ".join(_qualities(dict(fields), {}))


def _qualities(found: Raw, shorter: Mapping[str, Callable[[str], str]]) -> Iterator[str]:
    """Each field in words; one that is not known as it is written."""
    for name, given in found.items():
        values, plain = _values(given), positive(name)
        if values == ["*"] and name in _ANY:
            yield _ANY[name]
            continue
        words = (_OTHER if plain != name else _QUALITIES).get(plain)
        said = _either(values, shorter.get(plain, _brief))
        yield f"{words} {said}" if words else f"with {_brief(name)} {said}"


def _when(conditions: Iterable[Raw]) -> str:
    said = [*filter(None, map(_condition, conditions))]
    return f"when {' and '.join(said)}" if said else ""


def _condition(it: Raw) -> str:
    key = _brief(text(it, "key")) or "something without a key"
    parts = []
    if it.get("values"):
        parts.append(f"is {_either(_values(it['values']), _brief)}")
    if it.get("notValues"):
        parts.append(f"is not {_either(_values(it['notValues']), _brief)}")
    return f"{key} {' and '.join(parts) or 'is anything'}"


def _values(given: object) -> list[str]:
    """The values of a field; what cannot be read of it as "?", since it narrows all the same."""
    if not isinstance(given, list) or not given:
        return ["?"]
    return [each if isinstance(each, str) else "?" for each in given]


def _either(values: Sequence[str], words: Callable[[str], str]) -> str:
    said = [words(each) for each in values[:_MOST_VALUES]]
    if len(values) > _MOST_VALUES:
        said.append(f"{len(values) - _MOST_VALUES} others")
    return " or ".join(filter(None, (", ".join(said[:-1]), said[-1])))


class _Own(Struct, frozen=True):
    """What goes without saying: the namespace of a policy, and the trust domain of its mesh."""

    namespace: str
    domain: str

    def principal(self, written: str) -> str:
        """ "cluster.local/ns/shop/sa/checkout" as "shop/checkout", and of another trust domain as "shop/checkout of
        acme.example"; one of another form as it is written."""
        domain, *rest = written.split("/")
        if len(rest) != 4 or (rest[0], rest[2]) != ("ns", "sa") or not domain or "*" in domain:
            return _brief(written)
        of = "" if domain == self.domain else f" of {domain}"
        return _brief(f"{rest[1]}/{rest[3]}{of}")

    def account(self, written: str) -> str:
        return _brief(written if "/" in written else f"{self.namespace}/{written}")


def _brief(value: str) -> str:
    return value if len(value) <= _MOST_LETTERS else f"{value[:_MOST_LETTERS]}…"
