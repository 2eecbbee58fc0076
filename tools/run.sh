#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installs what is missing, builds mmaptrace, and runs it.
#
#   tools/run.sh            the story: a program that leaks maps, called long before it fails
#   tools/run.sh ARGS...    mmaptrace ARGS
set -euo pipefail

# The leak: maps a batch, all but one of which stay, and how long it may take to the limit.
inputs=57
run_s=30
# What a map and a sleep take besides: most of it the timer's slack and the way back.
overhead_us=80
# Beyond this many maps no sleep is short enough to be there within a minute or so.
limit_max=2000000

root=$(cd "$(dirname "$0")/.." && pwd)
program=$root/build/mmaptrace
frames=$root/build/tests/workloads/frames
limit_file=/proc/sys/vm/max_map_count
scratch=$(mktemp -d)
frames_pid=
frames_status=0

say() { echo "run.sh: $*" >&2; }
die() {
	say "$*"
	exit 1
}

cleanup() {
	# Who traces it ends with it.
	if [ -n "$frames_pid" ]; then kill "$frames_pid" 2>/dev/null || true; fi
	rm -rf "$scratch"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# Quiet, unless it fails.
build() {
	if make -s -C "$root" -q "$@" >/dev/null 2>&1; then return; fi
	say "building mmaptrace"
	if make -s -C "$root" -j"$(nproc)" "$@" >"$scratch/log" 2>&1 </dev/null; then return; fi
	cat "$scratch/log" >&2
	die "the build failed"
}

# ---- words and figures ----

bold='' dim='' red='' green='' yellow='' plain=''
columns=100
if [ -t 1 ]; then
	columns=$(tput cols 2>/dev/null || echo 80)
	if [ "$columns" -lt 40 ]; then columns=40; fi
	if [ -z "${NO_COLOR:-}" ] && [ "${TERM:-dumb}" != dumb ]; then
		bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' green=$'\e[32m' yellow=$'\e[33m' plain=$'\e[0m'
	fi
fi

# "65,530"
grouped() {
	local text=$1
	while [[ $text =~ ^([0-9]+)([0-9]{3}.*)$ ]]; do text=${BASH_REMATCH[1]},${BASH_REMATCH[2]}; done
	echo "$text"
}

# The value of a number in a line of JSON that has one of that name; 0 for null.
number_of() {
	[[ $2 =~ \"$1\":(null|-?[0-9.e+]+) ]] || return 1
	echo "${BASH_REMATCH[1]/null/0}"
}

ns_of() {
	[[ $1 =~ ([0-9]{4}-[0-9-]+T[0-9:.]+Z) ]] || return 1
	date -d "${BASH_REMATCH[1]}" +%s%N
}

# "27.2" of nanoseconds
seconds() {
	local tenths=$((($1 + 50000000) / 100000000))
	echo "$((tenths / 10)).$((tenths % 10))"
}

# A line as wide as the terminal, what follows under it.
print_folded() {
	local indent=${1%%[! ]*} text
	text=$(fold -s -w $((columns - 4)) <<<"$1" | sed "2,\$s/^/$indent    /; s/ *\$//")
	case $1 in
	LEAK*) text=$yellow$bold${text/:/:$plain} ;;
	EXHAUSTION* | ENOMEM*) text=$red$bold${text/:/:$plain} ;;
	esac
	printf '%s\n' "$text$plain"
}

# ---- the story ----

limit=$(<"$limit_file")

# Microseconds to sleep after each map.
pace_us() {
	local us=$((run_s * 1000000 / limit - overhead_us))
	echo $((us > 1 ? us : 1))
}

introduce() {
	fold -s -w "$columns" <<-END | sed 's/ *$//'
		${bold}A service maps one shared-memory object for each of the $inputs inputs of a batch, and unmaps it once a batch.$plain
		So each batch leaves $((inputs - 1)) maps behind. It is the same 64 KiB of memory again and again, but a process may have $(grouped "$limit") maps (vm.max_map_count): in about $2 seconds mmap will fail, "Cannot allocate memory".
		mmaptrace is to call the leak while the count is low, name the file, and tell when mmap will fail.
		(It streams every operation; the lines of the many that succeed are left out here.)

		$dim\$ frames --inputs $inputs --pace $1 &$plain
		$dim\$ mmaptrace -p $frames_pid$plain
	END
}

frames_start() {
	local object=/frames
	# Somebody else's would be unlinked under us.
	if [ -e /dev/shm$object ]; then object=$object.$$; fi
	"$frames" --inputs "$inputs" --pace "$1" --object "$object" 2>"$scratch/frames" </dev/null &
	frames_pid=$!
	# Under its own name.
	until grep -qsx frames "/proc/$frames_pid/comm" || ! kill -0 "$frames_pid" 2>/dev/null; do sleep 0.05; done
}

# The iteration that fails, if maps go on to stay at the rate of so far; mmap is refused at one more than the limit.
iteration_forecast() {
	local mmaps munmaps
	mmaps=$(number_of mmap_calls "$1") && munmaps=$(number_of munmap_calls "$1") || return 1
	if [ "$mmaps" -le "$munmaps" ]; then return 1; fi
	echo $(((limit + 1) * mmaps / (mmaps - munmaps)))
}

# "  16,364 maps  24 %   forecast: fails at iteration 66,721, in 22.4 s"
print_forecast() {
	local maps
	maps=$(number_of map_count "$1")
	printf '%s%11s maps %3d %%   forecast: fails at iteration %s, in %.1f s%s\n' "$green" \
		"$(grouped "$maps")" $((maps * 100 / limit)) "$(grouped "$(iteration_forecast "$1")")" \
		"$(number_of eta_s "$1")" "$plain"
}

# Reads the JSON lines: keeps the first word of the leak and the iteration forecast then, and shows how that holds.
watch() {
	local line called='' shown=-5
	while IFS= read -r line; do
		case $line in
		*'"type":"finding"'*'"kind":"leak"'*)
			if [ -n "$called" ]; then continue; fi
			called=now
			printf '%s\n' "$line" >"$scratch/leak"
			# The words come first.
			sleep 0.2
			;;
		*'"type":"process"'*)
			if [ "$(number_of eta_s "$line")" = 0 ] || ! iteration_forecast "$line" >"$scratch/now"; then continue; fi
			if [ "$called" != y ]; then cp "$scratch/now" "$scratch/iteration"; fi
			if [ -z "$called" ] || [ $((SECONDS - shown)) -lt 5 ]; then continue; fi
			called=y
			print_forecast "$line"
			shown=$SECONDS
			;;
		esac
	done
}

# The words of mmaptrace: findings when they are made, but not when they go on or at the end again; no advice twice.
present() {
	local line keep=y over='' advice=''
	while IFS= read -r line; do
		case $line in
		[A-Z]*' (for '*) keep= ;;
		LEAK* | EXHAUSTION* | ENOMEM*) if [ -z "$over" ]; then keep=y; else keep=; fi ;;
		'' | exit*) keep=y over=y ;;
		'    '*)
			if [ "$line" = "$advice" ]; then continue; fi
			advice=$line
			;;
		' '*) ;;
		*) keep=y ;;
		esac
		if [ -n "$keep" ]; then print_folded "$line"; fi
	done
}

# The words are for people, the figures are taken from JSON: two of them trace the same process.
follow() {
	"$program" --json -i 1 -x -p "$frames_pid" 2>"$scratch/watcher" | watch &
	# An operation's line begins with its time, the header with the word.
	"$program" -p "$frames_pid" | {
		# On Ctrl-C it is mmaptrace that ends, and has a last word.
		trap '' INT
		grep --line-buffered -vE '^ *[0-9]+\.[0-9]+ |^ *TIME ' | present
	}
	wait "$frames_pid" || frames_status=$?
	frames_pid=
	wait
}

conclude() {
	local leak maps called_ns failed_ns eta_ns failed forecast off
	[[ $(<"$scratch/frames") =~ iteration\ ([0-9]+): ]] || die "frames ended with status $frames_status, not at the limit"
	failed=${BASH_REMATCH[1]}
	failed_ns=$(ns_of "$(<"$scratch/frames")")
	if [ ! -s "$scratch/leak" ]; then
		cat "$scratch/watcher" >&2
		die "mmap failed at iteration $failed, and the leak was not called"
	fi
	leak=$(<"$scratch/leak")
	called_ns=$(ns_of "$leak")
	[ "$called_ns" -lt "$failed_ns" ] || die "the leak was called after mmap had failed"
	maps=$(number_of map_count "$leak")
	forecast=$(<"$scratch/iteration")
	eta_ns=$(printf '%.0f' "$(number_of eta_s "$leak")e9")
	off=$((forecast > failed ? forecast - failed : failed - forecast))
	echo
	print_folded "${bold}Forecast at $(grouped "$maps") maps ($((maps * 100 / limit)) %): iteration $(grouped "$forecast") in $(seconds "$eta_ns") s.\
 mmap failed at $(grouped "$failed") after $(seconds $((failed_ns - called_ns))) s."
	[ $((off * 10)) -lt "$failed" ] || die "the forecast was more than a tenth off"
}

story() {
	local pace
	[ "$(id -u)" -eq 0 ] || die "tracing needs root: sudo $0"
	[ "$limit" -le "$limit_max" ] || die "vm.max_map_count is $limit here: too far for the story to reach; try $0 --help"
	build all build/tests/workloads/frames
	pace=$(pace_us)
	frames_start "$pace"
	introduce "$pace" $((limit * (pace + overhead_us) / 1000000))
	follow
	conclude
}

"$root/tools/setup.sh" build
if [ $# -gt 0 ]; then
	build all
	rm -rf "$scratch"
	exec "$program" "$@"
fi
story
