"""Where nothing can listen, it is told why, and what to do about that very reason."""

from __future__ import annotations

import errno
import socket

import pytest

from ghapp.errors import WrongSetting
from ghapp.web.server import bound


def refused(host: str, port: int) -> str:
    with pytest.raises(WrongSetting) as wrong, bound(host, port):
        pass
    return str(wrong.value)


@pytest.mark.parametrize("host", ["999.1.1.1", "192.0.2.1", "2001:db8::1"])
def test_an_address_of_another_machine_or_none_is_told_once_and_as_that(host: str) -> None:
    told = refused(host, 8000)
    assert told.startswith(f"HOST, PORT: cannot listen on {host}:8000 (")
    assert "); HOST is no address of this machine: use " in told
    assert told.count(host) == 1


def test_of_a_taken_port_only_it_is_said_to_stop_what_listens_there() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = refused("127.0.0.1", taken.getsockname()[1])
    assert told.endswith("; stop what listens there, or set another HOST or PORT")


def test_the_port_is_called_as_whoever_starts_ghapp_sets_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(WrongSetting) as wrong:
        bound("127.0.0.1", taken.getsockname()[1], "--metrics-port")
    told = str(wrong.value)
    assert told.startswith("HOST, --metrics-port: cannot listen on 127.0.0.1:")
    assert told.endswith("; stop what listens there, or set another HOST or --metrics-port")


def test_a_port_for_root_alone_is_no_matter_of_the_address(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object) -> None:
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(socket.socket, "bind", forbidden)
    told = refused("127.0.0.1", 80)
    assert told.endswith(
        "(Permission denied); this user may not listen on so low a port: set a PORT above 1023"
    )
