# The two commands: `make run` and `make test`. Everything else is here for developers.
# Meson and ninja do the building; this file only fetches packages and picks the build folder.

MODE     ?= release
SANITIZE ?=
CC       ?= cc
ifeq ($(origin CC),default)
CC       := gcc
endif
PREFIX   ?= /usr/local
DESTDIR  ?=

comma    := ,
VARIANT  := $(MODE)-$(notdir $(CC))$(if $(SANITIZE),-sanitize)
BUILD    := build/$(VARIANT)
OPENALB  := $(BUILD)/src/cli/openalb
OPTIONS  := -Dmode=$(MODE) -Dprefix=$(abspath $(PREFIX)) $(if $(filter developer,$(MODE)),-Dwerror=true) \
            $(if $(SANITIZE),-Db_sanitize=address$(comma)undefined -Db_lundef=false)
# Progress on a terminal, silence in a file.
QUIETLY  := $(shell test -t 2 || echo --quiet)

.PHONY: all run test unit behaviour bench fuzz fmt check install clean packages-build packages-test

all: $(BUILD)/build.ninja
	@ninja -C $(BUILD) $(QUIETLY)

$(BUILD)/build.ninja: | packages-build
	@CC=$(CC) meson setup $(BUILD) $(OPTIONS) > build/setup.log 2>&1 || { cat build/setup.log; exit 1; }

packages-build:
	@tools/packages build

packages-test: packages-build
	@tools/packages test

# Serves the demo until Ctrl-C.
run: all
	@exec $(OPENALB) serve -f demo/web.yaml --state ./var --log-level warn --demo-target 127.0.0.1:9101 --demo-target 127.0.0.1:9102

# Everything, with a closing line "N passed, N failed". Tests run on a developer build (all assertions on).
test: packages-test
	@tools/test $(if $(SANITIZE),--sanitize)

bench: packages-test all
	@tools/packages bench
	@bench/run --openalb $(OPENALB)

# Each fuzz target for FUZZ_SECONDS (60).
fuzz: packages-test
	@tools/fuzz

fmt: packages-test
	@git ls-files -co --exclude-standard '*.c' '*.h' | xargs -r clang-format-16 -i

check: packages-test
	@tools/check

install: all
	@{ meson configure $(BUILD) -Dprefix=$(abspath $(PREFIX)) && \
	   DESTDIR=$(if $(DESTDIR),$(abspath $(DESTDIR))) meson install -C $(BUILD) --quiet; } > build/install.log 2>&1 || \
	 { cat build/install.log; exit 1; }
	@echo "installed $(if $(DESTDIR),$(abspath $(DESTDIR)))$(abspath $(PREFIX))/bin/openalb"

clean:
	@rm -rf build
