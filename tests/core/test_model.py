from __future__ import annotations

from dataclasses import replace

from ghapp.core.model import (
    Delivery,
    InstallationKey,
    Lookup,
    OrganisationKey,
    PullKey,
    QueueKey,
    Repository,
    RepositoryKey,
    SweepKey,
)
from ghapp.core.policy.policy import DEFAULT_LABELS, Rules
from ghapp.core.text.labels import described
from tests.core.build import SHOP, policy


def test_a_key_is_named_by_ids_that_outlive_renames() -> None:
    assert str(PullKey(SHOP, 5)) == "pull:42:5"
    assert str(RepositoryKey(SHOP)) == "repository:42"
    assert str(SweepKey(SHOP)) == "sweep:42"
    assert str(InstallationKey(7)) == "installation:7"
    assert str(OrganisationKey(7, "acme")) == "organisation:acme"


def test_a_pull_has_a_page_of_its_own() -> None:
    key = PullKey(SHOP, 5)
    assert key.page == "/pulls/acme/shop/5"
    rules = Rules((), "advise", details_base="https://ghapp.example.com")
    assert rules.details(key) == "https://ghapp.example.com/pulls/acme/shop/5"
    assert Rules((), "advise").details(key) == ""


def test_names_of_owners_and_of_their_own_repository_ignore_case() -> None:
    own = Repository(7, 43, "Acme-Inc/.GitHub")
    assert (own.owner, own.is_organisations) == ("acme-inc", True)
    other = Repository(7, 44, ".github/acme")
    assert (other.owner, other.is_organisations) == (".github", False)


def test_labels_are_described_within_githubs_limits() -> None:
    for language in ("en", "ja"):
        looks = described(policy(language=language))
        assert set(looks) == set(DEFAULT_LABELS.values())
        assert all(len(colour) == 6 and len(words) <= 100 for colour, words in looks.values())


def test_a_queues_head_is_known_by_its_name() -> None:
    key = QueueKey(SHOP, "release/1.x", "a" * 40)
    assert str(key) == f"queue:42:{'a' * 40}:release/1.x"
    assert QueueKey.named(SHOP, str(key)) == key


def test_a_delivery_has_keys_if_it_names_them_or_the_record_may() -> None:
    none = Delivery("1", "push", "", b"{}")
    assert not none.has_keys
    assert replace(none, keys=(PullKey(SHOP, 5),)).has_keys
    assert replace(none, lookup=Lookup(SHOP, "a" * 40)).has_keys
