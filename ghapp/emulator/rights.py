"""Who may do what in a repository."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import RLock
from typing import TYPE_CHECKING

from ghapp.emulator.locking import locked
from ghapp.emulator.state import ROLES, User

if TYPE_CHECKING:
    from ghapp.emulator.github import Emulator


@dataclass(eq=False, repr=False, kw_only=True)
class Rights:
    """roles: login to role."""

    github: Emulator
    owner: User
    roles: dict[str, str] = field(default_factory=dict)

    @property
    def lock(self) -> RLock:
        return self.github.lock

    @locked
    def collaborator(self, login: str, role: str) -> User:
        """role: read, triage, write, maintain or admin; "none" takes the rights away."""
        if role not in ROLES:
            raise ValueError(f"role {role!r}: one of {', '.join(ROLES)}")
        self.roles[login.lower()] = role
        return self.github.user(login)

    def role(self, user: User) -> str:
        """One of ROLES; members of the organisation may read."""
        if user is self.owner:
            return "admin"
        member = "read" if self.github.is_member(self.owner, user) else "none"
        return self.roles.get(user.login.lower(), member)

    def may_write(self, user: User) -> bool:
        """People with write, and the App, whose own permissions are checked elsewhere."""
        rank = ROLES.index(self.role(user))
        return rank >= ROLES.index("write") or user is self.github.app.bot

    def may_be_assigned(self, user: User) -> bool:
        """People with write, and members of the organisation who may read.

        GitHub also admits who has commented on that very issue, which is not played. Source:
        https://docs.github.com/issues/tracking-your-work-with-issues/using-issues/
        assigning-issues-and-pull-requests-to-other-github-users
        """
        if user.kind != "User":
            return False
        member = self.github.is_member(self.owner, user) and self.role(user) != "none"
        return member or self.may_write(user)

    def association(self, user: User) -> str:
        if user is self.owner:
            return "OWNER"
        if self.github.is_member(self.owner, user):
            return "MEMBER"
        return "COLLABORATOR" if user.login.lower() in self.roles else "NONE"
