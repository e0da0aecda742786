"""The colours and descriptions of ghapp's labels, for those that have to be created."""

from __future__ import annotations

from collections.abc import Mapping

from ghapp.core.i18n import Words
from ghapp.core.policy.policy import Policy

COLOURS: Mapping[str, str] = {
    "waiting": "fbca04",
    "hold": "d93f0b",
    "signed_off": "0e8a16",
    "waived": "5319e7",
    "follow_ups": "c5def5",  # of the pull
    "follow_up": "d4c5f9",  # of an issue
    "configuration": "bfd4f2",  # of an issue
}
PROJECT_COLOUR = "bfdadc"


def described(policy: Policy) -> Mapping[str, tuple[str, str]]:
    """Label name -> (colour as six hex digits, description)."""
    words = Words(policy.language)
    found = {
        policy.labels[state]: (colour, words(f"{state}_description"))
        for state, colour in COLOURS.items()
    }
    return {**found, policy.projects.label: (PROJECT_COLOUR, words("project_description"))}
