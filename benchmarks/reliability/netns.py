"""Machines of their own as far as the network goes: namespaces, each with two cables to here."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

# One network to GitHub, one to the database, of those that are for tests; this process has its own.
# Source: https://www.rfc-editor.org/rfc/rfc6890 (198.18.0.0/15: benchmarking)
OURS = os.getpid() % 250
GITHUB, DATABASE = f"198.18.{OURS}", f"198.19.{OURS}"
HERE = 1


@dataclass(frozen=True, slots=True)
class Island:
    """A namespace. address: as the network to GitHub knows it."""

    name: str
    address: str

    @property
    def inside(self) -> Sequence[str]:
        """What a command line begins with to run there."""
        return ("ip", "netns", "exec", self.name)

    def cut(self, network: str) -> None:
        """Pull the cable: what is sent is gone, and nobody is told."""
        _ip("link", "set", _cable(self.name, network), "down")

    def join(self, network: str) -> None:
        _ip("link", "set", _cable(self.name, network), "up")


def missing() -> str:
    """What there has to be for namespaces, and is not; "" where all is there."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    if shutil.which("ip") is None:
        return "network namespaces need `ip` (Debian package iproute2)"
    return ""


def denied() -> str:
    """Why the kernel makes no namespaces, even so; "" where it does."""
    name = f"ghapp-{os.getpid()}-probe"
    try:
        _ip("netns", "add", name)
        _ip("netns", "delete", name)
    except OSError as error:
        return f"`ip netns add` does not work here: {error}"
    return ""


@contextmanager
def islands(count: int) -> Iterator[list[Island]]:
    """So many, and we at HERE of both networks; all is taken down again, whatever happened."""
    with ExitStack() as stack:
        for network in (GITHUB, DATABASE):
            bridge = _bridge(network)
            stack.callback(_quietly, "link", "delete", bridge)
            _ip("link", "add", bridge, "type", "bridge")
            _ip("address", "add", f"{network}.{HERE}/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
        yield [_island(stack, number) for number in range(HERE + 1, HERE + 1 + count)]


def _island(stack: ExitStack, number: int) -> Island:
    name = f"ghapp-{os.getpid()}-{number}"
    stack.callback(_quietly, "netns", "delete", name)  # its ends of the cables go with it
    _ip("netns", "add", name)
    _ip("-n", name, "link", "set", "lo", "up")
    for network in (GITHUB, DATABASE):
        here, there = _cable(name, network), f"to-{network.split('.')[1]}"
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", name)
        _ip("link", "set", here, "master", _bridge(network), "up")
        _ip("-n", name, "address", "add", f"{network}.{number}/24", "dev", there)
        _ip("-n", name, "link", "set", there, "up")
    return Island(name, f"{GITHUB}.{number}")


def _bridge(network: str) -> str:
    return f"gb{network.split('.')[1]}-{os.getpid()}"


def _cable(name: str, network: str) -> str:
    """Our end of it; the kernel takes 15 characters at most."""
    _, pid, number = name.split("-")
    return f"gc{network.split('.')[1]}-{pid}-{number}"


def _ip(*arguments: str) -> None:
    """Raises OSError (with what `ip` said)."""
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode:
        raise OSError(done.stderr.strip())


def _quietly(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], capture_output=True, check=False)  # noqa: S607
