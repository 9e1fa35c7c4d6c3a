# SPDX-License-Identifier: GPL-2.0-or-later
#
# The front door.  meson.build does the work, in the environment of env/.
#
#   make demo    build everything, then the main job, end to end
#   make check   build everything, then every test but the long ones; with LONG=1,
#                or where CI is set, those too
#   make build   build everything
#   make update-golden     have the tests' stored ACPI text be what it is now, and
#                          show what changes
#   make update-pristine   store what an unpatched QEMU tells firmware, after a
#                          change of QEMU's version (some minutes)
#   make sanitize   the qtests on a QEMU with AddressSanitizer and UBSan
#   make coverage   how many lines of our QEMU files the qtests run
#   make bench   measure ours against the BAR way (80 minutes); QUICK=1: five
#   make clean   forget this checkout's build; the cache stays

.PHONY: demo check build update-golden update-pristine sanitize coverage bench clean
.DEFAULT_GOAL := build


demo:
	@scripts/front-door demo

check:
	@scripts/front-door check$(if $(LONG)$(CI),-all)

build:
	@scripts/front-door build

update-golden update-pristine sanitize coverage:
	@scripts/front-door $@

bench:
	@scripts/front-door bench-$(if $(QUICK),quick,full)

clean:
	rm -rf build
