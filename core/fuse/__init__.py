# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""A view of a volume as one regular file of the kernel's, by the protocol of ``/dev/fuse``.

``protocol`` packs and unpacks, ``session`` answers, ``diskfile`` is what the answers are about;
none of them knows the kernel. ``door`` alone owns ``/dev/fuse``, the mount and the threads.

Why a kernel that writes back through this process does not wait for itself. The threads here
answer the page cache, and whoever is short of memory waits for the page cache:

  D1 Nothing of a file here is ever dirty in the kernel. Without FUSE_WRITEBACK_CACHE a write is a
     request before it is acknowledged, and loop devices are asked to go past the page cache, so
     the only dirty pages are those of the file system mounted on top.
  D2 The engine's own memory never has to wait for these. PR_SET_IO_FLUSHER (``door``) tells the
     kernel that this process carries out other people's writes: its allocations start no
     write-back, and it is throttled by the dirty pages of the disk it writes to, not by those it
     is about to clean. That takes a privilege, CAP_SYS_RESOURCE. Root has it, if not always in a
     container; without it D1, D3 and D5 leave what any disk in user space has: in extreme want of
     memory the engine may be slowed down by pages that it is to write back itself.
  D3 No thread that answers ever takes part in what it would have to answer. Mounting, unmounting
     and loop devices are the business of the thread that was asked to attach; it holds no lock
     that an answer needs. Every call into the kernel gives the interpreter's lock away.
  D4 A flush ends in syncs of the image and the additional area, files of another disk. Neither may
     lie on the file system on top (``core.attach`` refuses to freeze such a one, and the locks
     keep the image from being opened twice).
  D5 The kernel keeps at most MAX_BACKGROUND requests that nobody waits for under way, so its
     write-back cannot fill the queue in front of a read.
"""

from __future__ import annotations
