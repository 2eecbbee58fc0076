# SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#
#   make            build/mmaptrace          make check      pure tests under ASan and UBSan, no root
#   make test       every test (root)        make lint       include edges, format, static analysis
#   make install    PREFIX, DESTDIR          make bench      what it costs, beside its peers (root)
#   V=1             show the commands

VERSION := 0.1.0
PREFIX ?= /usr/local
CC ?= gcc
CLANG ?= clang
BPFTOOL ?= $(shell command -v bpftool || echo /usr/sbin/bpftool)
PKG_CONFIG ?= pkg-config
PROTOC_C ?= protoc-c
BUILD := build
, := ,

ARCH := $(shell $(CC) -dumpmachine | sed -e 's/-.*//' -e 's/x86_64/x86/' -e 's/aarch64/arm64/')

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# ---- what has to be there: pkg-config module, Debian package ----
MODULES := libbpf:libbpf-dev libelf:libelf-dev libdw:libdw-dev zlib:zlib1g-dev libprotobuf-c:libprotobuf-c-dev \
	libcap-ng:libcap-ng-dev jansson:libjansson-dev libmicrohttpd:libmicrohttpd-dev inih:libinih-dev \
	libsystemd:libsystemd-dev libseccomp:libseccomp-dev
TEST_MODULES := cmocka:libcmocka-dev jansson:libjansson-dev
PROGRAMS := $(CLANG):clang $(BPFTOOL):bpftool $(PKG_CONFIG):pkg-config $(PROTOC_C):protobuf-c-compiler

program_of = $(firstword $(subst :, ,$(1)))
package_of = $(lastword $(subst :, ,$(1)))
need_program = $(if $(shell command -v $(call program_of,$(1))),,$(error $(call program_of,$(1)) is missing: apt-get install $(call package_of,$(1))))
need_module = $(if $(shell $(PKG_CONFIG) --exists $(call program_of,$(1)) && echo y),,$(error library $(call program_of,$(1)) is missing: apt-get install $(call package_of,$(1))))
need_header = $(if $(shell printf '\043include <$(1)>\n' | $(CC) -E -x c - >/dev/null 2>&1 && echo y),,$(error header $(1) is missing: apt-get install $(2)))

NO_DEPS_GOALS := clean edges
ifneq ($(filter-out $(NO_DEPS_GOALS),$(or $(MAKECMDGOALS),all)),)
$(foreach p,$(PROGRAMS),$(call need_program,$(p)))
$(foreach m,$(MODULES),$(call need_module,$(m)))
$(call need_header,uthash.h,uthash-dev)
$(call need_header,libiberty/demangle.h,libiberty-dev)
ifneq ($(filter check test unit,$(MAKECMDGOALS)),)
$(foreach m,$(TEST_MODULES),$(call need_module,$(m)))
endif
endif

modules_of = $(foreach m,$(1),$(call program_of,$(m)))
CFLAGS ?= -O2 -g
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wno-format-nonliteral
INCLUDES := -Iuser/base -Iuser/core -Iuser/sink -Iuser/io -Iuser/app -Ibpf -I$(BUILD)
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DMMAPTRACE_VERSION='"$(VERSION)"' $(WARN) $(CFLAGS) $(INCLUDES) \
	$(shell $(PKG_CONFIG) --cflags $(call modules_of,$(MODULES)))
LIBS = $(shell $(PKG_CONFIG) --libs $(call modules_of,$(MODULES))) -liberty -lm -pthread
# What the pure part is allowed; the unit tests link with no more.
PURE_LIBS = $(shell $(PKG_CONFIG) --libs zlib libprotobuf-c) -lm
TEST_LIBS = $(shell $(PKG_CONFIG) --libs $(call modules_of,$(TEST_MODULES)))
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

PURE_SRC := $(sort $(wildcard user/base/*.c user/core/*.c user/sink/*.c))
IO_SRC := $(sort $(wildcard user/io/*.c user/app/*.c))
MESSAGES := $(patsubst user/sink/%.proto,$(BUILD)/%.pb-c,$(sort $(wildcard user/sink/*.proto)))
PURE_OBJ := $(PURE_SRC:%.c=$(BUILD)/%.o) $(MESSAGES:=.o)
IO_OBJ := $(IO_SRC:%.c=$(BUILD)/%.o)
SAN_OBJ := $(PURE_SRC:%.c=$(BUILD)/san/%.o) $(MESSAGES:$(BUILD)/%=$(BUILD)/san/%.o)
# The symbolizer reads files of others, so it is tested under the sanitizers too, with libdw.
SYMBOL_SRC := $(sort $(wildcard user/io/symbol*.c)) $(addprefix user/io/,debug_file.c demangle.c frame_cache.c jit_map.c procfs.c privilege.c \
	maps_reader.c pc_index.c rooted.c vdso.c)
SYMBOL_SAN_OBJ := $(SYMBOL_SRC:%.c=$(BUILD)/san/%.o) $(BUILD)/san/tests/symbols/subject.o
SYMBOL_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/symbols/test_*.c)))
# So is what people write: options, the configuration.
DAEMON_SRC := $(addprefix user/app/,config.c config_changes.c option_daemon.c option_table.c options.c) \
	$(addprefix user/io/,maps_reader.c procfs.c)
DAEMON_SAN_OBJ := $(DAEMON_SRC:%.c=$(BUILD)/san/%.o)
DAEMON_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/daemon/test_*.c)))
UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c)))
WORKLOAD_BIN := $(patsubst %.c,$(BUILD)/%,$(filter-out %/common.c,$(sort $(wildcard tests/workloads/*.c))))
# What makes programs run out of maps, each built as a package is: optimized, without frame pointers. Of the first there
# are two more: with them, and without symbols, which are in a file beside it.
CAUSES := tests/workloads/causes
CAUSE_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard $(CAUSES)/*.c))) \
	$(patsubst %.cc,$(BUILD)/%,$(sort $(wildcard $(CAUSES)/*.cc))) \
	$(BUILD)/$(CAUSES)/shared_object_again-fp $(BUILD)/$(CAUSES)/shared_object_again-stripped
BENCH_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tools/bench/*.c)))

all: $(BUILD)/mmaptrace
.PHONY: all clean check unit evaluate test kernel-test test-vm workloads bench bench-programs lint edges format install uninstall

# ---- kernel side ----
BPF_CFLAGS := --target=bpf -D__TARGET_ARCH_$(ARCH) -g -O2 -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare -Ivmlinux -Ibpf
SKELETONS := $(BUILD)/mmaptrace.skel.h $(BUILD)/probe.skel.h $(BUILD)/inspect.skel.h

$(BUILD)/bpf/%.bpf.o: bpf/%.bpf.c $(wildcard bpf/*.h vmlinux/*.h) | $(BUILD)
	$(say) CLANG $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CLANG) $(BPF_CFLAGS) -c $< -o $@.tmp
	$(Q)$(BPFTOOL) gen object $@ $@.tmp && rm -f $@.tmp

$(BUILD)/%.skel.h: $(BUILD)/bpf/%.bpf.o
	$(say) SKEL $@
	$(Q)$(BPFTOOL) gen skeleton $< name $*_bpf > $@.tmp && mv $@.tmp $@

# ---- messages: generated, and so not held to our warnings ----
$(BUILD)/%.pb-c.c $(BUILD)/%.pb-c.h: user/sink/%.proto | $(BUILD)
	$(say) PROTO $(BUILD)/$*.pb-c.c
	$(Q)$(PROTOC_C) -Iuser/sink --c_out=$(BUILD) $<

$(BUILD)/%.pb-c.o: $(BUILD)/%.pb-c.c Makefile
	$(say) CC $@
	$(Q)$(CC) $(ALL_CFLAGS) -w -c $< -o $@

$(BUILD)/san/%.pb-c.o: $(BUILD)/%.pb-c.c Makefile
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -w -O1 $(SANITIZE) -c $< -o $@

# ---- user side ----
$(BUILD)/mmaptrace: $(PURE_OBJ) $(IO_OBJ)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(IO_OBJ): | $(SKELETONS)
$(PURE_OBJ) $(SAN_OBJ): | $(MESSAGES:=.h)

$(BUILD)/user/%.o: user/%.c Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -MMD -MP -c $< -o $@

$(BUILD)/san/%.o: %.c Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SANITIZE) -MMD -MP -c $< -o $@

$(BUILD):
	$(Q)mkdir -p $@

# ---- tests ----
# No -lbpf here: an accidental kernel dependency of the pure part fails to link.
$(BUILD)/tests/unit/%: tests/unit/%.c $(SAN_OBJ) Makefile
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SANITIZE) -MMD -MP -o $@ $< $(SAN_OBJ) $(TEST_LDFLAGS) $(TEST_LIBS) $(PURE_LIBS)

# Lets every allocation fail once.
$(BUILD)/tests/unit/test_pprof_memory: TEST_LDFLAGS = -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc

$(BUILD)/tests/symbols/test_%: tests/symbols/test_%.c $(SAN_OBJ) $(SYMBOL_SAN_OBJ) Makefile
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SANITIZE) -MMD -MP -o $@ $< $(SYMBOL_SAN_OBJ) $(SAN_OBJ) $(TEST_LIBS) $(LIBS)

$(BUILD)/tests/daemon/test_%: tests/daemon/test_%.c $(SAN_OBJ) $(DAEMON_SAN_OBJ) Makefile
	$(say) LINK $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -Itests/unit -O1 $(SANITIZE) -MMD -MP -o $@ $< $(DAEMON_SAN_OBJ) $(SAN_OBJ) $(TEST_LIBS) $(LIBS)

# What the symbolizer is shown: programs as distributions build them, without frame pointers.
TARGET_DIR := $(BUILD)/tests/symbols
TARGET_BIN := $(addprefix $(TARGET_DIR)/,target target-static target-nopie target-stripped target-stripped-noid libplug.so)
TARGET_CC = $(CC) -O2 -g -fomit-frame-pointer -Wall -Wextra -o $@ tests/symbols/programs/target.c -pthread
$(TARGET_DIR)/target: tests/symbols/programs/target.c | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(TARGET_CC) -fPIE -pie
$(TARGET_DIR)/target-nopie: tests/symbols/programs/target.c | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(TARGET_CC) -fno-pie -no-pie
$(TARGET_DIR)/target-static: tests/symbols/programs/target.c | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(TARGET_CC) -static -Wl,--no-warnings
$(TARGET_DIR)/target-stripped $(TARGET_DIR)/target-stripped-noid: tests/symbols/programs/target.c | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(TARGET_CC) $(if $(findstring noid,$@),-Wl$(,)--build-id=none,-Wl$(,)--build-id)
	$(Q)objcopy --only-keep-debug $@ $@.debug
	$(Q)cd $(@D) && objcopy --strip-all --add-gnu-debuglink=$(@F).debug $(@F)
$(TARGET_DIR)/libplug.so: tests/symbols/programs/plug.cc | $(BUILD)
	$(say) CXX $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -O2 -g -fomit-frame-pointer -fPIC -shared -Wall -Wextra -o $@ $<

unit: $(UNIT_BIN) $(DAEMON_BIN) $(SYMBOL_BIN) $(TARGET_BIN)
check: unit edges all
	$(Q)tests/unit/run.sh $(UNIT_BIN) $(DAEMON_BIN) $(SYMBOL_BIN) tests/replay/judge_recordings.py

$(BUILD)/tests/workloads/%: tests/workloads/%.c tests/workloads/common.c $(wildcard tests/workloads/*.h) Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra $(CFLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -pthread -lrt

# As 32-bit programs, for what a 64-bit kernel does for those. Static: nothing of 32 bits is needed to run them. The
# kernel's headers are the same, but without gcc-multilib no compiler looks for them there.
COMPAT_BIN := $(if $(filter x86,$(ARCH)),$(patsubst %,$(BUILD)/tests/workloads32/%,fastleak frames mapgen))
COMPAT_CFLAGS = -m32 -static -D_FILE_OFFSET_BITS=64 -idirafter /usr/include/$(shell $(CC) -print-multiarch)
COMPAT_PACKAGES = libc6-dev-i386 lib32gcc-$(shell $(CC) -dumpversion | cut -d. -f1)-dev
$(BUILD)/tests/workloads32/%: tests/workloads/%.c tests/workloads/common.c $(wildcard tests/workloads/*.h) Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(COMPAT_CFLAGS) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 -g -o $@ $(filter %.c,$^) -pthread -lrt || \
		{ echo "no 32-bit programs without: apt-get install $(COMPAT_PACKAGES)" >&2; exit 1; }

CAUSE_CFLAGS := -O2 -g -Wall -Wextra
$(BUILD)/$(CAUSES)/%: $(CAUSES)/%.c Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(CAUSE_CFLAGS) $(LDFLAGS) -o $@ $< -pthread -lrt

$(BUILD)/$(CAUSES)/%: $(CAUSES)/%.cc Makefile | $(BUILD)
	$(say) CXX $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 $(CAUSE_CFLAGS) $(LDFLAGS) -o $@ $< -pthread -lrt

$(BUILD)/$(CAUSES)/%-fp: $(CAUSES)/%.cc Makefile | $(BUILD)
	$(say) CXX $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CXX) -std=gnu++17 $(CAUSE_CFLAGS) -fno-omit-frame-pointer $(LDFLAGS) -o $@ $< -pthread -lrt

$(BUILD)/$(CAUSES)/%-stripped: $(BUILD)/$(CAUSES)/%
	$(say) STRIP $@
	$(Q)objcopy --only-keep-debug $< $@.debug
	$(Q)objcopy --strip-all --add-gnu-debuglink=$@.debug $< $@

# Call stacks: with frame pointers, static at one address with other names, and a library for them to load.
CALLER_BIN := $(addprefix $(BUILD)/tests/workloads/,callers-fp callers-static callers-static-other libmapper.so \
	libmapper-fp.so)
CALLER_CC = $(CC) -std=gnu11 -D_GNU_SOURCE -Wall -Wextra -O2 -g $(CALLER_FLAGS) $(LDFLAGS) -o $@ $(filter %.c,$^) -pthread
$(BUILD)/tests/workloads/callers-fp: CALLER_FLAGS := -fno-omit-frame-pointer
$(BUILD)/tests/workloads/callers-static: CALLER_FLAGS := -DSTATIC -static -no-pie -fno-pie
$(BUILD)/tests/workloads/callers-static-other: CALLER_FLAGS := -DSTATIC -static -no-pie -fno-pie -Dmap_here=map_there \
	-Douter=outside
$(BUILD)/tests/workloads/callers-%: tests/workloads/callers.c tests/workloads/common.c tests/workloads/common.h Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CALLER_CC)
$(BUILD)/tests/workloads/libmapper-fp.so: CALLER_FLAGS := -fno-omit-frame-pointer
$(BUILD)/tests/workloads/libmapper%so: tests/workloads/libraries/mapper.c Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -O2 -g -Wall -Wextra $(CALLER_FLAGS) -fPIC -shared $(LDFLAGS) -o $@ $<

workloads: $(CALLER_BIN) $(WORKLOAD_BIN) $(COMPAT_BIN) $(CAUSE_BIN)

$(BUILD)/tools/bench/%: tools/bench/%.c tests/workloads/common.c tests/workloads/common.h Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -Itests/workloads -o $@ $(filter %.c,$^) $(LIBS)

# The same with frame pointers, for those who unwind by them.
$(BUILD)/tools/bench/%-fp: tools/bench/%.c tests/workloads/common.c tests/workloads/common.h Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -fno-omit-frame-pointer -Itests/workloads -o $@ $(filter %.c,$^) $(LIBS)

# A recording of as many samples as one likes, for tools/evaluate/volume.py.
$(BUILD)/tools/evaluate/samples: tools/evaluate/samples.c $(PURE_OBJ) Makefile
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) $(ALL_CFLAGS) -o $@ $< $(PURE_OBJ) $(PURE_LIBS)

bench-programs: $(BENCH_BIN) $(BUILD)/tools/bench/ops-fp

# What it costs, beside its peers: PARTS="pair export", FLAGS="--quick -o FILE".
bench:
	$(Q)tools/bench/run.py $(FLAGS) $(PARTS)

# How good the detectors are, on traces of known truth: FLAGS="--part all --salt TEXT".
evaluate: all $(BUILD)/tools/evaluate/samples
	$(Q)tools/evaluate/run.py $(FLAGS)
	$(Q)tools/evaluate/volume.py

kernel-test: all workloads
	$(Q)python3 tests/kernel/run.py $(TESTS)
test: check kernel-test
# The same by each hook path of Debian's kernels, old and new, in QEMU: KERNEL=6.12, FLAGS="--hooks witness --verbose".
test-vm: all workloads
	$(Q)case "$(or $(KERNEL),/arm64)" in */arm64*) tools/cross.sh arm64 ;; esac
	$(Q)python3 tests/vm/run.py --kernel $(or $(KERNEL),all) $(FLAGS)

# ---- hygiene ----
edges:
	$(Q)tools/edges.sh

FORMATTED := $(wildcard bpf/*.[ch] user/*/*.[ch] tests/unit/*.[ch] tests/daemon/*.[ch] tests/symbols/*.[ch] tests/symbols/programs/* \
	tests/workloads/*.[ch] tests/workloads/libraries/*.c $(CAUSES)/*.c $(CAUSES)/*.cc tools/bench/*.[ch] tools/evaluate/*.c)
format:
	$(Q)clang-format -i $(FORMATTED)

# What generated headers ask of one of the system's, which cppcheck does not read.
CPPCHECK_MESSAGES := -DPROTOBUF_C_VERSION_NUMBER=9999999 -DPROTOBUF_C__BEGIN_DECLS= -DPROTOBUF_C__END_DECLS=
# cppcheck knows nothing of cleanup attributes, so leaks are left to LeakSanitizer.
lint: edges all
	$(say) FORMAT check
	$(Q)clang-format --dry-run -Werror $(FORMATTED)
	$(say) CPPCHECK user
	$(Q)cppcheck --quiet -j$$(nproc) --std=c11 --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak -D__x86_64__ \
		'-Dbpf_object__for_each_program(program,object)=' $(CPPCHECK_MESSAGES) -D_GNU_SOURCE -DMMAPTRACE_VERSION='"$(VERSION)"' $(INCLUDES) user
	$(say) PYTHON tests
	$(Q)pyflakes3 tests tools
	$(say) SHELL tools
	$(Q)shellcheck -x .ci/run tools/*.sh tests/unit/*.sh tests/vm/*.sh $(CAUSES)/*.sh

install: all
	install -D -m 755 $(BUILD)/mmaptrace $(DESTDIR)$(PREFIX)/sbin/mmaptrace
	install -D -m 644 tools/mmaptrace.conf $(DESTDIR)$(PREFIX)/share/doc/mmaptrace/mmaptrace.conf
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/local/sbin|$(PREFIX)/sbin|' tools/mmaptrace.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/mmaptrace.service
	install -m 644 tools/mmaptrace.socket $(DESTDIR)$(PREFIX)/lib/systemd/system/mmaptrace.socket

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/mmaptrace $(DESTDIR)$(PREFIX)/share/doc/mmaptrace/mmaptrace.conf \
		$(DESTDIR)$(PREFIX)/lib/systemd/system/mmaptrace.service $(DESTDIR)$(PREFIX)/lib/systemd/system/mmaptrace.socket

clean:
	$(Q)rm -rf $(BUILD)

.SECONDARY:
-include $(PURE_OBJ:.o=.d) $(IO_OBJ:.o=.d) $(SAN_OBJ:.o=.d) $(SYMBOL_SAN_OBJ:.o=.d) $(DAEMON_SAN_OBJ:.o=.d) $(DAEMON_BIN:=.d) $(UNIT_BIN:=.d) $(SYMBOL_BIN:=.d)
