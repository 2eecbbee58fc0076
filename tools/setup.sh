#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installs the Debian or Ubuntu packages that are missing, as root and without a question.
#
#   tools/setup.sh build    what `make` needs (the default)
#   tools/setup.sh test     what `make check`, `make lint` and the tests on the live kernel need besides
#   tools/setup.sh heavy    the real programs that the tests watch at work
#   tools/setup.sh vm       what the tests on other kernels need: emulators, and what the guests are made of
#   tools/setup.sh fresh    what tools/fresh.sh needs
#   tools/setup.sh cross    what tools/cross.sh needs besides
#   tools/setup.sh bench    the programs that tools/bench/run.py measures mmaptrace beside, as far as there are packages
#   tools/setup.sh corpus   the real programs that tools/corpus.sh records at work
#
# Says nothing when all is there.
set -euo pipefail

# An entry with "=PROGRAM" is there as well when that program is: it comes in packages of other names elsewhere.
build=(gcc make clang pkg-config bpftool=bpftool libc6-dev linux-libc-dev libbpf-dev libelf-dev libdw-dev libiberty-dev
	zlib1g-dev uthash-dev libprotobuf-c-dev protobuf-c-compiler libcap-ng-dev libjansson-dev libmicrohttpd-dev libinih-dev libsystemd-dev libseccomp-dev)
test=(libcmocka-dev protobuf-compiler python3 util-linux libcap2-bin procps psmisc mount strace g++
	cppcheck clang-format shellcheck pyflakes3=pyflakes3 binutils libdebuginfod1)
heavy=(redis-server redis-tools postgresql stress-ng default-jdk-headless=javac prometheus rsyslog logrotate chromium)
vm=(qemu-system-x86 qemu-system-arm e2fsprogs binutils busybox-static bpftool=bpftool dash findutils python3 strace
	util-linux mount debian-archive-keyring)
fresh=(debootstrap util-linux mount tar gzip)
cross=(lld debian-archive-keyring tar)
# Not every distribution has these, or by these names: run.py says of each peer that is not there that it is not.
peers=(bpftrace linux-perf=perf bpfcc-tools "linux-headers-$(dpkg --print-architecture 2>/dev/null || echo generic)")
bench=(python3 util-linux strace redis-server redis-tools postgresql "${peers[@]}")
corpus=(redis-server redis-tools postgresql chromium nginx-light apache2-utils stress-ng default-jdk-headless=javac
	sqlite3 gcc g++ make libc6-dev python3 util-linux coreutils)

# bpftool and the daemons live in sbin, which is not on everyone's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
policy=/usr/sbin/policy-rc.d
scratch=
policy_is_ours=

say() { echo "setup.sh: $*" >&2; }
die() {
	say "$*"
	exit 1
}

cleanup() {
	if [ -n "$policy_is_ours" ]; then rm -f "$policy"; fi
	if [ -n "$scratch" ]; then rm -rf "$scratch"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

wanted() {
	local level
	for level in "$@"; do
		case $level in
		build) printf '%s\n' "${build[@]}" ;;
		test) printf '%s\n' "${build[@]}" "${test[@]}" ;;
		heavy) printf '%s\n' "${heavy[@]}" ;;
		vm) printf '%s\n' "${vm[@]}" ;;
		fresh) printf '%s\n' "${fresh[@]}" ;;
		cross) printf '%s\n' "${cross[@]}" ;;
		bench) printf '%s\n' "${bench[@]}" ;;
		corpus) printf '%s\n' "${corpus[@]}" ;;
		*) die "no level $level: build, test, heavy, vm, fresh, cross, bench or corpus" ;;
		esac
	done
}

is_there() {
	local package=${1%%=*} program=
	case $1 in *=*) program=${1#*=} ;; esac
	# Ubuntu's bpftool is a wrapper, there even when the program behind it is not.
	if [ -n "$program" ] && "$program" --version >/dev/null 2>&1; then return 0; fi
	case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null) in
	?i*) ;;
	*) return 1 ;;
	esac
}

missing_of() {
	local entry
	for entry in "$@"; do
		is_there "$entry" || echo "${entry%%=*}"
	done | awk '!seen[$0]++'
}

# Nobody asked for running daemons: their packages are here for the tests, which start their own.
hold_daemons() {
	if [ -e "$policy" ]; then return; fi
	policy_is_ours=y
	printf '#!/bin/sh\nexit 101\n' >"$policy"
	chmod 755 "$policy"
}

# Quiet, unless it fails.
apt_get() {
	DEBIAN_FRONTEND=noninteractive NEEDRESTART_MODE=l apt-get -qq -y -o DPkg::Lock::Timeout=600 \
		-o Acquire::Retries=3 -o Dpkg::Use-Pty=0 "$@" >"$scratch/log" 2>&1 </dev/null && return
	cat "$scratch/log" >&2
	return 1
}

# As a package, not as a name that others provide.
is_to_be_had() {
	local known
	known=$(apt-cache policy "$1")
	[[ $known =~ Candidate:\ [^\(] ]]
}

# Ubuntu has bpftool in the tools of each kernel, behind a wrapper that takes the running kernel's alone.
install_ubuntu_bpftool() {
	local tool
	apt_get install --no-install-recommends linux-tools-common linux-tools-generic || return
	if bpftool version >/dev/null 2>&1; then return; fi
	tool=$(find /usr/lib/linux-tools* -name bpftool 2>/dev/null | sort -V | tail -n 1)
	if [ -z "$tool" ]; then return 1; fi
	say "bpftool of another kernel does as well: /usr/local/sbin/bpftool"
	ln -sf "$tool" /usr/local/sbin/bpftool
}

install_packages() {
	local packages=() package ubuntu=
	hold_daemons
	# A source that does not answer need not be one of ours: the next step tells.
	apt_get update || say "apt-get update failed, trying with the lists that are here"
	for package in "$@"; do
		if [ "$package" = bpftool ] && ! is_to_be_had bpftool; then
			ubuntu=y
		elif [[ " ${peers[*]%%=*} " == *" $package "* ]] && ! is_to_be_had "$package"; then
			say "no package $package here, going on without it"
		else
			packages+=("$package")
		fi
	done
	if [ ${#packages[@]} -gt 0 ]; then
		apt_get install --no-install-recommends "${packages[@]}" || die "apt-get could not install ${packages[*]}"
	fi
	if [ -n "$ubuntu" ]; then install_ubuntu_bpftool || die "found no bpftool to install"; fi
}

# To build 32-bit programs on x86-64. Not gcc-multilib, which would put out whatever cross compilers are installed; so
# the compiler has to be there first, for its number.
compat() {
	case " $* " in *" test "* | *" vm "*) ;; *) return ;; esac
	if [ "$(dpkg --print-architecture 2>/dev/null)" != amd64 ] || ! command -v gcc >/dev/null; then return; fi
	printf '%s\n' libc6-dev-i386 "lib32gcc-$(gcc -dumpversion | cut -d. -f1)-dev"
}

install_missing() {
	local entries=("$@") missing
	if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
		# Another distribution: make says which of these it misses.
		say "no apt here, nothing installed; Debian's names of what is needed: ${entries[*]%%=*}"
		return
	fi
	mapfile -t missing < <(missing_of "${entries[@]}")
	if [ ${#missing[@]} -eq 0 ]; then return; fi
	[ "$(id -u)" -eq 0 ] || die "not root, cannot install: ${missing[*]}"
	if [ -z "$scratch" ]; then scratch=$(mktemp -d); fi
	say "installing ${missing[*]}"
	install_packages "${missing[@]}"
}

main() {
	local entries list
	list=$(wanted "$@")
	mapfile -t entries <<<"$list"
	install_missing "${entries[@]}"
	mapfile -t entries < <(compat "$@")
	if [ ${#entries[@]} -gt 0 ]; then install_missing "${entries[@]}"; fi
}

main "${@:-build}"
