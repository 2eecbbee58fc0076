#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
#
# Regenerates vmlinux/x86_64.h and vmlinux/arm64.h from kernels' BTF and vmlinux/types.txt.
# Take Linux 6.1 or later: older BTF has no enumerators of 64 bits.
#
#   tools/vmlinux.sh           from Debian's cloud kernels of $SUITE (bookworm-backports), both architectures
#   tools/vmlinux.sh FILE...   from these: BTF, vmlinux, Image, vmlinuz or a Debian kernel package (.deb);
#                              each tells its architecture itself
#
# Needs python3, bpftool (or $BPFTOOL), zstd and lz4 for kernels compressed so, dpkg-deb for packages, and
# without FILE a Debian apt; its own package lists are used, the machine's stay as they are.
set -eu

SUITE=${SUITE:-bookworm-backports}
here=$(cd "$(dirname "$0")" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
# shellcheck source=tools/apt.sh
. "$here/apt.sh"

say() { echo "vmlinux.sh: $*" >&2; }
die() { say "$*"; exit 1; }

# linux-image-cloud-ARCH names the kernel's package, which from 7.2 on is itself a name for linux-binary-*.
kernel_package() {
	package=linux-image-cloud-$1
	while next=$(apt-cache depends --important "$package:$1" |
		sed -n 's/^ *Depends: \(linux-\(image\|binary\)-[^:]*\).*/\1/p' | head -n 1) && [ -n "$next" ]; do
		package=$next
	done
	echo "$package:$1"
}

download() {
	mkdir "$scratch/debs"
	private_apt "$scratch" "$SUITE" amd64 arm64
	for arch in amd64 arm64; do
		package=$(kernel_package "$arch")
		say "downloading $package of $SUITE"
		(cd "$scratch/debs" && apt-get -qq download "$package")
	done
}

generate() {
	case $1 in
	*.deb)
		rm -rf "$scratch/package"
		dpkg-deb -x "$1" "$scratch/package"
		kernel=$(find "$scratch/package" -type f -name 'vmlinuz*' | head -n 1)
		[ -n "$kernel" ] || die "$1: no vmlinuz in it"
		python3 "$here/vmlinux.py" --from "$(basename "$1")" "$kernel"
		;;
	*) python3 "$here/vmlinux.py" "$1" ;;
	esac
}

if [ $# -eq 0 ]; then
	download
	set -- "$scratch"/debs/*.deb
fi
for file; do
	generate "$file"
done
