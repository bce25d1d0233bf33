#!/bin/sh
# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
#
# make-venv.sh FOLDER [GROUP...]: an environment with Rangepair, editable, and the dependency groups.
set -eu

venv=$1
shift
here=$(dirname "$0")
groups=""
for group in "$@"; do groups="$groups --group $group"; done

fits() { # PYTHON: a release that Rangepair and its packages run on
    command -v "$1" >/dev/null 2>&1 &&
        "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' 2>/dev/null
}
find_python() {
    for candidate in ${PYTHON:-} python3 python3.13 python3.12 python3.11; do
        if fits "$candidate"; then echo "$candidate"; return; fi
    done
    return 1
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
quietly() { # COMMAND...: what it prints is of interest only when it fails
    "$@" >"$log" 2>&1 || {
        tail -n 15 "$log" >&2
        echo "Rangepair's Python packages could not be installed: the reason is above; mend it and run make again." >&2
        exit 1
    }
}
echo "Installing Python packages into $venv (once; about a minute and 350 MB)"

if command -v uv >/dev/null 2>&1; then
    fits "$venv/bin/python" || quietly uv venv --clear --python '>=3.11,<3.14' "$venv"
    # shellcheck disable=SC2086
    quietly uv pip install --python "$venv/bin/python" --editable . $groups
    exit 0
fi

if ! fits "$venv/bin/python"; then
    python=$(find_python) || {
        sh "$here/apt-install.sh" python3.11 python3.11-venv
        python=python3.11
    }
    "$python" -c 'import ensurepip' 2>/dev/null ||
        sh "$here/apt-install.sh" "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')"
    quietly "$python" -m venv --clear "$venv"
fi
# 25.1 is the first pip that knows dependency groups.
quietly "$venv/bin/python" -m pip install --disable-pip-version-check --upgrade 'pip>=25.1'
# shellcheck disable=SC2086
quietly "$venv/bin/python" -m pip install --disable-pip-version-check --editable . $groups
