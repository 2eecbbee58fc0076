#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Builds mmaptrace and what its tests run for another architecture than this machine's.
#
#   tools/cross.sh arm64 [ARGS...]    `make ARGS` (all and workloads), with everything in build/arm64
#
# The compiler is clang, which builds the kernel side anyway. What it builds against is in build/arm64/system, where
# Debian's packages of that architecture are unpacked: the libraries, and the programs that a guest needs to run the
# tests. Nothing of it is installed or run here, and this machine's dpkg never hears of that architecture. As root,
# or with what tools/setup.sh would install.
set -euo pipefail

# The oldest release that is supported: what is built on it runs on the later ones.
suite=bookworm
headers=(libc6-dev libgcc-12-dev libbpf-dev libelf-dev libdw-dev libiberty-dev zlib1g-dev uthash-dev libprotobuf-c-dev
	libcap-ng-dev libjansson-dev libmicrohttpd-dev libinih-dev libsystemd-dev libseccomp-dev)
programs=(busybox-static dash findutils mount util-linux bpftool strace python3-minimal libpython3.11-stdlib)

root=$(cd "$(dirname "$0")/.." && pwd)
scratch=
# shellcheck source=tools/apt.sh
. "$root/tools/apt.sh"

say() { echo "cross.sh: $*" >&2; }
die() {
	say "$*"
	exit 1
}

cleanup() {
	if [ -n "$scratch" ]; then rm -rf "$scratch"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Quiet, unless it fails.
quietly() {
	if "$@" >"$scratch/log" 2>&1 </dev/null; then return; fi
	cat "$scratch/log" >&2
	die "failed: $*"
}

# ---- the system to build against ----

# The packages and all that they depend on, from nothing.
download() {
	private_apt "$scratch/apt" "$suite" "$1"
	apt-get -qq -y --no-install-recommends --download-only install "${headers[@]}" "${programs[@]}"
}

# Links into the system from its root lead out of it, to files of this machine or, worse, to none: a linker that finds
# libz.so to lead nowhere takes libz.a without a word.
links_make_relative() {
	local link
	while IFS= read -r link; do
		ln -sfnr "$1$(readlink "$1/$link")" "$1/$link"
	done < <(cd "$1" && find . -type l -lname '/*')
}

unpack() {
	local deb folder
	mkdir -p "$1/usr"
	# Packages of bookworm have files in /lib and in /usr/lib, and programs look for either.
	for folder in bin lib sbin; do
		mkdir "$1/usr/$folder"
		ln -s "usr/$folder" "$1/$folder"
	done
	for deb in "$scratch"/apt/cache/archives/*.deb; do
		dpkg-deb --fsys-tarfile "$deb" | tar -C "$1" --keep-directory-symlink -xf -
	done
	links_make_relative "$1"
}

# In its place all at once, named after what is in it.
system_make() {
	local system=$1 arch=$2 contents="$suite ${headers[*]} ${programs[*]}"
	if [ "$(cat "$system.contents" 2>/dev/null)" = "$contents" ]; then return; fi
	say "unpacking $suite for $arch: what to build against, and what a guest runs"
	rm -rf "$system" "$system.contents" "$system.new"
	quietly download "$arch"
	unpack "$system.new"
	mv "$system.new" "$system"
	echo "$contents" >"$system.contents"
}

# ---- the build ----

build() {
	local system=$1 build=$2 triplet=$3
	shift 3
	# pkg-config is to know nothing of this machine's libraries. The causes are for this machine: of C++, some.
	PKG_CONFIG_LIBDIR=$system/usr/lib/$triplet/pkgconfig:$system/usr/share/pkgconfig PKG_CONFIG_SYSROOT_DIR=$system \
		make --no-print-directory -C "$root" -j"$(nproc)" BUILD="$build" CC="clang --target=$triplet --sysroot=$system" \
		LDFLAGS=-fuse-ld=lld CAUSE_BIN= "$@"
}

main() {
	local arch=$1 triplet system
	shift
	case $arch in
	arm64) triplet=aarch64-linux-gnu ;;
	*) die "no architecture $arch: arm64" ;;
	esac
	scratch=$(mktemp -d)
	system=$root/build/$arch/system
	"$root/tools/setup.sh" build cross
	(system_make "$system" "$arch")
	if [ $# -eq 0 ]; then set -- all workloads; fi
	build "$system" "build/$arch" "$triplet" "$@"
}

if [ $# -eq 0 ]; then
	echo "usage: tools/cross.sh arm64 [ARGS of make...]" >&2
	exit 2
fi
main "$@"
