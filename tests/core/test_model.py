from __future__ import annotations

from dataclasses import replace

from ghapp.core.model import (
    ConfigurationKey,
    Delivery,
    InstallationKey,
    Lookup,
    OrganisationKey,
    ProjectKey,
    PullKey,
    QueueKey,
    Repository,
    RepositoryKey,
    SweepKey,
)
from ghapp.core.policy.policy import DEFAULT_LABELS, Projects, Rules
from ghapp.core.records import KnownIssue
from ghapp.core.text.labels import described
from tests.core.build import SHOP, policy


def test_a_key_is_named_by_ids_that_outlive_renames() -> None:
    assert str(PullKey(SHOP, 5)) == "pull:42:5"
    assert str(RepositoryKey(SHOP)) == "repository:42"
    assert str(SweepKey(SHOP)) == "sweep:42"
    assert str(InstallationKey(7)) == "installation:7"
    assert str(OrganisationKey(7, "acme")) == "organisation:acme"
    assert str(ConfigurationKey(SHOP)) == "configuration:42"


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
        assert set(looks) == {*DEFAULT_LABELS.values(), Projects().label}
        assert all(len(colour) == 6 and len(words) <= 100 for colour, words in looks.values())


def test_a_queues_head_is_known_by_its_name() -> None:
    key = QueueKey(SHOP, "release/1.x", "a" * 40)
    assert str(key) == f"queue:42:{'a' * 40}:release/1.x"
    assert QueueKey.named(SHOP, str(key)) == key


def test_an_issue_has_a_key_and_a_name_of_one_spelling() -> None:
    key = ProjectKey(replace(SHOP, full_name="Acme/Shop"), 12)
    assert (str(key), key.reference) == ("project:42:12", "acme/shop#12")


def test_an_issue_has_a_label_in_any_case() -> None:
    issue = KnownIssue(ProjectKey(SHOP, 12), "I_1", "Points", "", True, frozenset({"NFR: Project"}))
    assert [issue.has(label) for label in ("nfr: project", "nfr")] == [True, False]


def test_a_delivery_has_keys_if_it_names_them_or_the_record_may() -> None:
    none = Delivery("1", "push", "", b"{}")
    assert not none.has_keys
    assert replace(none, keys=(PullKey(SHOP, 5),)).has_keys
    assert replace(none, lookup=Lookup(SHOP, "a" * 40)).has_keys
