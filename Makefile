# muster: build, test, measure. `make help` lists what there is to make.
#
#   MODE=release|debug|asan|tsan   each builds into its own folder, build/$(MODE)
#   CC=gcc|clang                   both are kept free of warnings

MODE ?= release
CC := $(if $(filter default,$(origin CC)),gcc,$(CC))
VERSION := 0.1.0
B := build/$(MODE)
PREFIX ?= /usr
DESTDIR ?=

WARN := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wstrict-prototypes \
	-Wmissing-prototypes -Wold-style-definition -Wcast-align -Wcast-qual -Wpointer-arith \
	-Wformat=2 -Wundef -Wvla -Wwrite-strings -Wdouble-promotion -Wimplicit-fallthrough -Werror
ifneq (,$(findstring gcc,$(CC)))
WARN += -Wlogical-op -Wduplicated-cond -Wduplicated-branches -Wno-format-nonliteral
else
WARN += -Wno-format-nonliteral
endif

OPT_release := -O2 -g -D_FORTIFY_SOURCE=2 -fstack-protector-strong
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
CFLAGS  := -std=c11 -D_GNU_SOURCE -DMUSTER_VERSION='"$(VERSION)"' -I. $(WARN) $(OPT_$(MODE)) $(EXTRA_CFLAGS)
LDFLAGS := $(filter -fsanitize% -fno-sanitize%,$(OPT_$(MODE))) -Wl,--as-needed

# ---- rooms: each a static archive; what touches the world stays out and joins at the executables
ROOMS := base gossip ring store agent
SRC_base   := $(wildcard base/*.c)
SRC_gossip := $(wildcard gossip/*.c)
SRC_ring   := $(wildcard ring/*.c)
SRC_store  := $(filter-out store/disk_lmdb.c,$(wildcard store/*.c))
SRC_agent  := $(wildcard agent/*.c)
SRC_shell  := $(wildcard agent/shell/*.c) store/disk_lmdb.c
SRC_guard  := $(wildcard agent/guard/*.c)
SRC_cli    := $(wildcard tools/cli/*.c)
SRC_sim    := $(wildcard tests/sim/*.c)
SRC_bench  := $(wildcard tools/bench/*.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))
lib = $(B)/lib$(1).a
# the archives a room may link: its own floor and those below, in link order
LIBS_base   := $(call lib,base)
LIBS_gossip := $(call lib,gossip) $(LIBS_base)
LIBS_ring   := $(call lib,ring) $(LIBS_base)
LIBS_store  := $(call lib,store) $(LIBS_base)
LIBS_agent  := $(call lib,agent) $(call lib,gossip) $(call lib,ring) $(call lib,store) $(LIBS_base)

EXT_base   := -lxxhash
EXT_gossip := $(EXT_base)
EXT_ring   := $(EXT_base)
EXT_store  := $(EXT_base)
EXT_agent  := $(EXT_base) -ljansson -lyaml
EXT_shell  := $(EXT_agent) -luv -llmdb -lmicrohttpd -lgnutls -lpthread
EXT_cli    := $(EXT_agent) -lcurl-gnutls -lsmartcols

PROGRAMS := $(B)/muster-agent $(B)/muster-guard $(B)/muster

.PHONY: all help bootstrap check test unit sim e2e bench demo lint format fuzz soak install clean
all: $(PROGRAMS)

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c $< -o $@

define room_archive
$(call lib,$(1)): $(call obj,$(SRC_$(1)))
	@mkdir -p $$(@D)
	@rm -f $$@
	ar rcs $$@ $$^
endef
$(foreach r,$(ROOMS),$(eval $(call room_archive,$(r))))

$(B)/muster-agent: $(call obj,$(SRC_shell)) $(LIBS_agent)
	$(CC) $(LDFLAGS) $^ $(EXT_shell) -o $@
$(B)/muster-guard: $(call obj,$(SRC_guard))
	$(CC) $(LDFLAGS) $^ -o $@
$(B)/muster: $(call obj,$(SRC_cli)) $(LIBS_agent)
	$(CC) $(LDFLAGS) $^ $(EXT_cli) -o $@

# ---- unit tests: tests/unit/ROOM_NOUN_test.c links ROOM and the floors below it, nothing else
UNIT_SRC := $(wildcard tests/unit/*_test.c)
UNIT     := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT_SRC))
room_of = $(firstword $(subst _, ,$(notdir $(1))))
define unit_binary
$(B)/unit/$(1): $(B)/tests/unit/$(1).o $$(LIBS_$(call room_of,$(1)))
	@mkdir -p $$(@D)
	$$(CC) $$(LDFLAGS) $$^ $$(EXT_$(call room_of,$(1))) -lcmocka -ljansson -o $$@
endef
$(foreach t,$(patsubst tests/unit/%.c,%,$(UNIT_SRC)),$(eval $(call unit_binary,$(t))))

unit: $(UNIT) ## unit tests
	@set -e; for t in $(UNIT); do echo "== $$t"; $$t; done

bootstrap: ## install what is missing (Debian 12, as root)
	@tools/bootstrap

test: unit

clean: ## remove everything built
	rm -rf build

-include $(shell find build/$(MODE) -name '*.d' 2>/dev/null)
