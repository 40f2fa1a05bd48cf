"""What istiod writes on GatewayClasses, Gateways and ListenerSets.

Reasons and messages are the recorded ones (tests/data/recordings/shop) and those of Istio's own cases of Gateway API
status.
"""

from __future__ import annotations

from collections.abc import Sequence

from meshtui.sim.behaviour import listeners
from meshtui.sim.behaviour.assignment import assign, requested
from meshtui.sim.behaviour.certificates import client_problem
from meshtui.sim.behaviour.classes import CLASSES, class_of
from meshtui.sim.behaviour.conditions import bad, good, stamped
from meshtui.sim.behaviour.listeners import Listener, is_valid
from meshtui.sim.behaviour.references import Problem, group_kind
from meshtui.sim.kinds import CONFIGMAP
from meshtui.sim.objects import Raw, mapping, mappings, namespace, text
from meshtui.sim.store import Store, key_of


def gateway_class(class_name: str) -> Raw:
    """A GatewayClass as istiod makes it at its start."""
    of_class = CLASSES[class_name]
    return {
        "metadata": {"name": class_name},
        "spec": {"controllerName": of_class.controller, "description": of_class.description},
    }


def class_status(gateway_class: Raw, stamp: str) -> Raw:
    condition = good("Accepted", "Accepted", "Handled by Istio controller")
    return {"conditions": _stamped(gateway_class, [condition], stamp)}


def status(store: Store, gateway: Raw, routes: list[Raw], stamp: str) -> Raw | None:
    """The whole status of a Gateway, given the routes that name it; None where it is not of a class of Istio's."""
    of_class = class_of(store, gateway)
    if of_class is None:
        return None
    if not of_class.service:
        remote = "This Gateway is remote; Istio will not program it"
        accepted = _accepted(store, gateway, None, [])
        conditions = [accepted, good("Programmed", "Programmed", remote)]
        addresses = mappings(gateway, "spec", "addresses")
        return {"addresses": addresses, "conditions": _stamped(gateway, conditions, stamp)}
    hosts, problem = requested(gateway, of_class)
    every = listeners.of_gateway(store, gateway) if hosts else []
    own = [each for each in every if each.owner is gateway]
    assignment = assign(store, gateway, of_class, hosts, _ports(every))
    resolved = good("ResolvedRefs", "ResolvedRefs", "All references resolved")
    if unresolved := client_problem(store, gateway):
        resolved = bad("ResolvedRefs", *unresolved)
    conditions = [_accepted(store, gateway, problem, own), assignment.condition(), resolved]
    sets = {key_of(each.owner) for each in every if each not in own and is_valid(store, each)}
    # An address once given is not taken away again
    addresses = assignment.addresses or mappings(gateway, "status", "addresses")
    return {
        **({"addresses": addresses} if addresses else {}),
        **({"attachedListenerSets": len(sets)} if sets else {}),
        "conditions": _stamped(gateway, conditions, stamp),
        "listeners": [listeners.status(store, each, routes, stamp) for each in own],
    }


def set_status(store: Store, listener_set: Raw, routes: list[Raw], stamp: str) -> Raw | None:
    """The whole status of a ListenerSet, given the routes that name it; None where its Gateway is not Istio's."""
    gateway = listeners.gateway_of(store, listener_set)
    of_class = class_of(store, gateway) if gateway else None
    if gateway is None or of_class is None:
        return None
    if not of_class.listener_sets:
        title = text(gateway, "spec", "gatewayClassName")
        return _not_allowed(
            listener_set, f'The "{title}" GatewayClass does not support ListenerSet', stamp
        )
    if not listeners.allows(store, gateway, listener_set):
        message = "The parent Gateway does not allow this reference; check the 'spec.allowedRoutes'"
        return _not_allowed(listener_set, message, stamp)
    hosts, problem = requested(gateway, of_class)
    own = listeners.of_set(store, listener_set) if hosts else []
    programmed = assign(store, gateway, of_class, hosts, _ports(own)).condition()
    accepted = good("Accepted", "Accepted", "Resource accepted")
    if problem:
        accepted = bad("Accepted", problem[0], f"Parent not accepted: {problem[1]}")
    elif not any(is_valid(store, each) for each in own):
        invalid = "ListenersNotValid", "None of the ListenerSet's listeners are valid"
        accepted, programmed = bad("Accepted", *invalid), bad("Programmed", *invalid)
    return {
        "conditions": _stamped(listener_set, [accepted, programmed], stamp),
        "listeners": [listeners.status(store, each, routes, stamp) for each in own],
    }


def _accepted(store: Store, gateway: Raw, problem: Problem | None, own: Sequence[Listener]) -> Raw:
    if problem := problem or _parameters_problem(store, gateway):
        return bad("Accepted", *problem)
    valid = [is_valid(store, each) for each in own]
    if all(valid):
        return good("Accepted", "Accepted", "Resource accepted")
    if any(valid):
        message = "One or more of the Gateway's listeners are invalid"
        return good("Accepted", "ListenersNotValid", message)
    return bad("Accepted", "ListenersNotValid", "None of the Gateway's listeners are valid")


def _parameters_problem(store: Store, gateway: Raw) -> Problem | None:
    """What is wrong with the ConfigMap that is to change what runs a Gateway."""
    reference = mapping(gateway, "spec", "infrastructure", "parametersRef")
    if not reference:
        return None
    group, kind = of = group_kind(reference, "", "")
    if of != ("", "ConfigMap"):
        message = (
            f"Unsupported parametersRef group/kind {group}/{kind}, only ConfigMap is supported"
        )
        return "InvalidParameters", message
    space, title = namespace(gateway), text(reference, "name")
    if store.get(CONFIGMAP, space, title) is None:
        message = f"parametersRef ConfigMap {space}/{title} does not exist"
        return "InvalidParameters", message
    return None


def _not_allowed(listener_set: Raw, message: str, stamp: str) -> Raw:
    conditions = [bad(each, "NotAllowed", message) for each in ("Accepted", "Programmed")]
    return {"conditions": _stamped(listener_set, conditions, stamp)}


def _ports(every: Sequence[Listener]) -> list[object]:
    return [each.port for each in every if not each.conflict]


def _stamped(obj: Raw, conditions: list[Raw], stamp: str) -> list[Raw]:
    return stamped(obj, mappings(obj, "status", "conditions"), conditions, stamp)
