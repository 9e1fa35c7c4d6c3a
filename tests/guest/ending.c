/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How the guest ends.  The machine outside says, because after all but the first
 * of these the same program runs in the same machine again and could not know:
 *
 *	poweroff
 *	reboot		through firmware: PSCI SYSTEM_RESET
 *	kexec		into the same kernel, without firmware
 *	crash		panic while the copy engine runs; panic=-1 resets the machine
 *	wait		until the machine outside resets the machine or ends it, or presses its
 *			button (nvgrace.button=1)
 *	wait-busy	... while the copy engine runs
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/reboot.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"
#include "../stack/disk.h"

#define ANSWER_MS 20000
/* Jobs in both directions that the engine has done when something happens to it */
#define BUSY_JOBS 8

static gpointer keep_engine_busy(gpointer opaque)
{
	struct gpu *gpu = opaque;
	gsize len = NVGRACE_GUEST_COPY_CHUNK;
	char *ram = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	gboolean to_memory = FALSE;

	while (ram != MAP_FAILED &&
	       copy_pages(gpu, "busy", ram, (char *)gpu->memory, len, to_memory))
		to_memory = !to_memory;
	return NULL;
}

static void start_engines(struct guest *guest)
{
	FOR_EACH_GPU(guest, gpu) {
		guint begin = gpu->jobs, ms;

		if (!gpu->memory)
			continue;
		g_thread_new("busy", keep_engine_busy, gpu);
		for (ms = 0; ms < 20000 && gpu->jobs < begin + BUSY_JOBS; ms++)
			g_usleep(1000);
		report_check("engine-busy", gpu->jobs >= begin + BUSY_JOBS, "%u jobs so far",
			     gpu->jobs - begin);
	}
}

static void crash(void)
{
	int fd = open("/proc/sysrq-trigger", O_WRONLY | O_CLOEXEC);

	if (fd < 0 || write(fd, "c", 1) != 1)
		report_check("crash", FALSE, "the kernel does not take it");
}

void guest_end(struct guest *guest)
{
	g_autofree char *how = report_ask("ending", ANSWER_MS);
	gboolean busy;
	int button = -1;

	report_fact("ending", "%s", how ?: "nobody says: power off");
	how = how ?: g_strdup("poweroff");
	busy = !strcmp(how, "crash") || !strcmp(how, "wait-busy");
	if (busy)
		start_engines(guest);
	if (!strcmp(how, "kexec") && !kexec_load_disks(DISK_SERIAL_KERNEL, DISK_SERIAL_INITRD))
		agent_finish();

	if (guest->button)
		button = button_open();
	agent_end();
	if (!strcmp(how, "reboot"))
		reboot(RB_AUTOBOOT);
	else if (!strcmp(how, "kexec"))
		reboot(RB_KEXEC);
	else if (!strcmp(how, "crash"))
		crash();
	else if (!strcmp(how, "poweroff"))
		reboot(RB_POWER_OFF);
	if (button >= 0)
		button_obey(button);
	/* process 1 must not end */
	for (;;)
		pause();
}
