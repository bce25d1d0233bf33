# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Where a server can be reached: a socket file of its user, or TCP; and the URI that says so.

TCP without TLS is for this machine alone. Anything else asks for a certificate of every client:
whoever can connect can write.
"""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import os
import socket
import stat
from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import quote

from core.errors import RangepairError, UsageError, VolumeBusyError
from core.usersocket import CLIENTS_WAITING_MAX, FRESH, listen_for_user

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

SOCKET_PATH_BYTES_MAX: Final = 107
"""``sun_path`` of Linux holds 108 bytes, the closing zero included."""
PORT: Final = 10809
"""Assigned to NBD."""
_CERTIFICATES: Final = ("ca-cert.pem", "server-cert.pem", "server-key.pem")
_KEEPALIVE: Final = (
    (socket.TCP_KEEPIDLE, 60),
    (socket.TCP_KEEPINTVL, 15),
    (socket.TCP_KEEPCNT, 4),
)


class Listener(NamedTuple):
    """A socket that accepts clients.

    Attributes:
        uri: How clients name it.
        path: Its socket file, if it has one.
    """

    socket: socket.socket
    uri: str
    path: Path | None


def listen_at_path(path: Path) -> Listener:
    """Listen at a socket file, which only this user can connect to.

    A file that a server left behind is replaced; anything else that lies there is not.

    Raises:
        UsageError: There cannot be a socket file of this name.
        VolumeBusyError: A server answers there.
        RangepairError: The system refused.
    """
    if "\0" in str(path):
        raise UsageError("The path of the socket holds a zero byte, as no path can.")
    if len(os.fsencode(path)) > SOCKET_PATH_BYTES_MAX - len(FRESH):
        raise UsageError(f"The path {path} is too long for a socket; choose a shorter one.")
    _refuse_taken(path)
    try:
        listener = listen_for_user(path)
    except OSError as error:
        raise RangepairError(
            f"The socket {path} cannot be made ({error.strerror}); choose another path."
        ) from error
    return Listener(listener, _uri_at_path(path), path)


def listen_at_port(host: str, port: int, *, is_secure: bool) -> Listener:
    """Listen on TCP; port 0 is any that is free.

    Raises:
        UsageError: The host is unknown, or is not this machine and ``is_secure`` is false.
        RangepairError: The system refused.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (OSError, UnicodeError) as error:
        raise UsageError(f"There is no host {host!r} to listen at; name one of here.") from error
    if not is_secure and not ipaddress.ip_address(address[0]).is_loopback:
        raise UsageError(
            f"Without TLS anyone in the network could write to the image through {host!r}; listen"
            " at 127.0.0.1, or give certificates with --tls."
        )
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(CLIENTS_WAITING_MAX)
    except OSError as error:
        listener.close()
        kind = VolumeBusyError if error.errno == errno.EADDRINUSE else RangepairError
        raise kind(
            f"Port {port} of {host!r} cannot be listened at ({error.strerror}); choose another."
        ) from error
    uri = _uri_at_port(host, listener.getsockname()[1], is_secure=is_secure)
    return Listener(listener, uri, None)


def uris_at(*, path: str = "", host: str = "", port: int = 0) -> frozenset[str]:
    """Return the URIs that a server at a socket file, or at a port of a host, can have."""
    if path:
        return frozenset({_uri_at_path(path)})
    return frozenset(_uri_at_port(host, port, is_secure=is_secure) for is_secure in (False, True))


def _uri_at_path(path: Path | str) -> str:
    return f"nbd+unix:///?socket={quote(os.fsencode(path))}"


def _uri_at_port(host: str, port: int, *, is_secure: bool) -> str:
    shown = f"[{host}]" if ":" in host else host
    scheme = "nbds" if is_secure else "nbd"
    return f"{scheme}://{shown}:{port}/"


def server_context(folder: Path) -> ssl.SSLContext:
    """Return the server's side of TLS; clients must have a certificate of the same authority.

    Args:
        folder: Holds ``ca-cert.pem``, ``server-cert.pem`` and ``server-key.pem``, as for QEMU.

    Raises:
        UsageError: It does not, or they do not belong together.
    """
    import ssl  # slow to load, and seldom needed

    authority, certificate, key = (folder / name for name in _CERTIFICATES)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_mode = ssl.CERT_REQUIRED
    for path in (authority, certificate, key):
        if not os.path.isfile(path):  # noqa: PTH113 - that one raises for odd paths
            raise UsageError(f"There is no {path}; --tls needs {', '.join(_CERTIFICATES)}.")
    try:
        context.load_verify_locations(authority)
        # A key that is encrypted would be asked for on a terminal that nobody sits at.
        context.load_cert_chain(certificate, key, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        raise UsageError(f"The certificates in {folder} cannot be used ({error}).") from error
    return context


def make_ready(peer: socket.socket) -> None:
    """Set up a connection for long use: no delays, and the death of a remote peer is noticed."""
    if peer.family == socket.AF_UNIX:
        return
    with contextlib.suppress(OSError):
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEPALIVE:
            peer.setsockopt(socket.IPPROTO_TCP, option, value)


def _refuse_taken(path: Path) -> None:
    """Refuse a path at which there is anything but a socket that nobody listens at."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return  # what is wrong with it is told when it is made
    if not stat.S_ISSOCK(mode):
        raise UsageError(f"{path} is there already and is no socket; choose another path.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return
        except OSError as error:
            raise UsageError(f"{path} cannot be used ({error.strerror}).") from error
    raise VolumeBusyError(f"Another server answers at {path}; stop it, or choose another path.")


def _no_password() -> str:
    raise ValueError("the key is encrypted")
