#!/bin/sh
# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
#
# apt-install.sh PACKAGE...: installs them as root or through sudo, or says in one sentence what to install.
set -eu

refuse() {
    echo "Rangepair needs system packages that $1: install these (named as in Debian and Ubuntu) and run make again: $packages" >&2
    exit 1
}
packages="$*"

command -v apt-get >/dev/null 2>&1 || refuse "cannot be installed without apt-get"
if [ "$(id -u)" = 0 ]; then
    as_root=""
elif command -v sudo >/dev/null 2>&1 && { sudo -n true 2>/dev/null || [ -t 0 ]; }; then
    as_root="sudo"
else
    refuse "only the administrator can install"
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
run_apt() {
    $as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=120 "$@" >"$log" 2>&1
}
echo "Installing system packages: $packages"
install="install -y --no-install-recommends $packages"
# The lists of a new machine are empty and those of an old one are stale: try, refresh, try again.
# shellcheck disable=SC2086
run_apt $install || { run_apt update || true; run_apt $install; } || {
    tail -n 5 "$log" >&2
    refuse "apt-get could not install"
}
