"""How the labels of this app look where they have to be created."""

from __future__ import annotations

from collections.abc import Mapping

from ghapp.core.policies.policy import Policy
from ghapp.core.words.texts import say


def described(policy: Policy) -> Mapping[str, tuple[str, str]]:
    """Label name -> (colour as six hex digits, description)."""
    return {
        policy.labels["waiting"]: (
            "fbca04",
            say(policy.language, "needs_sign_off_description"),
        ),
        policy.labels["signed_off"]: (
            "0e8a16",
            say(policy.language, "signed_off_description"),
        ),
    }
