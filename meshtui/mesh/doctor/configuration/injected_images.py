"""Images of injected proxies: of another version than the injector's, or never put in (IST0158, IST0146, IST0147)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from meshtui.mesh import meshconfig, selectors
from meshtui.mesh.doctor.configuration import embedded
from meshtui.mesh.doctor.configuration.injection import INJECTOR, values
from meshtui.mesh.doctor.configuration.membership import (
    INJECTION,
    PROXY,
    REVISION,
    containers,
    namespaces,
)
from meshtui.mesh.doctor.configuration.objects import (
    ERROR,
    WARNING,
    analyzer,
    every,
    found,
    judged,
    labels,
    listed,
    mesh,
    root_namespace,
)
from meshtui.mesh.doctor.findings import Found, Rule, Unsure
from meshtui.mesh.kinds import CONFIGMAP, DEPLOYMENT, NAMESPACE, POD, PROXY_CONFIG, WEBHOOK
from meshtui.mesh.raw import (
    Raw,
    annotation,
    dig,
    entries,
    name,
    namespace,
    strings,
    table,
    text,
)
from meshtui.mesh.snapshot import Snapshot

OTHER = Rule(
    "IST0158",
    "sidecars run another image than the injector puts in now",
    WARNING,
    why="The pods were made before the control plane was upgraded: their proxies lag behind it.",
    remedy="restart the workloads of these pods; each then gets the injector's image",
    link="docs/reference/config/analysis/ist0158/",
)
UNSELECTED = Rule(
    "IST0146",
    "a Deployment leaves its proxy's image to the injector, and no injector takes its pods",
    WARNING,
    why="New pods are started with an image named auto, which does not exist: they never run.",
    remedy="label its namespace or its pod template so that the webhook takes them: sidecar.istio.io/inject=true",
    link="docs/setup/additional-setup/sidecar-injection/",
)
NEVER = Rule(
    "IST0147",
    "a pod waits for an image that the injector was to fill in",
    ERROR,
    why="There is no image named auto: the pod cannot run.",
    remedy="see that the webhook istio-sidecar-injector takes its pods, then restart the workload",
    link="docs/setup/additional-setup/sidecar-injection/",
)

_AUTO = "auto"


def others(snapshot: Snapshot) -> Iterator[Found | Unsure]:
    unread = snapshot.unread(PROXY_CONFIG, root_namespace(snapshot))
    if unread:
        yield Unsure(OTHER, unread)
        return
    images = _images(snapshot)
    revisions = _injected(snapshot) if images else {}
    variants = _Variants(snapshot)
    outdated: dict[str, list[tuple[str, str]]] = {}
    for where, pod, running in filter(None, snapshot.each(POD, _proxy)) if revisions else ():
        wanted = images.get(revisions.get(where, ""), "")
        if wanted and running != {wanted}:
            odd = running - {wanted, f"{wanted}-{variants.of(pod)}"}
            if odd:
                outdated.setdefault(where, []).append((name(pod), min(odd)))
    for where, it in namespaces(snapshot).items():
        if where in outdated:
            pods = listed(pod for pod, _ in outdated[where])
            says = f"{pods} should run {images[revisions[where]]}"
            field, ran = "spec.containers[istio-proxy].image", outdated[where][0][1]
            yield found(OTHER, NAMESPACE, it, says, field, f"{ran} in {outdated[where][0][0]}")


def _proxy(pod: Raw) -> tuple[str, Raw, frozenset[str]] | None:
    """A pod whose proxy has the image that the injector chose: its namespace, itself and the images."""
    images = [text(each, "image") for each in containers(pod) if text(each, "name") == PROXY]
    if not images or annotation(pod, "sidecar.istio.io/proxyImage"):
        return None
    return namespace(pod), pod, frozenset(images)


def _injected(snapshot: Snapshot) -> Mapping[str, str]:
    """The revision that each namespace gets its sidecars from."""
    revisions = {}
    for where, it in namespaces(snapshot).items():
        own = labels(it)
        if REVISION in own or own.get(INJECTION) == "enabled":
            revisions[where] = own.get(REVISION) or "default"
    return revisions


def _images(snapshot: Snapshot) -> Mapping[str, str]:
    """The image that each revision's injector puts in."""
    images = {}
    for raw in every(snapshot, CONFIGMAP):
        if name(raw).startswith(INJECTOR):
            image = _image(table(values(raw), "global"))
            revision = name(raw).removeprefix(INJECTOR).removeprefix("-") or "default"
            if image:
                images[revision] = image
    return images


def _image(settings: Raw) -> str:
    image = text(settings, "proxy", "image")
    if "/" in image or not image:
        return image
    tag = dig(settings, "tag")
    return f"{text(settings, 'hub')}/{image}:{tag if isinstance(tag, (str, int, float)) else ''}"


class _Variants:
    """The variant of the image that each pod is to have: from the mesh, its namespace, a selector, its annotation."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._mesh = text(mesh(snapshot), "defaultConfig", "image", "imageType")
        self._root = root_namespace(snapshot)
        self._wide: dict[str, str] = {}
        self._selecting: dict[str, list[tuple[Mapping[str, str], str]]] = {}
        for config in every(snapshot, PROXY_CONFIG):
            variant = text(config, "spec", "image", "imageType")
            selector = strings(config, "spec", "selector", "matchLabels")
            if variant and selector:
                self._selecting.setdefault(namespace(config), []).append((selector, variant))
            elif variant:
                self._wide.setdefault(namespace(config), variant)

    def of(self, pod: Raw) -> str:
        """ "" for the plain image."""
        where = namespace(pod)
        chosen = [self._mesh, self._wide.get(self._root, ""), self._wide.get(where, "")]
        for selector, variant in self._selecting.get(where, ()):
            if selector.items() <= labels(pod).items():
                chosen.append(variant)
        own = annotation(pod, "proxy.istio.io/config")
        if own:
            chosen.append(text(embedded.read_or_none(own), "image", "imageType"))
        last = next((each for each in reversed(chosen) if each), "")
        return "" if last == "default" else last


def autos(snapshot: Snapshot) -> Iterator[Found]:
    yield from judged(snapshot, POD, _never)
    webhooks = [
        each
        for configuration in every(snapshot, WEBHOOK)
        for each in entries(configuration, "webhooks")
        if text(each, "name").endswith("istio.io")
    ]
    known = namespaces(snapshot)
    for deployment in every(snapshot, DEPLOYMENT):
        template = table(deployment, "spec", "template")
        if _AUTO not in _running_of(template):
            continue
        of_namespace = labels(known.get(namespace(deployment) or "default", {}))
        if not any(_selects(each, of_namespace, labels(template)) for each in webhooks):
            says = f"no webhook of Istio takes the pods of {name(deployment)}"
            field = "spec.template.spec.containers[istio-proxy].image"
            yield found(UNSELECTED, DEPLOYMENT, deployment, says, field, _AUTO)


def _never(pod: Raw) -> tuple[Found, ...]:
    if _AUTO not in _running_of(pod):
        return ()
    says = f"pod {name(pod)} has no image for istio-proxy"
    return (found(NEVER, POD, pod, says, "spec.containers[istio-proxy].image", _AUTO),)


def _running_of(pod: Raw) -> Sequence[str]:
    own = entries(pod, "spec", "containers")
    return [text(each, "image") for each in own if text(each, "name") == PROXY]


def _selects(webhook: Raw, of_namespace: Mapping[str, str], of_object: Mapping[str, str]) -> bool:
    """Whether a webhook takes an object with these labels in a namespace with those. A selector that cannot be read
    takes nothing."""
    try:
        return selectors.read(dig(webhook, "namespaceSelector")).matches(
            of_namespace
        ) and selectors.read(dig(webhook, "objectSelector")).matches(of_object)
    except ValueError:
        return False


ANALYZERS = (
    analyzer(
        "injection.ImageAnalyzer",
        (OTHER,),
        (NAMESPACE, POD, meshconfig.SCOPE, PROXY_CONFIG),
        others,
        looks_up=(meshconfig.SCOPE,),
        looks_around=(PROXY_CONFIG,),
    ),
    analyzer(
        "injection.ImageAutoAnalyzer",
        (UNSELECTED, NEVER),
        (POD, DEPLOYMENT, NAMESPACE, WEBHOOK),
        autos,
        looks_up=(NAMESPACE, WEBHOOK),
    ),
)
