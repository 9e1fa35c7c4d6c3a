# SPDX-License-Identifier: GPL-2.0-or-later
#
# The front door.  meson.build does the work, in the environment of env/.
#
#   make demo    build everything, then the main job, end to end
#   make check   build everything, then every test
#   make build   build everything
#   make clean   forget this checkout's build; the cache stays

.PHONY: demo check build clean
.DEFAULT_GOAL := build


demo:
	@scripts/front-door demo

check:
	@scripts/front-door check

build:
	@scripts/front-door build

clean:
	rm -rf build
