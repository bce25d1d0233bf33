# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""An engine process that answers the flushes of block clients without doing them: a mutant."""

from __future__ import annotations

import sys

from core.engine.views import View
from core.service import host

if __name__ == "__main__":
    View.begin_flush = lambda _self: None
    sys.exit(host.main())
