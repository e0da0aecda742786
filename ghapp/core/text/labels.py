"""How the labels of this app look where they have to be created."""

from __future__ import annotations

from collections.abc import Mapping

from ghapp.core.i18n import say
from ghapp.core.policy.policy import Policy

COLOURS: Mapping[str, str] = {
    "waiting": "fbca04",
    "hold": "d93f0b",
    "signed_off": "0e8a16",
    "waived": "5319e7",
    "follow_ups": "c5def5",
}


def described(policy: Policy) -> Mapping[str, tuple[str, str]]:
    """Label name -> (colour as six hex digits, description), for those that pulls carry."""
    return {
        policy.labels[state]: (colour, say(policy.language, f"{state}_description"))
        for state, colour in COLOURS.items()
    }
