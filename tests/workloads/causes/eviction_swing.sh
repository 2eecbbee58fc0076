#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
# Cause 5: a real redis-server whose map count swings while it evicts, and comes back (redis#12821: 260 maps idle, over
# 110 000 during eviction). Its allocator is told to give memory back by munmap at once, as jemalloc did before 5.0: what
# is evicted between keys that stay leaves a hole. Snapshots fork meanwhile. Prints the map count after each step.
#
#     eviction_swing.sh FOLDER [KEYS]
set -eu
folder=$1 keys=${2:-9000}
socket=$folder/socket

# "|| :" as redis-server may have gone already.
trap 'kill $redis 2>/dev/null || :; wait' EXIT
trap 'exit 143' INT TERM
MALLOC_CONF=retain:false,dirty_decay_ms:0,muzzy_decay_ms:0 redis-server --port 0 --unixsocket "$socket" --dir "$folder" \
	--save "" --appendonly no --maxmemory-policy allkeys-random >"$folder/log" &
redis=$!

ask() { redis-cli -s "$socket" "$@"; }
step() {
	name=$1
	shift
	ask "$@" >/dev/null
	sleep 0.5
	echo "$name: $(wc -l <"/proc/$redis/maps") maps"
}

while [ ! -S "$socket" ]; do sleep 0.05; done
step idle ping
step filled eval "for i = 1, $keys do redis.call('SET', 'k' .. i, string.rep('x', 20000)) end" 0
step snapshot bgsave
step evicting config set maxmemory 100mb
step evicting config set maxmemory 60mb
step snapshot bgsave
step evicting config set maxmemory 20mb
step emptied flushall
sleep 1
