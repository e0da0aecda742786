"""Where people look: addresses on GitHub, and where the pages of ghapp are."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import tzinfo
from urllib.parse import quote

from ghapp.core.policy.policy import POLICY_PATH
from ghapp.core.records import FollowUp


@dataclass(frozen=True, slots=True)
class Place:
    """Where pages and people are.

    zone: of the team's clock. web_url: of GitHub. base_url: of the pages, "" if none are served.
    """

    zone: tzinfo
    web_url: str
    base_url: str = ""

    def repository(self, full_name: str) -> str:
        return f"{self.web_url}/{quote(full_name)}"

    def pull(self, full_name: str, number: int) -> str:
        """The address of a pull, or of an issue."""
        return f"{self.repository(full_name)}/pull/{number}"

    def issue(self, full_name: str, number: int) -> str:
        return f"{self.repository(full_name)}/issues/{number}"

    def follow_up(self, full_name: str, what: FollowUp) -> str:
        """The address of its issue; of its pull if it has none."""
        if what.issue:
            return self.issue(full_name, what.issue)
        return self.pull(full_name, what.number)

    def policy(self, full_name: str) -> str:
        """The address of a repository's policy file."""
        return f"{self.repository(full_name)}/blob/HEAD/{POLICY_PATH}"

    def line(self, full_name: str, head_sha: str, path: str, line: int) -> str:
        """The address of a line as the head has it."""
        anchor = f"#L{line}" if line else ""
        return f"{self.repository(full_name)}/blob/{head_sha}/{quote(path)}{anchor}"
