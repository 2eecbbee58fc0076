#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
# Records real programs at work into tests/replay/recordings, as root. What is there is replaced by what is recorded anew.
#
#   tools/corpus.sh            all of them, in about twenty minutes
#   tools/corpus.sh NAME...    these
#   tools/corpus.sh --list     their names, and what each shows
#
# PROGRAM is the mmaptrace to record with (build/mmaptrace, which is not built here). Most are recordings of the table,
# a few of each operation (-- CMD). Each program works in a cgroup of its own, and only what was done in there is kept.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
program=$(realpath "${PROGRAM:-$root/build/mmaptrace}")
recordings=$root/tests/replay/recordings
workloads=$root/tests/workloads
bytes_max=400000
# Of a work that hangs.
patience_s=300
nobody=65534

# Debian's programs, whatever else this machine has; and none of its settings.
export PATH=/usr/sbin:/usr/bin:/sbin:/bin LC_ALL=C
unset LD_PRELOAD MALLOC_CONF JAVA_TOOL_OPTIONS PYTHONPATH

scratch=
group=
recorder=
watcher=

say() { echo "corpus.sh: $*" >&2; }
die() {
	say "$*"
	exit 1
}

# Ends whatever is still at work in the cgroup, which are all our own.
empty_group() {
	local pid tries
	for tries in {1..50}; do
		# 0 said, as in a trap it would be the status of what went before.
		if ! grep -q . "$group/cgroup.procs"; then return 0; fi
		while read -r pid; do
			if [ "$tries" -gt 40 ]; then kill -KILL "$pid"; else kill -TERM "$pid"; fi 2>/dev/null || true
		done <"$group/cgroup.procs"
		sleep 0.2
	done
}

cleanup() {
	if [ -n "$watcher" ]; then kill "$watcher" 2>/dev/null || true; fi
	if [ -n "$recorder" ]; then kill "$recorder" 2>/dev/null || true; fi
	if [ -n "$group" ]; then
		empty_group
		rmdir "$group" || true
	fi
	if [ -n "$scratch" ]; then rm -rf "$scratch"; fi
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

# ---- what there is ----

names=()
declare -A label how limit

# entry NAME LABEL HOW WHY: HOW is table, or command (each operation), and with ":N" a limit that is pretended.
entry() {
	names+=("$1")
	label[$1]="$2, $4"
	how[$1]=${3%:*}
	limit[$1]=
	case $3 in *:*) limit[$1]=${3#*:} ;; esac
}

entry redis_eviction healthy table "redis evicts between keys that stay, and snapshots by fork: up and back down"
entry redis_load healthy table "redis-benchmark, with an append-only file that is rewritten by fork"
entry postgres_pgbench healthy table "pgbench with connections that stay, then a new one for each transaction"
entry jvm_start healthy command "a JVM starts and ends, its class archive off: every operation"
entry jvm_compile healthy table "java runs a source file, again and again: warm-ups that end"
entry jvm_gc_g1 healthy table "G1 through waves of garbage and of threads"
entry jvm_gc_zgc healthy table "ZGC through the same: each heap page mapped on its own"
entry jvm_gc_shenandoah healthy table "Shenandoah through the same"
entry jvm_mapped_files healthy table "java maps files and lets the collector unmap them: a sawtooth"
entry jvm_mapped_files_small_limit healthy table:4096 "the same sawtooth, its top at two fifths of a pretended limit"
entry python_imports healthy command "python imports half of its standard library: every operation"
entry python_import_all healthy table "python imports all of it, ten times over"
entry python_pools healthy table "multiprocessing and thread pools that come and go"
entry chromium_pages healthy table "chromium, headless: frames, workers and WebAssembly come and go"
entry compile healthy table "make -j2 of C++ files that include the standard library"
entry compile_followed healthy command "gcc of one file: every operation of the driver, cc1, as and ld"
entry nginx_ab healthy table "nginx under ab, reloaded meanwhile"
entry sqlite_mmap healthy table "sqlite maps a growing database"
entry stress_mmap healthy table "stress-ng --mmap: tens of thousands of maps within a second, and back"
entry stress_vm healthy table "stress-ng --vm"
entry stress_mremap healthy table "stress-ng --mremap"
entry stress_madvise healthy table "stress-ng --madvise: splits"
entry leak_shared_object leak table "tests/workloads/frames: 56 maps of a batch of 57 stay, until mmap says ENOMEM"
entry leak_dontfork leak table "causes/dontfork_splits: mmap and munmap balance, madvise splits, to the limit"
entry leak_deleted_segments leak command:4096 "causes/DeletedSegments.java, past a pretended limit, so that no ENOMEM comes"
entry leak_map_per_file leak command:2048 "causes/map_per_file.py, past a pretended limit, so that no ENOMEM comes"
entry exhaustion_purge exhaustion table "causes/allocator_purge: quiet for 10 s, then holes, to the limit"
entry exhaustion_fibers exhaustion table "causes/fiber_stacks: two maps a connection, to the limit"

# ---- programs to run ----

# cause NAME [SOURCE...]: builds one of tests/workloads as a package is built, and prints its path.
cause() {
	local name=$1 source=$workloads/causes/$1.c
	shift
	if [ ! -e "$source" ]; then source=$workloads/$name.c; fi
	cp "$source" "$@" "$workloads/common.h" "$scratch"
	(cd "$scratch" && gcc -std=gnu11 -D_GNU_SOURCE -O2 -g -o "$name" "$name.c" "${@##*/}" -pthread -lrt)
}

# Waits until the command succeeds.
until_true() {
	local tries
	for tries in {1..200}; do
		if "$@" >/dev/null 2>&1; then return; fi
		sleep 0.05
	done
	die "waited in vain for: $* ($tries times)"
}

# ---- works: each in the foreground, within the cgroup, in an empty folder ----

work_redis_eviction() { sh "$workloads/causes/eviction_swing.sh" . 60000; }

work_redis_load() {
	redis-server --port 0 --unixsocket socket --dir . --save "" --appendonly yes >log &
	local redis=$!
	until_true redis-cli -s socket ping
	redis-benchmark -s socket -t set,rpush,hset,zadd -n 40000 -q -d 512 -r 100000
	redis-cli -s socket bgrewriteaof
	redis-benchmark -s socket -t get,lrange_100,mset -n 40000 -q -d 512 -r 100000
	redis-cli -s socket bgsave
	sleep 5
	redis-cli -s socket flushall
	sleep 3
	kill $redis
	wait $redis || true
}

# As nobody, since postgres does not run as root.
as_nobody() { setpriv --reuid=$nobody --regid=$nobody --clear-groups -- "$@"; }

work_postgres_pgbench() {
	local bin
	bin=$(printf '%s\n' /usr/lib/postgresql/*/bin | sort -V | tail -n 1)
	export PGHOST=$PWD PGUSER=test
	chmod 700 .
	chown $nobody:$nobody .
	as_nobody "$bin/initdb" -D data -U test --auth=trust --no-sync
	as_nobody "$bin/postgres" -D data -k "$PWD" -c listen_addresses= -c fsync=off >log 2>&1 &
	local postgres=$!
	until_true as_nobody "$bin/psql" -c "select 1" postgres
	as_nobody "$bin/pgbench" -i -q -s 3 postgres
	as_nobody "$bin/pgbench" -c 8 -j 2 -R 400 -T 15 postgres
	as_nobody "$bin/pgbench" -C -c 2 -R 60 -T 10 postgres
	kill $postgres
	wait $postgres || true
}

command_jvm_start() { command=(java -Xshare:off -XX:TieredStopAtLevel=1 -version); }

work_jvm_compile() {
	printf 'class Hello { public static void main(String[] a) { System.out.println(1); } }\n' >Hello.java
	for _ in {1..6}; do java Hello.java; done
}

garbage() {
	cat >Garbage.java <<-'END'
		import java.util.ArrayList;
		import java.util.List;
		import java.util.Random;

		class Garbage {
			private static final int WAVES = 12, THREADS = 40;

			/* Keeps up to 150 MB, and lets most of it go again. */
			private static void wave(Random random, List<byte[]> kept) {
				for (int i = 0; i < 6000; i++)
					kept.add(new byte[random.nextInt(50000)]);
				kept.removeIf(block -> random.nextInt(10) > 0);
			}

			public static void main(String[] args) throws Exception {
				Random random = new Random(1);
				List<byte[]> kept = new ArrayList<>();

				for (int n = 0; n < WAVES; n++) {
					List<Thread> threads = new ArrayList<>();

					for (int i = 0; i < THREADS * (n % 3); i++) {
						Thread thread = new Thread(() -> {
							try {
								Thread.sleep(1500);
							} catch (InterruptedException e) {
							}
						});
						thread.start();
						threads.add(thread);
					}
					wave(random, kept);
					Thread.sleep(1200);
					for (Thread thread : threads)
						thread.join();
				}
				kept.clear();
				System.gc();
				Thread.sleep(3000);
			}
		}
	END
}

collect() {
	garbage
	java -Xmx512m "$@" Garbage.java
}
work_jvm_gc_g1() { collect -XX:+UseG1GC -XX:G1PeriodicGCInterval=1000; }
work_jvm_gc_zgc() { collect -XX:+UseZGC -XX:ZUncommitDelay=1; }
work_jvm_gc_shenandoah() { collect -XX:+UseShenandoahGC -XX:+UnlockExperimentalVMOptions -XX:ShenandoahUncommitDelay=1000 -XX:ShenandoahGuaranteedGCInterval=2000; }

# mapped_files MAPS PACE_MS TIMES: so many maps are dropped at a time, and left to the collector.
mapped_files() {
	cat >MappedFiles.java <<-'END'
		import java.nio.MappedByteBuffer;
		import java.nio.channels.FileChannel;
		import java.nio.file.Files;
		import java.nio.file.Path;
		import java.nio.file.StandardOpenOption;
		import java.util.ArrayList;
		import java.util.List;

		class MappedFiles {
			private static MappedByteBuffer map(Path path) throws Exception {
				try (FileChannel channel = FileChannel.open(path, StandardOpenOption.READ)) {
					return channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size());
				}
			}

			public static void main(String[] args) throws Exception {
				int maps = Integer.parseInt(args[0]), paceMs = Integer.parseInt(args[1]);
				int times = Integer.parseInt(args[2]);
				List<MappedByteBuffer> readers = new ArrayList<>();
				long sum = 0;

				for (int i = 0; i < maps * times; i++) {
					Path path = Path.of("segment" + i % 50);

					if (!Files.exists(path))
						Files.write(path, new byte[64 * 1024]);
					readers.add(map(path));
					sum += readers.get(readers.size() - 1).get(4096);
					if (readers.size() >= maps) {
						readers.clear();
						System.gc();
					}
					Thread.sleep(paceMs);
				}
				System.out.println(sum);
			}
		}
	END
	java -Xmx128m MappedFiles.java "$@"
}
work_jvm_mapped_files() { mapped_files 8000 1 5; }
work_jvm_mapped_files_small_limit() { mapped_files 1500 5 6; }

imports='import sys, importlib, warnings
warnings.simplefilter("ignore")
for name in sorted(sys.stdlib_module_names - {"antigravity", "this", "idlelib"}):
    try: importlib.import_module(name)
    except Exception: pass
'
command_python_imports() { command=(/usr/bin/python3 -c 'import asyncio, ctypes, decimal, email, http.server, json, sqlite3, ssl, xml.dom'); }

work_python_import_all() {
	for _ in {1..10}; do
		/usr/bin/python3 -c "${imports}import time; time.sleep(1)"
	done
}

work_python_pools() {
	cat >pools.py <<-'END'
		import multiprocessing, time
		from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

		def work(n):
		    blocks = [bytearray(300000 + i) for i in range(n % 30)]
		    time.sleep(0.02)
		    return len(blocks)

		if __name__ == "__main__":
		    for method in "fork", "spawn", "forkserver":
		        with multiprocessing.get_context(method).Pool(4, maxtasksperchild=20) as pool:
		            print(method, sum(pool.map(work, range(400))))
		    with ProcessPoolExecutor(3) as pool:
		        print(sum(pool.map(work, range(200))))
		    for threads in 10, 100, 300, 20:
		        with ThreadPoolExecutor(threads) as pool:
		            print(threads, sum(pool.map(work, range(threads * 20))))
		            time.sleep(1)
	END
	/usr/bin/python3 pools.py
}

work_chromium_pages() {
	cat >page.html <<-'END'
		<title>page</title><body><script>
		const frames = [], workers = [];
		const wasm = new Uint8Array([0, 97, 115, 109, 1, 0, 0, 0, 5, 3, 1, 0, 16]);
		let turn = 0;
		function frame() {
			const f = document.createElement("iframe");
			f.srcdoc = "<canvas id=c width=800 height=600></canvas><script>const x = c.getContext('2d');" +
				"for (let i = 0; i < 300; i++) { x.fillStyle = 'hsl(' + i + ',90%,50%)'; x.fillRect(i, i, 200, 200) }" +
				"window.a = new Float64Array(500000).fill(1)<\/script>";
			document.body.append(f);
			frames.push(f);
			workers.push(new Worker(URL.createObjectURL(new Blob(
				["let a = []; setInterval(() => { a.push(new ArrayBuffer(1 << 20)); if (a.length > 20) a = [] }, 50)"]))));
			WebAssembly.instantiate(wasm).then(m => { f.wasm = m });
		}
		setInterval(() => {
			if (turn++ % 12 < 7) return frame();
			while (frames.length) frames.pop().remove();
			while (workers.length) workers.pop().terminate();
		}, 1000);
		</script>
	END
	HOME=$PWD timeout 45 chromium --headless --no-sandbox --disable-gpu --no-first-run --user-data-dir="$PWD/profile" \
		--disable-background-networking --disable-component-update --disable-sync --disable-breakpad \
		--host-resolver-rules="MAP * ~NOTFOUND" --remote-debugging-port=0 "file://$PWD/page.html" >log 2>&1 || true
}

work_compile() {
	local i
	for i in {1..8}; do
		printf '#include <algorithm>\n#include <iostream>\n#include <map>\n#include <string>\n' >"$i.cc"
		printf 'void f%d(std::map<std::string, int> &m) { for (auto &e : m) std::cout << e.first << e.second++; }\n' "$i" >>"$i.cc"
	done
	printf 'all: %s\n\tg++ -shared -o all.so $^\n%%.o: %%.cc\n\tg++ -O1 -g -fPIC -c -o $@ $<\n' "$(echo {1..8}.o)" >Makefile
	make -j2
}

command_compile_followed() {
	printf '#include <stdio.h>\n#include <stdlib.h>\nint main(void) { printf("%%d\\n", rand()); return 0; }\n' >hello.c
	command=(gcc -O2 -g -o hello hello.c)
}

work_nginx_ab() {
	local page=http://127.0.0.1:18480/page
	mkdir html
	head -c 30000 /dev/zero >html/page
	cat >nginx.conf <<-END
		daemon off; pid $PWD/pid; error_log $PWD/error; worker_processes 2;
		events { worker_connections 512; }
		http {
			access_log $PWD/access; client_body_temp_path $PWD; proxy_temp_path $PWD; fastcgi_temp_path $PWD;
			uwsgi_temp_path $PWD; scgi_temp_path $PWD; proxy_cache_path $PWD/cache keys_zone=zone:1m;
			server { listen 127.0.0.1:18480; root $PWD/html; gzip on; aio threads; }
		}
	END
	nginx -c "$PWD/nginx.conf" -p "$PWD" 2>log &
	local nginx=$!
	until_true test -s pid
	for _ in {1..4}; do
		ab -q -n 8000 -c 50 $page
		ab -q -k -n 8000 -c 100 $page
		kill -HUP $nginx
		sleep 2
	done
	kill -QUIT $nginx
	wait $nginx || true
}

work_sqlite_mmap() {
	sqlite3 data.db "create table t(id integer primary key, text)" >/dev/null
	{
		echo "pragma mmap_size=1073741824; pragma synchronous=off;"
		for _ in {1..40}; do
			echo "insert into t(text) select hex(randomblob(500)) from (with recursive n(i) as
				(select 1 union all select i + 1 from n where i < 2000) select i from n);
				select count(*), sum(length(text)) from t; delete from t where id % 7 = 1;"
			echo ".shell sleep 0.3"
		done
		echo "vacuum;"
	} | sqlite3 data.db >log
}

stress() { stress-ng "$@" --temp-path "$PWD" --timeout 20 --quiet; }
work_stress_mmap() { stress --mmap 1; }
work_stress_vm() { stress --vm 1 --vm-bytes 128m; }
work_stress_mremap() { stress --mremap 1 --mremap-bytes 64m; }
work_stress_madvise() { stress --madvise 1; }

work_leak_shared_object() {
	cause frames "$workloads/common.c"
	"$scratch/frames" --inputs 57 --pace 377 --object "/frames.$$"
}

work_leak_dontfork() {
	cause dontfork_splits
	"$scratch/dontfork_splits" 100000 700
}

# Its collector runs only now and then; compiled code alone changes its maps besides.
command_leak_deleted_segments() {
	mkdir index
	cp "$workloads/causes/DeletedSegments.java" .
	javac -d . DeletedSegments.java
	command=(java -XX:+UseSerialGC -cp . DeletedSegments index 4500 5000)
}

command_leak_map_per_file() {
	mkdir store
	cp "$workloads/causes/map_per_file.py" .
	command=(/usr/bin/python3 map_per_file.py store 2400 12000)
}

work_exhaustion_purge() {
	cause allocator_purge
	"$scratch/allocator_purge" 70000 500 10000
}

work_exhaustion_fibers() {
	cause fiber_stacks
	"$scratch/fiber_stacks" 40000 700
}

# ---- recording ----

# The last cgroup there is to go to: version 2, or as part of a hybrid.
make_group() {
	local mount
	mount=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/self/mounts)
	if [ -z "$mount" ]; then die "no cgroup2 is mounted, which tells the programs recorded from others"; fi
	mkdir "$mount/corpus" || die "cannot make the cgroup /corpus (is another corpus.sh at work?)"
	group=$mount/corpus
}

within_group() {
	local pid=$BASHPID
	echo "$pid" >"$group/cgroup.procs"
	cd "$scratch/work"
	"$@"
}

# Everything on the machine, while the work is done.
record_table() {
	local options=()
	if [ -n "${limit[$1]}" ]; then options=(--limit "${limit[$1]}"); fi
	"$program" record -o "$1.rec" "${options[@]}" 2>"$scratch/recorder" &
	recorder=$!
	until_true test -s "$1.rec"
	(within_group "work_$1") >"$scratch/log" 2>&1 </dev/null &
	wait $! || log_failure "$1" $?
	empty_group
	# One more tick.
	sleep 1.2
	# Not INT, which a shell's background jobs do not hear.
	kill $recorder
	wait $recorder || die "mmaptrace: $(<"$scratch/recorder")"
	recorder=
}

# Each operation of a command.
record_command() {
	local options=() command=()
	if [ -n "${limit[$1]}" ]; then options=(--limit "${limit[$1]}"); fi
	# Call stacks are half of a recording, and tell something where there is something to say.
	case ${label[$1]} in healthy*) options+=(--unwind off) ;; esac
	cd "$scratch/work"
	"command_$1"
	(within_group "$program" record -o "../$1.rec" -d "$patience_s" "${options[@]}" -- "${command[@]}") \
		>"$scratch/log" 2>&1 </dev/null &
	wait $! || log_failure "$1" $?
	cd "$scratch"
}

# A program that has reached the limit is to fail.
log_failure() {
	if [[ ${label[$1]} != healthy* ]]; then return 0; fi
	tail -n 5 "$scratch/log" >&2
	die "$1: ended with status $2"
}

# Ends the work; what waits for it goes on, and fails.
watch_patience() {
	sleep "$patience_s"
	say "it takes longer than $patience_s s, ending it"
	empty_group
}

record() {
	local name=$1 bytes
	rm -rf "$scratch/work" "$scratch/$name.rec"
	mkdir "$scratch/work"
	watch_patience &
	watcher=$!
	"record_${how[$name]}" "$name"
	kill $watcher
	wait $watcher 2>/dev/null || true
	watcher=
	python3 "$root/tools/corpus_trim.py" "$name.rec" /corpus "$name.trimmed"
	bytes=$(stat -c %s "$name.trimmed")
	printf '%-30s %7d bytes, %d s\n' "$name" "$bytes" "$SECONDS"
	if [ "$bytes" -gt $bytes_max ]; then die "$name: more than $bytes_max bytes"; fi
	mv "$name.trimmed" "$recordings/$name.rec"
	rm "$name.rec"
}

# Of what there is a recording.
write_labels() {
	local name
	for name in "${names[@]}"; do
		if [ -e "$recordings/$name.rec" ]; then echo "$name: ${label[$name]}"; fi
	done >"$recordings/LABELS"
}

list() {
	local name
	for name in "${names[@]}"; do printf '%-30s %s\n' "$name" "${label[$name]}"; done
}

main() {
	local name
	for name in "$@"; do
		if [ -z "${label[$name]:-}" ]; then die "no program $name: see $0 --list"; fi
	done
	[ "$(id -u)" -eq 0 ] || die "recording needs root: sudo $0"
	[ -x "$program" ] || die "no $program: make it first, or name another with PROGRAM"
	"$root/tools/setup.sh" corpus
	scratch=$(mktemp -d /tmp/corpus.XXXXXX)
	# Some of them work as nobody.
	chmod 755 "$scratch"
	make_group
	cd "$scratch"
	for name in "$@"; do
		SECONDS=0
		record "$name"
		write_labels
	done
}

case ${1:-} in
--list) list ;;
'') main "${names[@]}" ;;
*) main "$@" ;;
esac
