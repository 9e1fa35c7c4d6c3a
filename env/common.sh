# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the scripts of this directory share: where things are, and how to say
# that something is wrong.  To be sourced, not run.

top=$(cd "$(dirname "$0")/.." && pwd)
cache=${NVGRACE_CACHE:-${XDG_CACHE_HOME:-${HOME:?HOME is not set: set it, or XDG_CACHE_HOME}/.cache}/nvgrace}
script=${0##*/}

# In the build environment the checkout is /src and the cache is /cache: what
# people read has the names that these have outside.
outside() {
    if [ -n "${NVGRACE_OUTSIDE_TOP:-}" ]; then
        sed -e "s|/src/|$NVGRACE_OUTSIDE_TOP/|g" -e "s|/cache\\b|$NVGRACE_OUTSIDE_CACHE|g"
    else
        cat
    fi
}

# die MESSAGE [REMEDY]: both on standard error, then exit 1.
die() {
    {
        printf '%s: error: %s\n' "$script" "$1"
        [ $# -lt 2 ] || printf '%s: %s\n' "$script" "$2"
    } | outside >&2
    exit 1
}

say() {
    printf '%s: %s\n' "$script" "$1"
}

# step_begins NAME LOG: a step that takes long begins, whose output goes to LOG;
# step_ends NAME: it has ended.  scripts/progress shows those that run (NVGRACE_STEPS is for its test).
steps=${NVGRACE_STEPS:-$top/build/steps}

step_begins() {
    mkdir -p "$steps"
    printf '%s\n' "$(date +%s)" "$2" >"$steps/$1"
}

step_ends() {
    rm -f "$steps/$1"
}

# need_space DIRECTORY MEBIBYTES WHAT: stop now rather than half-way.
need_space() {
    mkdir -p "$1" || die "cannot create $1" "Set XDG_CACHE_HOME to a directory you can write."
    free=$(df -Pk "$1" | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -ge "$2" ] ||
        die "$3 needs $2 MiB in $1, which has $free MiB free" \
            "Free $(($2 - free)) MiB there$(case $1 in "$cache"*) echo ", or set XDG_CACHE_HOME to a larger file system" ;; esac)."
}

# remedy LOG DIRECTORY REMEDY: what to do about a step that failed: REMEDY, unless
# its LOG tells of a full disk, on which DIRECTORY is.
remedy() {
    if grep -qsi 'no space left on device\|disk quota exceeded' "$1"; then
        echo "No space is left for $2: free some there and run again."
    else
        echo "$3"
    fi
}

# The environment is named after what it is made from, so that another checkout
# with other packages gets another one and neither disturbs the other.
rootfs_key() {
    cat "$top/env/packages" "$top/env/setup" "$top/env/add-kernels" "$top/env/kernel-part" \
        "$top/env/slim" | sha256sum | cut -c1-12
}
rootfs=$cache/rootfs-$(rootfs_key)

# Set $become to the command that runs the rest with the right to mount and
# chroot: nothing as root, a user namespace otherwise.
choose_privilege() {
    if [ "$(id -u)" = 0 ]; then
        unshare --mount true 2>/dev/null ||
            die "root may not mount file systems here (a container without CAP_SYS_ADMIN?)" \
                "Run in a container with --privileged, or in a Debian 13 container with NVGRACE_ENV=host."
        become="unshare --mount --propagation private"
        return
    fi
    command -v newuidmap >/dev/null ||
        die "neither root nor newuidmap: the build environment cannot be made" \
            "Install the package uidmap (apt-get install uidmap), or run as root."
    grep -q "^$(id -un):" /etc/subuid 2>/dev/null ||
        die "user $(id -un) has no subordinate ids in /etc/subuid" \
            "Run as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
    unshare --user --map-root-user --map-auto --mount true 2>/dev/null ||
        die "this kernel refuses user namespaces to user $(id -un)" \
            "Run as root, or allow them (sysctl kernel.unprivileged_userns_clone=1, user.max_user_namespaces=10000)."
    become="unshare --user --map-root-user --map-auto --mount --propagation private"
}
