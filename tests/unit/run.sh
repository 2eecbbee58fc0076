#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Runs the unit tests given and counts their cases: 'N passed, N failed', and ', N skipped' if there are any.
set -uo pipefail

passed=0 failed=0 skipped=0
for test in "$@"; do
	out=$(CMOCKA_MESSAGE_OUTPUT=stdout "$test" 2>&1)
	status=$?
	good=$(grep -c '^\[       OK \]' <<<"$out")
	bad=$(grep '^\[  FAILED  \] [a-z_0-9]*$' <<<"$out" | sort -u | wc -l) # cmocka names each twice
	left_out=$(grep '^\[  SKIPPED \] [a-z_0-9]*$' <<<"$out" | sort -u | wc -l)
	# A crash (or a sanitizer's abort) is a failure even if cmocka never got to count it.
	if [ $status -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
	passed=$((passed + good)) failed=$((failed + bad)) skipped=$((skipped + left_out))
	printf '%-28s %3d passed, %d failed\n' "$(basename "$test")" "$good" "$bad"
	if [ $status -ne 0 ]; then
		printf '%s\n' "$out"
	elif [ "$left_out" -gt 0 ]; then
		# The reason is said right before.
		awk '/^\[  SKIPPED \]/ && last !~ /^\[/ { print "  " last; print } { last = $0 }' <<<"$out"
	fi
done
if [ $skipped -gt 0 ]; then
	printf '%d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
else
	printf '%d passed, %d failed\n' "$passed" "$failed"
fi
[ $passed -gt 0 ] && [ $failed -eq 0 ]
