#!/bin/sh
# SPDX-FileCopyrightText: The Rangepair authors
# SPDX-License-Identifier: Apache-2.0
#
# Installs the system packages that are missing for the groups named:
#   window   the libraries Qt loads
#   test     the outside tools the tests are judged by
# Asks the loader and the PATH rather than the package manager: names differ between releases.
set -eu

PATH="$PATH:/usr/sbin:/sbin"
missing=""

want() { # PACKAGE
    case " $missing " in *" $1 "*) ;; *) missing="$missing $1" ;; esac
}
library() { # SONAME PACKAGE
    ldconfig -p | grep -qF "$1" || want "$2"
}
program() { # COMMAND PACKAGE
    command -v "$1" >/dev/null 2>&1 || want "$2"
}

python_module() { # MODULE PACKAGE: of the system's Python
    /usr/bin/python3 -c "import $1" >/dev/null 2>&1 || want "$2"
}

window() {
    library libGL.so.1 libgl1
    library libEGL.so.1 libegl1
    library libdbus-1.so.3 libdbus-1-3
    library libfontconfig.so.1 libfontconfig1
    library libglib-2.0.so.0 libglib2.0-0
    library libxkbcommon.so.0 libxkbcommon0
    library libxkbcommon-x11.so.0 libxkbcommon-x11-0
    library libxcb-cursor.so.0 libxcb-cursor0
    library libxcb-icccm.so.4 libxcb-icccm4
    library libxcb-keysyms.so.1 libxcb-keysyms1
    library libxcb-shape.so.0 libxcb-shape0
    library libwayland-cursor.so.0 libwayland-cursor0
}

test_tools() {
    program qemu-img qemu-utils
    program qemu-io qemu-utils
    program nbdinfo libnbd-bin
    program nbdcopy libnbd-bin
    program fio fio
    program nbdkit nbdkit
    python_module nbd python3-libnbd
    program mkfs.ext4 e2fsprogs
    program debugfs e2fsprogs
    program mkfs.xfs xfsprogs
    program mkfs.vfat dosfstools
    program mcopy mtools
    program mkntfs ntfs-3g
    program sfdisk fdisk
    program mkfs.btrfs btrfs-progs
    program fusermount3 fuse3
    program losetup mount
    program xvfb-run xvfb
    program xauth xauth
}

for group in "$@"; do
    case "$group" in
        window) window ;;
        test) test_tools ;;
        *) echo "system-packages.sh: no group is called '$group'" >&2; exit 64 ;;
    esac
done
[ -n "$missing" ] || exit 0

here=$(dirname "$0")
exec sh "$here/apt-install.sh" $missing
