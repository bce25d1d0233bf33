# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
"""What happens when the additional area is full."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from core.cli.opening import open_for
from core.cli.parsing import add_image, add_json, seconds, size
from core.cli.terminal import told_name
from core.errors import EXIT_DONE
from core.units import format_bytes

if TYPE_CHECKING:
    import argparse

    from core.cli.parsing import Command, CommandParser
    from core.cli.terminal import Terminal
    from core.spaceanswers import Policy

_WAYS: Final = ("refuse", "wait", "drop")


def _declare_policy(parser: CommandParser) -> None:
    add_image(parser)
    parser.add_argument(
        "--when-full",
        choices=_WAYS,
        help="refuse the write, let it wait for room (which others can make while the window or "
        "another engine process has the volume), or drop copies marked as expendable",
    )
    parser.add_argument(
        "--timeout", metavar="S", type=seconds, help="how many seconds a write may wait"
    )
    parser.add_argument(
        "--expendable",
        metavar="NAME",
        nargs="*",
        help="copies that may be dropped, in this order; without names, none may",
    )
    parser.add_argument(
        "--area-limit",
        metavar="N",
        type=size,
        help="the additional area takes no more than this on its disk; 0 = all there is",
    )
    add_json(parser)


def _policy(options: argparse.Namespace, terminal: Terminal) -> int:
    wished = (options.when_full, options.timeout, options.expendable, options.area_limit)
    is_question = all(wish is None for wish in wished)
    with open_for(options, read_only=is_question) as volume:
        if is_question:
            policy = volume.policy()
        else:
            policy = volume.set_policy(
                when_full=options.when_full,
                timeout_s=options.timeout,
                area_limit_bytes=options.area_limit,
                expendable=options.expendable,
            )
    if options.json:
        import msgspec

        terminal.line(msgspec.json.encode(policy).decode())
    else:
        _print_policy(policy, terminal)
    return EXIT_DONE


def _print_policy(policy: Policy, terminal: Terminal) -> None:
    words = {
        "refuse": "is refused",
        "wait": f"waits for it, {policy.timeout_s:g} s at most",
        "drop": "drops expendable copies until there is room",
    }
    terminal.line(f"A write that finds no room {words[policy.when_full]}")
    limit = policy.area_limit_bytes
    bound = f"{format_bytes(limit)} on its disk" if limit else "what its disk has"
    terminal.line(f"The additional area may take {bound}")
    names = ", ".join(map(told_name, policy.expendable)) or "none"
    terminal.line(f"Expendable, in this order: {names}")
    for copy in policy.dropped:
        when = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(copy.when))
        words_of = f"{told_name(copy.name)} was dropped on {when}: the area was full"
        terminal.line(terminal.paint(words_of, "yellow"))


COMMANDS: Final[dict[str, Command]] = {"policy": (_declare_policy, _policy)}
