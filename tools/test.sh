#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Installs what is missing, builds, and runs every test; the last line is 'N passed, N failed'. As root.
#
# MMAPTRACE_QUICK=1 draws a tenth of the random seeds, MMAPTRACE_REQUIRE=0 lets tests be skipped.
# What else the tests on the live kernel listen to is told in tests/kernel/run.py.
set -euo pipefail
cd "$(dirname "$0")/.."

# A test that hangs has ends of its own; this is for the suite that does not, so that the last line is said.
kernel_patience_s=2100
vm_patience_s=2400

export MMAPTRACE_REQUIRE=${MMAPTRACE_REQUIRE:-1}
# Some of the tests are about being in time, and the machine may have more to do.
export MMAPTRACE_TRIES=${MMAPTRACE_TRIES:-2}
if [ "${MMAPTRACE_QUICK:-0}" = 1 ]; then export MMAPTRACE_SEEDS=${MMAPTRACE_SEEDS:-20}; fi

passed=0 failed=0 skipped=0
unhappy=()
scratch=$(mktemp -d)

finish() {
	local status=$?
	rm -rf "$scratch"
	# Whatever ended it early is a failure too.
	if [ $status -ne 0 ]; then failed=$((failed + 1)); fi
	if [ ${#unhappy[@]} -gt 0 ]; then echo "failed: ${unhappy[*]}"; fi
	if [ $skipped -gt 0 ]; then
		echo "$passed passed, $failed failed, $skipped skipped"
	else
		echo "$passed passed, $failed failed"
	fi
	trap - EXIT
	if [ $failed -gt 0 ] || [ $passed -eq 0 ]; then exit 1; fi
	exit 0
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

heading() { printf '== %s (%d s)\n' "$1" $SECONDS; }

# step NAME COMMAND...: shows what it says only if it fails.
step() {
	local name=$1
	shift
	heading "$name"
	if "$@" >"$scratch/log" 2>&1 </dev/null; then return; fi
	cat "$scratch/log"
	unhappy+=("$name")
	return 1
}

# A step that counts as a test.
check() {
	if step "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); fi
}

# A suite says itself what it ran, and its last line how it went.
suite() {
	local name=$1 status=0 counts
	shift
	heading "$name"
	"$@" 2>&1 </dev/null | tee "$scratch/log" || status=$?
	counts=$(grep -xE '[0-9]+ passed, [0-9]+ failed(, [0-9]+ skipped)?' "$scratch/log" | tail -n 1) || true
	if [[ $counts =~ ^([0-9]+)\ passed,\ ([0-9]+)\ failed(,\ ([0-9]+))? ]]; then
		passed=$((passed + BASH_REMATCH[1]))
		failed=$((failed + BASH_REMATCH[2]))
		skipped=$((skipped + ${BASH_REMATCH[4]:-0}))
	fi
	if [ $status -eq 0 ] && [ -n "$counts" ]; then return; fi
	unhappy+=("$name")
	# It ended before it could count.
	if ! [[ $counts =~ \ [1-9][0-9]*\ failed ]]; then failed=$((failed + 1)); fi
}

jobs=-j$(nproc)
heading "what is needed"
tools/setup.sh test heavy vm
step build make "$jobs"
check edges make edges
if step "unit tests, build" make "$jobs" unit; then suite "unit tests" make check; else failed=$((failed + 1)); fi
check lint make lint
step workloads make "$jobs" workloads || failed=$((failed + 1))
suite "live kernel" timeout -k 20 $kernel_patience_s python3 tests/kernel/run.py
if step "arm64, build" tools/cross.sh arm64; then
	suite "other kernels" timeout -k 20 $vm_patience_s tests/vm/run.py --markdown build/matrix.md
else
	failed=$((failed + 1))
fi
check story tools/run.sh
heading counts
