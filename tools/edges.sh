#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Holds the include edges of the tree: which folder may include from which.
set -euo pipefail
cd "$(dirname "$0")/.."

bad=0

# Folder of the project header a bare include names; empty for a system header.
home_of() {
	local dir
	for dir in bpf user/base user/core user/sink user/io user/app; do
		[ -e "$dir/$1" ] && { echo "$dir"; return; }
	done
	case "$1" in *.skel.h) echo skeleton ;; esac
}

# check FOLDER ALLOWED...: every project include in FOLDER comes from ALLOWED or FOLDER itself.
check() {
	local folder=$1 file line header home
	shift
	while IFS=: read -r file line header; do
		home=$(home_of "$header")
		[ -z "$home" ] && continue
		case " $folder $* " in
		*" $home "*) ;;
		*)
			echo "$file:$line: $folder may not include $header ($home)" >&2
			bad=1
			;;
		esac
	done < <(grep -HnoE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"[^"]+"' "$folder"/*.[ch] 2>/dev/null |
		sed -E 's/#[[:space:]]*include[[:space:]]*"([^"]+)"/\1/; s/:[[:space:]]+/:/')
}

check bpf
check user/base
check user/core user/base bpf
check user/sink user/base user/core
check user/io user/base user/core bpf skeleton
check user/app user/base user/core user/sink user/io bpf

# The contract is the only thing of bpf/ that user space sees.
if grep -nE '#include ".*\.bpf\.h"' user/*/*.[ch]; then
	echo "user/ may include mmaptrace.h alone of bpf/" >&2
	bad=1
fi
# The pure part: no libbpf, no clock, no files, no printing.
if grep -nE '#include <(bpf|libelf|sys/epoll|sys/stat|fcntl|dirent)' user/core/*.[ch] user/sink/*.[ch] user/base/*.[ch]; then
	echo "base, core and sink stay free of the kernel" >&2
	bad=1
fi
if grep -nE '\b(printf|fprintf|puts|clock_gettime|time|fopen|open)\(' user/core/*.[ch] user/sink/*.[ch] | grep -v buf_printf; then
	echo "core and sink print nothing, open nothing and know no clock" >&2
	bad=1
fi
exit $bad
