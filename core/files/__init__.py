# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""The files inside a view: listed, extracted, and told by the bytes that they own.

Nothing is mounted and nothing needs root: a library, The Sleuth Kit, reads the file system. Such a
library reads structures that anybody may have made, and it is written in C. So it runs in a process
of its own, the *reader*, which is started for each file system and has nothing but a socket:

```
  FileSystem (here)  -- request -->      reader (core.files.reader)
  VolumeSession.read <-- which bytes --  The Sleuth Kit
  values, pieces     <-- answers --
```

The reader gets bytes of the views by asking for them, may write no file, and may take so much
memory and no more. If it crashes or is silent for a minute, the file system is told as damaged, and
neither the volume nor who asked is the worse for it. What it answers is checked again before
anything is made of it: names are untrusted wherever they are used.

``filesystem`` is the door: the only module that others need, besides ``extract``.
"""

from __future__ import annotations
