"""Which names look like production. The rule is the project's: whole words, never after "non" or "pre"."""

from __future__ import annotations

import pytest

from meshtui.production import is_production, read_only
from meshtui.settings import ContextSettings, Settings


@pytest.mark.parametrize(
    "context",
    [
        "prod",
        "PROD",
        "Production",
        "prd",
        "live",
        "prod-eu1",
        "eu1-prd",
        "prod1",
        "01prod",
        "shop.live.example",
        "gke_acme_europe_prod",
        "gke_acme-prod_europe-west1_payments",
        "arn:aws:eks:eu-west-1:123456789012:cluster/prod1",
        "admin@production",
        "acmeProdEu",
        "kind-prod",
        "nonprod-and-prod",
    ],
)
def test_a_whole_word_makes_production(context: str) -> None:
    assert is_production(context)


@pytest.mark.parametrize(
    "context",
    [
        "",
        "nonprod",
        "NonProd",
        "non-prod",
        "non_prod-eu1",
        "preprod",
        "pre-prod",
        "PreProduction",
        "pre.production.example",
        "pre-live",
        "arn:aws:eks:eu-west-1:123456789012:cluster/nonprod1",
        "product-search",
        "reproduction",
        "alive",
        "delivery",
        "olive-garden",
        "staging",
        "kind-kind",
        "生产",
    ],
)
def test_other_words_do_not(context: str) -> None:
    assert not is_production(context)


TRUSTED = {
    "prod-eu1": ContextSettings(read_only=False),
    "kind-lab": ContextSettings(read_only=True),
}


@pytest.mark.parametrize(
    ("settings", "context", "reason"),
    [
        (Settings(), "kind-kind", ""),
        (Settings(), "prod-eu1", "its name looks like production"),
        (Settings(contexts=TRUSTED), "prod-eu1", ""),
        (Settings(contexts=TRUSTED), "prod-eu2", "its name looks like production"),
        (Settings(contexts=TRUSTED), "kind-lab", "the configuration says so"),
        (Settings(contexts=TRUSTED, read_only=False), "kind-lab", ""),
        (Settings(read_only=False), "prod-eu1", ""),
        (Settings(read_only=True, contexts=TRUSTED), "prod-eu1", "--read-only was given"),
        (
            Settings(read_only=False, complaints=("config.toml, line 1: …",)),
            "kind-kind",
            "the configuration file has mistakes",
        ),
    ],
)
def test_flags_outweigh_the_configuration_which_outweighs_the_name(
    settings: Settings, context: str, reason: str
) -> None:
    assert read_only(settings, context) == reason
