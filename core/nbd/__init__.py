# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A server of the NBD protocol: each view of an open volume is an export.

Bytes go one way: ``server`` (sockets, threads) -> ``session`` (``handshake``, then
``transmission``) -> ``exports`` -> the engine; replies come back through one function that takes
bytes. Only ``server`` and ``listening`` know sockets; everything else is driven by bytes alone.

What is kept, whatever a client sends:
  N1 a request that makes no sense is answered with the protocol's error, or the connection ends;
     no other connection notices;
  N2 memory is bounded per connection (a receive buffer, a reply buffer, a piece of a long write),
     and the number of connections is;
  N3 a reply to FLUSH, or to a request with FUA, is sent after what it promises is durable, and a
     connection that ends takes back nothing that was acknowledged;
  N4 a connection stays with the copy it has chosen, whatever that is called later, and gets errors
     once it is gone;
  N5 a view that is claimed, because it is just being changed as a whole, is chosen by nobody.

The protocol: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md (fixed newstyle,
structured replies, no extended headers).
"""

from __future__ import annotations
