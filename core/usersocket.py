# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""Socket files that only their user can connect to."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FRESH: Final = ".new"
"""What the name ends with until the socket answers."""
CLIENTS_WAITING_MAX: Final = 64


def listen_for_user(path: Path) -> socket.socket:
    """Return a listening socket at ``path``; what lies there is replaced.

    It is bound under another name and then moved: whoever finds the name finds a socket that is
    closed to others, and that answers.

    Raises:
        OSError: The system refused.
    """
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fresh = path.with_name(path.name + FRESH)
    try:
        fresh.unlink(missing_ok=True)
        listener.bind(str(fresh))
        fresh.chmod(0o600)
        listener.listen(CLIENTS_WAITING_MAX)
        fresh.replace(path)
    except BaseException:
        listener.close()
        raise
    return listener
