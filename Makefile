# muster: build, test, measure. `make help` lists what there is to make.
#
#   MODE=release|debug|asan|tsan   each builds into its own folder, build/$(MODE); for the simulator
#                                  alone: probe, with bugs planted and rare branches counted, and fast
#   CC=gcc|clang                   both are kept free of warnings; clang builds into build/$(MODE)-clang
#
# A new source file is found by its place; no list is kept here:
#
#   base gossip ring store agent   *.c of a room make its archive: pure code, linked by everything
#   agent/shell, store/disk_lmdb.c what touches the world; joins at muster-agent
#   agent/guard, tools/cli         muster-guard (libc only) and muster
#   tests/unit/ROOM_NOUN_test.c    a cmocka program that links ROOM and the floors below, nothing else;
#                                  tests/unit/ROOM_NOUN.c without _test is shared by that room's tests
#   tests/sim/*.c                  one program, the simulated cluster: no libuv, no lmdb
#   tests/crowd/*.c                one program, thousands of gossip cores on one clock
#   tests/e2e/NOUN_test.c          a cmocka program that may use agent/shell; NOUN.c without _test helps it
#   tests/e2e/test_*.py            pytest with real agents
#   tests/e2e/kit/NOUN.c           what those tests use: a job, a checker, a clock to preload; NOUN.go
#   tests/fuzz/NOUN_fuzz.c         LLVMFuzzerTestOneInput; its corpus is tests/fuzz/corpus/NOUN
#   tools/bench/ROOM_NOUN_bench.c  a measurement; ROOM may also be disk, shell, guard or cli
#   tools/bench/tool/NOUN.c        a program that measurements use; the C library only, static

MODE ?= release
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
VERSION := 0.1.0
B := build/$(MODE)$(if $(findstring clang,$(CC)),-clang)
PREFIX ?= /usr
DESTDIR ?=
# V=1 shows whole commands.
Q := $(if $(V),,@)
say = $(if $(V),,@echo "  $(1) $@")
# Debian's own interpreter: another python3 on the PATH would not see Debian's modules.
PYTHON := /usr/bin/python3

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wcast-align -Wcast-qual -Wpointer-arith \
	-Wformat=2 -Wundef -Wvla -Wwrite-strings -Wdouble-promotion -Wimplicit-fallthrough -Werror
WARN_gcc := -Wlogical-op -Wduplicated-cond -Wduplicated-branches
WARN += -Wno-format-nonliteral $(if $(findstring clang,$(CC)),,$(WARN_gcc))

SANITIZE_asan := -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g -fno-omit-frame-pointer $(SANITIZE_asan)
OPT_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
# What base/probe.h has for the simulator alone; `make mutants` chooses it by itself.
OPT_probe   := -O2 -g -DMUSTER_PROBES
# Many seeds in little time, for the simulator alone (gcc); `make sim SEEDS=...` chooses it by itself.
# After `make profile` its branches lie as a profile of some seeds wants them; what has changed
# since is compiled without. (The allocator is called while its own counts are written: they do not
# agree to the last one.)
OPT_fast    := -O3 -g -flto=auto -march=native $(if $(TRAIN),-fprofile-generate,\
	$(if $(wildcard build/fast/trained),-fprofile-use -fprofile-correction \
	-Wno-missing-profile -Wno-coverage-mismatch -Wno-error))
# `make cover` and `make fuzz` choose these two by themselves.
OPT_cover   := -O0 -g --coverage
OPT_fuzz    := -O1 -g -fno-omit-frame-pointer $(SANITIZE_asan) -fsanitize=fuzzer-no-link
ifeq ($(OPT_$(MODE)),)
$(error MODE=$(MODE) is none of release debug asan tsan probe fast)
endif

CSTD    := -std=c11 -D_GNU_SOURCE -DMUSTER_VERSION='"$(VERSION)"' -I.
CFLAGS  := $(CSTD) $(WARN) $(OPT_$(MODE)) $(EXTRA_CFLAGS)
LDFLAGS := $(filter -fsanitize% -fno-sanitize% --coverage -O3 -flto% -march% -fprofile%,$(OPT_$(MODE))) \
	-Wl,--as-needed
AR := $(if $(filter -flto%,$(OPT_$(MODE))),gcc-ar,ar)

# ---- rooms: each a static archive; what touches the world stays out and joins at the executables
ROOMS := base gossip ring store agent
SRC_base   := $(wildcard base/*.c)
SRC_gossip := $(wildcard gossip/*.c)
SRC_ring   := $(wildcard ring/*.c)
SRC_store  := $(filter-out store/disk_lmdb.c,$(wildcard store/*.c))
SRC_agent  := $(wildcard agent/*.c)
SRC_shell  := $(wildcard agent/shell/*.c) store/disk_lmdb.c
SRC_guard  := $(wildcard agent/guard/*.c) agent/fields.c agent/launch.c agent/logline.c
SRC_cli    := $(wildcard tools/cli/*.c)
SRC_sim    := $(wildcard tests/sim/*.c)
SRC_crowd  := $(wildcard tests/crowd/*.c)
SRC_tidy   := $(wildcard tools/tidy/*.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))
lib = $(B)/lib$(1).a
# What a room may link: its own floor and those below, in link order.
LIBS_base   := $(call lib,base)
LIBS_gossip := $(call lib,gossip) $(LIBS_base)
LIBS_ring   := $(call lib,ring) $(LIBS_base)
LIBS_store  := $(call lib,store) $(LIBS_base)
LIBS_agent  := $(call lib,agent) $(call lib,gossip) $(call lib,ring) $(call lib,store) $(LIBS_base)
# The parts that touch the world, for their own tests and measurements: everything but their main.
LIBS_disk   := $(call obj,store/disk_lmdb.c) $(LIBS_store)
LIBS_shell  := $(call obj,$(filter-out %/main.c,$(SRC_shell))) $(LIBS_agent)
LIBS_guard  := $(call obj,$(filter-out %/main.c,$(SRC_guard)))
LIBS_cli    := $(call obj,$(filter-out %/main.c,$(SRC_cli))) $(LIBS_agent)

EXT_base   := -lxxhash -lgnutls
EXT_gossip := $(EXT_base)
EXT_ring   := $(EXT_base)
EXT_store  := $(EXT_base)
EXT_agent  := $(EXT_base) -ljansson -lyaml
EXT_disk   := $(EXT_store) -llmdb
EXT_shell  := $(EXT_agent) -luv -llmdb -lmicrohttpd -lpthread
EXT_guard  :=
EXT_cli    := $(EXT_agent) -lcurl-gnutls -lsmartcols

PROGRAMS := $(B)/muster-agent $(B)/muster-guard $(B)/muster

.PHONY: all help bootstrap check test unit sim profile crowd mutants e2e bench demo lint format fuzz soak cover install clean
all: $(PROGRAMS) ## the three programs, into build/MODE

help: ## this list
	@awk -F ':.*## ' '/^[a-z0-9]+:.*## /{printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# ---- compiling: an object depends on its headers (-MMD) and on the flags it was made with
.PHONY: always
.SECONDARY:
$(B)/flags: export FLAGS_NOW = $(CC) $(CFLAGS) $(LDFLAGS)
$(B)/flags: always
	@mkdir -p $(@D)
	@printf '%s\n' "$$FLAGS_NOW" | cmp -s - $@ || printf '%s\n' "$$FLAGS_NOW" >$@

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call say,cc  )
	$(Q)$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

# An archive also depends on the list of its sources: a source that is gone must leave it.
$(B)/sources: export SOURCES_NOW = $(foreach r,$(ROOMS),$(SRC_$(r)))
$(B)/sources: always
	@mkdir -p $(@D)
	@printf '%s\n' "$$SOURCES_NOW" | cmp -s - $@ || printf '%s\n' "$$SOURCES_NOW" >$@

define room_archive
$(call lib,$(1)): $(call obj,$(SRC_$(1))) $(B)/sources
	@mkdir -p $$(@D)
	$$(call say,ar  )
	$$(Q)rm -f $$@ && $$(AR) rcs $$@ $$(filter %.o,$$^)
endef
$(foreach r,$(ROOMS),$(eval $(call room_archive,$(r))))

define link
@mkdir -p $(@D)
$(call say,link)
$(Q)$(CC) $(LDFLAGS) $(filter %.o %.a,$^)
endef

$(B)/muster-agent: $(call obj,$(SRC_shell)) $(LIBS_agent)
	$(link) $(EXT_shell) -o $@
$(B)/muster-guard: $(call obj,$(SRC_guard))
	$(link) $(EXT_guard) -o $@
$(B)/muster: $(call obj,$(SRC_cli)) $(LIBS_agent)
	$(link) $(EXT_cli) -o $@
# Gossip alone, thousands of times.
$(B)/crowd: $(call obj,$(SRC_crowd)) $(LIBS_gossip)
	$(link) $(EXT_gossip) -o $@

# The simulator links the node and nothing that could touch the world: that is the proof of purity.
$(B)/sim: $(call obj,$(SRC_sim)) $(LIBS_agent)
	$(link) $(EXT_agent) -o $@
$(B)/tidy: $(call obj,$(SRC_tidy))
	$(link) -o $@

# ---- programs found by the name of their source: build/MODE/FOLDER/NAME links the room it is named for
room_of = $(firstword $(subst _, ,$(1)))
known_room = $(or $(filter $(ROOMS) disk shell guard cli,$(call room_of,$(1))),shell)
helpers_of = $(call obj,$(filter-out %_test.c,$(wildcard tests/unit/$(call room_of,$(1))_*.c)))

UNIT   := $(patsubst tests/unit/%.c,$(B)/unit/%,$(wildcard tests/unit/*_test.c))
DRIVER := $(patsubst tests/e2e/%.c,$(B)/e2e/%,$(wildcard tests/e2e/*_test.c))
FUZZ   := $(patsubst tests/fuzz/%_fuzz.c,%,$(wildcard tests/fuzz/*_fuzz.c))
REPLAY := $(patsubst %,$(B)/replay/%,$(FUZZ))
BENCH  := $(patsubst tools/bench/%.c,$(B)/bench/%,$(wildcard tools/bench/*_bench.c))

define unit_program
$(B)/unit/$(1): $(B)/tests/unit/$(1).o $(call helpers_of,$(1)) $(LIBS_$(call known_room,$(1)))
	$$(link) $(EXT_$(call known_room,$(1))) -lcmocka -ljansson -o $$@
endef
$(foreach t,$(notdir $(UNIT)),$(eval $(call unit_program,$(t))))

DRIVER_HELP := $(call obj,$(filter-out %_test.c,$(wildcard tests/e2e/*.c)))
$(B)/e2e/%: $(B)/tests/e2e/%.o $(DRIVER_HELP) $(LIBS_shell)
	$(link) $(EXT_shell) -lcmocka -o $@

$(B)/replay/%: $(B)/tests/fuzz/%_fuzz.o $(B)/tests/fuzz/replay.o $(LIBS_agent)
	$(link) $(EXT_agent) -o $@
$(B)/fuzz/%: $(B)/tests/fuzz/%_fuzz.o $(LIBS_agent)
	$(link) -fsanitize=fuzzer $(EXT_agent) -o $@

BENCH_HELP := $(call obj,$(filter-out %_bench.c,$(wildcard tools/bench/*.c)))
define bench_program
$(B)/bench/$(1): $(B)/tools/bench/$(1).o $(BENCH_HELP) $(LIBS_$(call known_room,$(1)))
	$$(link) $(EXT_$(call known_room,$(1))) -o $$@
endef
$(foreach t,$(notdir $(BENCH)),$(eval $(call bench_program,$(t))))
# The job of the guards' measurement has no C library, and so nothing that would need one.
$(B)/tools/bench/job/%.o: CFLAGS += -fno-stack-protector -fno-sanitize=all -U_FORTIFY_SOURCE
$(B)/bench/first_instruction: $(call obj,tools/bench/job/first_instruction.c)
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) -static -nostdlib $^ -o $@
$(B)/bench/shell_guard_bench: | $(B)/bench/first_instruction $(B)/muster-guard

BENCH_TOOL := $(patsubst tools/bench/tool/%.c,$(B)/bench/%,$(wildcard tools/bench/tool/*.c))
$(BENCH_TOOL): $(B)/bench/%: $(B)/tools/bench/tool/%.o
	$(link) $(if $(findstring -fsanitize,$(LDFLAGS)),,-static) -o $@

# A job of the fault tests keeps the clock that all is judged by: nothing is preloaded into it.
KIT := $(addprefix $(B)/kit/,beat drift.so eio.so history packets)
$(B)/tests/e2e/kit/beat.o $(B)/tests/e2e/kit/packets.o: CFLAGS += -fno-sanitize=all
$(B)/tests/e2e/kit/drift.o $(B)/tests/e2e/kit/eio.o: CFLAGS += -fno-sanitize=all -fPIC
$(B)/kit/%.so: $(B)/tests/e2e/kit/%.o
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) -shared $^ -o $@
$(B)/kit/beat $(B)/kit/packets: $(B)/kit/%: $(B)/tests/e2e/kit/%.o
	@mkdir -p $(@D)
	$(call say,link)
	$(Q)$(CC) -static $^ -o $@
$(B)/kit/history: $(call obj,tests/e2e/kit/history.c tests/sim/history.c) $(LIBS_base)
	$(link) -o $@

# A foreign member of a gossip pool, of Debian's own Go packages and without a network; a machine that
# has none of them goes without, and its test says so.
GO_SOURCE := /usr/share/gocode/src/github.com/hashicorp/memberlist
KIT += $(if $(and $(shell command -v go),$(wildcard $(GO_SOURCE))),$(B)/kit/memberlist_node)
$(B)/kit/memberlist_node: tests/e2e/kit/memberlist_node.go
	@mkdir -p $(@D)
	$(call say,go  )
	$(Q)GO111MODULE=off GOPATH=/usr/share/gocode GOFLAGS= GOCACHE=$(abspath build/go) go build -o $@ $<

# ---- tests: every phase closes with a line `PHASE: N passed, N failed`; logs are in build/MODE/log
ASAN_ENV := ASAN_OPTIONS=detect_leaks=1:detect_stack_use_after_return=1 UBSAN_OPTIONS=print_stacktrace=1
E2E_ENV  := MUSTER_BUILD=$(abspath $(B)) MUSTER_MODE=$(MODE) PYTHONDONTWRITEBYTECODE=1 $(ASAN_ENV)

check: ## all there is: install, build, lint, unit, sim, e2e; one closing line for everything
	@tools/bootstrap
	@MAKE="$(MAKE)" tools/check $(B)/log

.PHONY: tests
tests: all $(UNIT) $(REPLAY) $(DRIVER) $(KIT) $(B)/tidy $(B)/sim $(B)/crowd

test: unit sim ## what needs no network: unit tests, fuzz corpora, simulator

unit: $(UNIT) $(REPLAY) ## unit tests, and every fuzz corpus replayed
	@$(ASAN_ENV) tools/runtests unit $(B)/log/unit 120 $(UNIT) $(REPLAY)

SIM_ONLY := $(if $(STORY),--story $(STORY)) $(if $(SEED),--seed $(SEED)) $(if $(SEEDS),--seeds $(SEEDS)) \
	$(if $(PROFILE),--profile $(PROFILE)) $(if $(WITHOUT),--without $(WITHOUT)) $(if $(NODES),--nodes $(NODES)) \
	$(if $(NODES_MIN),--nodes-min $(NODES_MIN)) \
	$(if $(JOBS),--jobs $(JOBS)) $(if $(SHRINK),--shrink) $(if $(TRACE),--trace)
# Fresh seeds: every commit tries others. What fails stays in tests/sim/seeds.
SIM_ENV := SIM_COMMIT=$(shell git rev-parse HEAD 2>/dev/null)
SIM_FAST := $(and $(SEEDS),$(filter release,$(MODE)),$(filter gcc,$(CC)))
sim: $(if $(SIM_FAST),,$(B)/sim) $(B)/crowd ## simulated clusters: stories, old finds, fresh seeds; or SEED=7 PROFILE=disk SHRINK=1, SEEDS=0:100000, STORY=9, TRACE=1
	$(if $(SIM_FAST),@$(MAKE) --no-print-directory -s -j2 MODE=fast build/fast/sim)
	@$(ASAN_ENV) $(SIM_ENV) $(if $(strip $(SIM_ONLY)),$(if $(SIM_FAST),build/fast,$(B))/sim $(SIM_ONLY),\
		tools/runtests sim $(B)/log/sim 300 $(B)/sim $(B)/crowd)

profile: ## for nights of seeds: `make sim SEEDS=...` a seventh faster from now on, after some minutes
	@rm -f build/fast/trained
	@$(MAKE) --no-print-directory -s -j2 MODE=fast TRAIN=1 build/fast/sim
	@find build/fast -name '*.gcda' -delete
	@build/fast/sim --seeds 0:200 >/dev/null
	@touch build/fast/trained
	@$(MAKE) --no-print-directory -s -j2 MODE=fast build/fast/sim

crowd: ## gossip alone: a pool of MEMBERS=10000; or LIFEGUARD=3 (seeds), members that starve, beside memberlist's settings
	@$(MAKE) --no-print-directory -s -j2 MODE=fast build/fast/crowd
	@build/fast/crowd $(if $(LIFEGUARD),lifeguard $(LIFEGUARD),scale $(or $(MEMBERS),10000) $(SEED))

mutants: ## plants each bug of base/probe.h in turn: who catches it? ONLY='name', MUTANT_SEEDS=2000, QUICK=1
	@$(MAKE) --no-print-directory -s -j2 MODE=probe build/probe/sim
	@$(PYTHON) tools/mutants build/probe $(if $(MUTANT_SEEDS),--seeds $(MUTANT_SEEDS)) \
		$(if $(ONLY),--only $(ONLY)) $(if $(QUICK),--quick) --table

# Most of their time these tests wait: two files of them at a time.
E2E_SPREAD := -n 2 --dist loadfile
e2e: all $(DRIVER) $(KIT) ## real agents, processes and sockets on loopback; TEST=name runs some of them
	@bad=0; $(if $(TEST),,$(E2E_ENV) tools/runtests drivers $(B)/log/drivers 120 $(DRIVER) || bad=1;) \
	$(E2E_ENV) $(PYTHON) -m pytest -q -p no:cacheprovider $(if $(TEST),-k '$(TEST)',$(E2E_SPREAD)) tests/e2e || bad=1; \
	exit $$bad

bench: all $(BENCH) $(BENCH_TOOL) ## measures the rows of docs/performance.md; ONLY='8 9' some of them
	@$(E2E_ENV) $(PYTHON) tools/bench/bench.py $(ONLY)

demo: ## a cluster of three on this machine, an agent killed, its jobs handed over; leaves nothing
	@tools/bootstrap build
	@$(MAKE) --no-print-directory -j2 all
	@$(E2E_ENV) $(PYTHON) tools/demo

soak: all $(KIT) ## agents killed at random for MINUTES=10; or the long fault tests: FAULTS=all, FAULTS=process
	@$(E2E_ENV) $(if $(FAULTS),MUSTER_SOAK=1 $(PYTHON) -m pytest -q -s -p no:cacheprovider \
		$(wildcard tests/e2e/test_faults_$(patsubst all,*,$(FAULTS)).py),\
		$(PYTHON) tools/soak $(or $(MINUTES),10) $(SEED))

fuzz: ## TARGET=name for SECONDS=60 (without TARGET each of them), findings in build/fuzz-clang
	@$(MAKE) --no-print-directory MODE=fuzz CC=clang $(addprefix build/fuzz-clang/fuzz/,$(or $(TARGET),$(FUZZ)))
	@tools/runfuzz build/fuzz-clang $(or $(SECONDS),60) $(or $(TARGET),$(FUZZ))

cover: ## how much of each room the unit tests and the simulator reach
	-@$(MAKE) --no-print-directory MODE=cover CC=gcc test
	@tools/cover build/cover $(ROOMS)

# ---- manual pages
MAN := $(patsubst docs/man/%.scd,$(B)/man/%,$(wildcard docs/man/*.scd))
$(B)/man/%: docs/man/%.scd
	@mkdir -p $(@D)
	$(call say,man )
	$(Q)scdoc <$< >$@.new && mv $@.new $@
# Its verbs are told by the program itself.
$(B)/man/muster.1: docs/man/muster.1.scd tools/manverbs $(B)/muster
	@mkdir -p $(@D)
	$(call say,man )
	$(Q)tools/manverbs $(B)/muster $< >$@.scd && scdoc <$@.scd >$@.new && mv $@.new $@

# ---- the house rules
SOURCES = $(shell find $(ROOMS) tools tests -name '*.[ch]' -not -path 'tests/tidy/*' | sort)

lint: $(B)/tidy $(MAN) ## the house rules, the format, and a second compiler over everything
	@CLANG_FLAGS="$(filter-out $(WARN_gcc) -DMUSTER_VERSION=%,$(CSTD) $(WARN))" tools/lint $(B) $(SOURCES)

format: ## settles the shape of every source, its comments too
	@tools/reflow $(SOURCES)
	@clang-format -i $(SOURCES)

# ---- installing
BIN_DIR := $(DESTDIR)$(PREFIX)/bin
LIB_DIR := $(DESTDIR)$(PREFIX)/lib
MAN_DIR := $(DESTDIR)$(PREFIX)/share/man
ETC_DIR := $(DESTDIR)/etc/muster
install: all $(MAN) ## into DESTDIR and PREFIX=/usr: programs, manual pages, unit, group; a configuration if there is none
	@install -d $(BIN_DIR) $(foreach n,1 5 8,$(MAN_DIR)/man$(n)) $(LIB_DIR)/systemd/system $(LIB_DIR)/sysusers.d $(ETC_DIR)
	install -m 755 $(PROGRAMS) $(BIN_DIR)
	$(foreach n,1 5 8,install -m 644 $(filter %.$(n),$(MAN)) $(MAN_DIR)/man$(n) &&) true
	sed 's|=/usr/bin/|=$(PREFIX)/bin/|' tools/muster.service >$(LIB_DIR)/systemd/system/muster.service
	echo 'g muster -' >$(LIB_DIR)/sysusers.d/muster.conf
	test -e $(ETC_DIR)/muster.yaml || install -m 640 tools/muster.yaml $(ETC_DIR)/muster.yaml

bootstrap: ## install what is missing (Debian 12, as root)
	@tools/bootstrap

clean: ## remove everything built
	rm -rf build

-include $(shell find $(B) -name '*.d' 2>/dev/null)
