#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Proves tools/run.sh, tools/test.sh and tools/cross.sh on a machine where nothing is installed: a minimal Debian in
# memory, under the kernel that runs here, with the files of this checkout (as they are, ignored ones left out). As root.
#
#   tools/fresh.sh run|test|cross [ARGS...]
#
# SUITE is the release (bookworm), MIRROR its archive (the one that this machine's apt uses). The minimal system is kept
# in build/fresh-SUITE.tar.gz for the next time; nothing else stays.
set -euo pipefail

suite=${SUITE:-bookworm}
root=$(cd "$(dirname "$0")/.." && pwd)
base=$root/build/fresh-$suite.tar.gz

say() { echo "fresh.sh: $*" >&2; }
die() {
	say "$*"
	exit 1
}

# Debian's archive as apt here knows it; debootstrap has one of its own for want of it.
mirror() {
	if [ -n "${MIRROR:-}" ]; then
		echo "$MIRROR"
	elif grep -qsx 'ID=debian' /etc/os-release; then
		# shellcheck disable=SC2016 # apt's own variable
		apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' |
			grep -v security | head -n 1
	fi
}

base_make() {
	local scratch=$1
	say "making a minimal $suite"
	debootstrap --variant=minbase "$suite" "$scratch/base" "$(mirror)" >"$scratch/log" 2>&1 </dev/null || {
		tail -n 20 "$scratch/log" >&2
		die "debootstrap failed"
	}
	mkdir -p "$root/build"
	rm -rf "$scratch/base/var/cache/apt/archives"/*.deb
	tar -C "$scratch/base" -I 'gzip -1' -cf "$base.$$" .
	mv "$base.$$" "$base"
	rm -rf "$scratch/base"
}

# What a clone of this checkout would hold, once committed.
files_copy() {
	mkdir -p "$1"
	if git -C "$root" rev-parse --git-dir >/dev/null 2>&1; then
		git -C "$root" ls-files -z --cached --others --exclude-standard |
			(cd "$root" && while IFS= read -r -d '' file; do if [ -e "$file" ]; then printf '%s\0' "$file"; fi; done) |
			tar -C "$root" --null --no-recursion -T - -cf - | tar -C "$1" -xf -
	else
		tar -C "$root" --exclude=./build -cf - . | tar -C "$1" -xf -
	fi
}

# ---- in a mount namespace of its own, which takes everything mounted with it ----

system_mount() {
	mount -t tmpfs -o mode=755,size=80% fresh "$1"
	tar -C "$1" -xzf "$base"
	mount -t proc proc "$1/proc"
	mount --rbind /sys "$1/sys"
	mount --rbind /dev "$1/dev"
	cp -L /etc/resolv.conf "$1/etc/resolv.conf"
	hostname fresh
	echo '127.0.0.1 localhost fresh' >"$1/etc/hosts"
}

# Processes that live in the directory.
left_behind() {
	local link
	for link in /proc/[0-9]*/root; do
		if [ "$(readlink "$link" 2>/dev/null)" = "$1" ]; then basename "$(dirname "$link")"; fi
	done
}

left_behind_end() {
	local pid
	for pid in $(left_behind "$1"); do
		say "left running: $pid $(tr '\0' ' ' <"/proc/$pid/cmdline")"
		kill -KILL "$pid" 2>/dev/null || true
	done
}

inside() {
	local system=$1 script=$2 proxy status=0
	shift 2
	system_mount "$system"
	files_copy "$system/root/mmaptrace"
	# Nothing of this machine's environment but the way to the network.
	local environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "TERM=${TERM:-dumb}")
	for proxy in http_proxy https_proxy no_proxy; do
		if [ -n "${!proxy:-}" ]; then environment+=("$proxy=${!proxy}"); fi
	done
	say "$(find "$system/usr/bin" "$system/usr/sbin" | wc -l) programs there, no make, no compiler; now $script"
	# shellcheck disable=SC2016 # for the shell in there
	chroot "$system" env -i "${environment[@]}" sh -c 'cd && cd mmaptrace && exec "$@"' sh "$script" "$@" || status=$?
	say "$script ended with $status after $SECONDS s"
	left_behind_end "$system"
	return $status
}

# ---- outside ----

main() {
	local script=tools/$1.sh scratch status=0
	shift
	[ "$(id -u)" -eq 0 ] || die "needs root: chroot and mounts"
	"$root/tools/setup.sh" fresh
	scratch=$(mktemp -d)
	# shellcheck disable=SC2064 # the directory of now
	trap "rm -rf --one-file-system '$scratch'" EXIT
	if [ ! -e "$base" ]; then base_make "$scratch"; fi
	mkdir "$scratch/system"
	unshare --mount --uts --ipc --propagation private "$0" inside "$scratch/system" "$script" "$@" || status=$?
	exit $status
}

case ${1:-} in
run | test | cross) main "$@" ;;
inside)
	shift
	inside "$@"
	;;
*)
	echo "usage: tools/fresh.sh run|test|cross [ARGS...]" >&2
	exit 2
	;;
esac
