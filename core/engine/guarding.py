# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""How the methods of an open volume take turns.

What changes the volume, or needs a few of its figures, runs under its lock. A question about all
of a million pointers would keep writers waiting for a second: it looks at one moment under the lock
and works on that beside it. Only closing waits for such a question.
"""

from __future__ import annotations

import contextlib
import functools
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from core.engine.told import told
from core.errors import DeviceFailedError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from core.engine.volume import Volume

Params = ParamSpec("Params")
Result = TypeVar("Result")


def guarded(
    method: Callable[Concatenate[Volume, Params], Result],
) -> Callable[Concatenate[Volume, Params], Result]:
    """Run a method under the volume's lock; turn an ``OSError`` into one sentence."""

    @functools.wraps(method)
    def locked(self: Volume, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        with self._lock:
            self._check_open()
            with failures_told(self):
                return method(self, *args, **kwargs)

    return locked


@contextlib.contextmanager
def failures_told(self: Volume) -> Iterator[None]:
    """Turn an ``OSError`` of the block into one sentence, and publish that a device failed.

    What interrupts the block, like Ctrl-C, may leave anything half changed in memory: then nothing
    more is written, closing included, and the next opening recovers what is on the disk.
    """
    try:
        yield
    except OSError as error:
        raise told(error) from error
    except DeviceFailedError:
        with self._lock:
            self._state.tell_failure()
        raise
    except Exception:
        raise
    except BaseException:
        self._state.break_off()
        raise


def beside(
    method: Callable[Concatenate[Volume, Params], Result],
) -> Callable[Concatenate[Volume, Params], Result]:
    """Run a question without the volume's lock, one at a time and never while it closes."""

    @functools.wraps(method)
    def asked(self: Volume, /, *args: Params.args, **kwargs: Params.kwargs) -> Result:
        with self._asking:
            try:
                return method(self, *args, **kwargs)
            except OSError as error:
                raise told(error) from error

    return asked
