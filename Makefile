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
BUILD := build

ARCH := $(shell $(CC) -dumpmachine | sed -e 's/-.*//' -e 's/x86_64/x86/' -e 's/aarch64/arm64/')

ifeq ($(V),1)
Q :=
say = @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# ---- what has to be there: pkg-config module, Debian package ----
MODULES := libbpf:libbpf-dev libelf:libelf-dev zlib:zlib1g-dev
TEST_MODULES := cmocka:libcmocka-dev jansson:libjansson-dev
PROGRAMS := $(CLANG):clang $(BPFTOOL):bpftool $(PKG_CONFIG):pkg-config

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
LIBS = $(shell $(PKG_CONFIG) --libs $(call modules_of,$(MODULES))) -lm -pthread
TEST_LIBS = $(shell $(PKG_CONFIG) --libs $(call modules_of,$(TEST_MODULES))) -lm
SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer

PURE_SRC := $(sort $(wildcard user/base/*.c user/core/*.c user/sink/*.c))
IO_SRC := $(sort $(wildcard user/io/*.c user/app/*.c))
PURE_OBJ := $(PURE_SRC:%.c=$(BUILD)/%.o)
IO_OBJ := $(IO_SRC:%.c=$(BUILD)/%.o)
SAN_OBJ := $(PURE_SRC:%.c=$(BUILD)/san/%.o)
UNIT_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tests/unit/test_*.c)))
WORKLOAD_BIN := $(patsubst %.c,$(BUILD)/%,$(filter-out %/common.c,$(sort $(wildcard tests/workloads/*.c))))
BENCH_BIN := $(patsubst %.c,$(BUILD)/%,$(sort $(wildcard tools/bench/*.c)))

all: $(BUILD)/mmaptrace
.PHONY: all clean check unit test kernel-test test-vm workloads bench bench-programs lint edges format install uninstall

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

# ---- user side ----
$(BUILD)/mmaptrace: $(PURE_OBJ) $(IO_OBJ)
	$(say) LINK $@
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LIBS)

$(IO_OBJ): | $(SKELETONS)

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
	$(Q)$(CC) $(ALL_CFLAGS) -O1 $(SANITIZE) -MMD -MP -o $@ $< $(SAN_OBJ) $(TEST_LIBS)

unit: $(UNIT_BIN)
check: unit edges
	$(Q)tests/unit/run.sh $(UNIT_BIN)

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

workloads: $(WORKLOAD_BIN) $(COMPAT_BIN)

$(BUILD)/tools/bench/%: tools/bench/%.c tests/workloads/common.c tests/workloads/common.h Makefile | $(BUILD)
	$(say) CC $@
	$(Q)mkdir -p $(@D)
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O2 -g -Itests/workloads -o $@ $(filter %.c,$^) $(LIBS)

bench-programs: $(BENCH_BIN)
# What it costs, beside its peers: PARTS="pair export", FLAGS="--quick -o FILE".
bench:
	$(Q)tools/bench/run.py $(FLAGS) $(PARTS)

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

FORMATTED := $(wildcard bpf/*.[ch] user/*/*.[ch] tests/unit/*.[ch] tests/workloads/*.[ch] tools/bench/*.[ch])
format:
	$(Q)clang-format -i $(FORMATTED)

# cppcheck knows nothing of cleanup attributes, so leaks are left to LeakSanitizer.
lint: edges all
	$(say) FORMAT check
	$(Q)clang-format --dry-run -Werror $(FORMATTED)
	$(say) CPPCHECK user
	$(Q)cppcheck --quiet -j$$(nproc) --std=c11 --error-exitcode=1 --enable=warning,performance,portability --inline-suppr \
		--suppress=missingIncludeSystem --suppress=memleak --suppress=resourceLeak -D__x86_64__ \
		'-Dbpf_object__for_each_program(program,object)=' -D_GNU_SOURCE -DMMAPTRACE_VERSION='"$(VERSION)"' $(INCLUDES) user
	$(say) SHELL tools
	$(Q)shellcheck -x .ci/run tools/*.sh tests/unit/*.sh tests/vm/*.sh

install: all
	install -D -m 755 $(BUILD)/mmaptrace $(DESTDIR)$(PREFIX)/sbin/mmaptrace

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/sbin/mmaptrace

clean:
	$(Q)rm -rf $(BUILD)

.SECONDARY:
-include $(PURE_OBJ:.o=.d) $(IO_OBJ:.o=.d) $(SAN_OBJ:.o=.d) $(UNIT_BIN:=.d)
