/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The power button, of a guest that nvgrace.button=1 says has one. */
#include <fcntl.h>
#include <linux/input.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"

/* Of a machine without keys and mice it is the only input. */
#define BUTTON "/dev/input/event0"

static const char *const modules[] = { "button", "evdev", NULL };

int button_open(void)
{
	int fd = -1;

	if (agent_load_modules(modules) && agent_wait_path(BUTTON, 5000))
		fd = open(BUTTON, O_RDONLY | O_CLOEXEC);
	report_check("button", fd >= 0, BUTTON);
	return fd;
}

void button_obey(int fd)
{
	struct input_event event;

	while (read(fd, &event, sizeof(event)) == sizeof(event)) {
		if (event.type == EV_KEY && event.code == KEY_POWER && event.value)
			reboot(RB_POWER_OFF);
	}
}
