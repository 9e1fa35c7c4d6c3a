/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stack.h"

#define REPORT_FD 3

static void check_free(gpointer p)
{
	struct stack_check *check = p;

	g_free(check->name);
	g_free(check->detail);
	g_free(check);
}

static void stage_free(gpointer p)
{
	struct stack_stage *stage = p;

	g_free(stage->name);
	g_free(stage);
}

static void string_free(gpointer p)
{
	g_string_free(p, TRUE);
}

static const char *need_env(const char *name)
{
	const char *value = g_getenv(name);

	if (!value)
		g_error("%s is not set: run this by 'make demo' or 'make check'", name);
	return value;
}

static void take_line(struct stack_run *run, const char *line)
{
	g_auto(GStrv) word = g_strsplit(line, " ", 3);
	const char *rest;

	if (g_strv_length(word) < 2)
		return;
	rest = word[2] ?: "";
	if (strcmp(word[0], "check") == 0) {
		struct stack_check *check = g_new0(struct stack_check, 1);
		const char *detail = strchr(rest, ' ');

		check->name = g_strdup(word[1]);
		check->ok = strncmp(rest, "ok", 2) == 0 && (!rest[2] || rest[2] == ' ');
		check->detail = g_strdup(detail ? detail + 1 : "");
		g_ptr_array_add(run->checks, check);
	} else if (strcmp(word[0], "stage") == 0) {
		struct stack_stage *stage = g_new0(struct stack_stage, 1);

		stage->name = g_strdup(word[1]);
		stage->ms = strtoul(rest, NULL, 10);
		g_ptr_array_add(run->stages, stage);
	} else if (strcmp(word[0], "fact") == 0) {
		g_hash_table_replace(run->facts, g_strdup(word[1]), g_strdup(rest));
	} else if (strcmp(word[0], "text") == 0) {
		GString *text = g_hash_table_lookup(run->texts, word[1]);

		if (!text) {
			text = g_string_new(NULL);
			g_hash_table_insert(run->texts, g_strdup(word[1]), text);
		}
		g_string_append_printf(text, "%s\n", rest);
	} else if (strcmp(word[0], "blob") == 0) {
		GByteArray *blob = g_hash_table_lookup(run->blobs, word[1]);
		gsize len;
		g_autofree guchar *piece = g_base64_decode(rest, &len);

		if (!blob) {
			blob = g_byte_array_new();
			g_hash_table_insert(run->blobs, g_strdup(word[1]), blob);
		}
		g_byte_array_append(blob, piece, len);
	} else if (strcmp(word[0], "end") == 0) {
		run->ended = TRUE;
		run->ok = strcmp(word[1], "ok") == 0;
	}
}

/* One more GPU, behind the root port of that number. */
static void add_gpu(GStrvBuilder *args, guint number, const char *memory,
		    const char *properties)
{
	g_autofree char *memdev = g_strdup_printf(
		"memory-backend-ram,id=hbm%u,size=%s,reserve=off", number, memory);
	/* there is not enough I/O space for so many ports, and none of them needs any */
	g_autofree char *port = g_strdup_printf(
		"pcie-root-port,id=gpu-port%u,chassis=%u,io-reserve=0", number, number);
	g_autofree char *gpu = g_strdup_printf(
		"nvgrace-gpu,bus=gpu-port%u,memdev=hbm%u,pxm-count=1,%s", number, number,
		properties);

	g_strv_builder_add_many(args, "-object", memdev, "-device", port, "-device", gpu, NULL);
}

/* What is zero is left alone: the memory is sparse behind the emulated GPU. */
#define SPARSE "nvgrace_region_vfio_pci.scrub_sparse=1"

/* They become /dev/vda, /dev/vdb... */
static const char *const disks[] = { "raw", "qcow2", "scsi" };

#define DISK_MIB 160ul

static char *disk_path(const char *logs, const char *run, gsize disk)
{
	return g_strdup_printf("%s/%s.%s", logs, run, disks[disk]);
}

/* Empty ones. */
static void add_disks(GStrvBuilder *args, const char *logs, const char *run)
{
	for (gsize i = 0; i < G_N_ELEMENTS(disks); i++) {
		g_autofree char *path = disk_path(logs, run, i);
		g_autofree char *device = g_strdup_printf("virtio-blk-pci,drive=%s", disks[i]);
		g_autofree char *drive = g_strdup_printf(
			"if=none,id=%s,format=raw,cache=unsafe,discard=unmap,file=%s",
			disks[i], path);
		int fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);

		if (fd < 0 || ftruncate(fd, DISK_MIB << 20))
			g_error("%s: %s", path, g_strerror(errno));
		close(fd);
		g_strv_builder_add_many(args, "-drive", drive, "-device", device, NULL);
	}
}

/* What is written to it goes to a file that nobody else sees. */
static void add_system(GStrvBuilder *args)
{
	g_autofree char *drive = g_strdup_printf(
		"if=none,id=system,format=raw,snapshot=on,cache=unsafe,file=%s",
		need_env("NVGRACE_SYSTEM_DISK"));

	g_strv_builder_add_many(args, "-drive", drive, "-device", "virtio-blk-pci,drive=system",
				NULL);
}

static void remove_disks(const char *logs, const char *run)
{
	for (gsize i = 0; i < G_N_ELEMENTS(disks); i++) {
		g_autofree char *path = disk_path(logs, run, i);

		unlink(path);
	}
}

static GStrv arguments(const struct stack_options *options, const char *console,
		       const char *logs)
{
	g_autoptr(GStrvBuilder) args = g_strv_builder_new();
	g_autofree char *serial = g_strdup_printf("file:%s", console);
	g_autofree char *memdev =
		g_strdup_printf("memory-backend-ram,id=hbm,size=%s,reserve=off", options->memory);
	g_autofree char *gpu = g_strdup_printf("nvgrace-gpu,bus=gpu-port,memdev=hbm,model=%s%s%s",
					       options->model, options->gpu ? "," : "",
					       options->gpu ?: "");
	g_autofree char *append = g_strdup_printf(
		"console=ttyAMA0 loglevel=4 panic=-1 nvgrace.scenario=%s nvgrace.guest_ram=%s "
		"nvgrace.limit_mib=%u nvgrace.touch_mib=%u nvgrace.memory=%s nvgrace.model=%s%s%s "
		"%s %s " SPARSE,
		options->scenario, options->guest_ram ?: "2G", options->limit_mib,
		options->touch_mib ?: 256, options->memory, options->model,
		options->device ? " nvgrace.device=" : "", options->device ?: "",
		/* the user's own come first: the first of a name is the one that holds */
		g_getenv("NVGRACE_APPEND") ?: "", options->append ?: "");
	g_autofree char *machine = g_strdup_printf(
		"virt,virtualization=on,gic-version=3,iommu=smmuv3%s%s",
		options->machine ? "," : "", options->machine ?: "");
	g_autofree char *accel = g_strdup_printf("tcg,thread=%s,tb-size=512",
						 options->counted ? "single" : "multi");

	/*
	 * pauth-impdef: QEMU's own pointer authentication hash, not the slow architected one.
	 * lpa2: Grace has 48 address bits.  KVM walks the whole range of a VM when it ends,
	 * and QEMU makes two before the guest's: with 52 bits each takes it 10 s here.
	 */
	g_strv_builder_add_many(args, need_env("NVGRACE_QEMU"), "-M", machine, "-accel",
				accel, "-cpu", "max,pauth-impdef=on,lpa2=off", "-smp",
				"2", "-m", options->host_ram ?: "4G", "-nodefaults", "-display", "none",
				"-no-reboot", "-bios", need_env("NVGRACE_FIRMWARE"), "-kernel",
				need_env("NVGRACE_KERNEL"), "-initrd", need_env("NVGRACE_HOST_IMAGE"),
				"-append", append, "-serial", serial, "-device",
				"virtio-serial-pci", "-chardev",
				"socket,id=report,fd=" G_STRINGIFY(REPORT_FD), "-device",
				"virtserialport,chardev=report,name=org.nvgrace.report", "-object",
				memdev, "-device", "pcie-root-port,id=gpu-port,chassis=1", "-device",
				gpu, NULL);
	if (options->counted)
		g_strv_builder_add_many(args, "-icount", "shift=0,sleep=off", NULL);
	if (options->system)
		add_system(args);
	if (options->disks)
		add_disks(args, logs, options->name);
	for (guint i = 0; options->more_gpus && options->more_gpus[i]; i++)
		add_gpu(args, i + 2, options->more_memory ?: "2G", options->more_gpus[i]);
	if (options->more)
		g_strv_builder_addv(args, (const char **)options->more);
	return g_strv_builder_end(args);
}

/* The machine does not outlive this process, however that ends. */
static void in_child(gpointer unused G_GNUC_UNUSED)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
}

/* Read the report to its end; QEMU closes it when it exits. */
static void read_report(struct stack_run *run, int fd, GPid pid, guint seconds,
			stack_progress progress, gpointer opaque)
{
	g_autoptr(GIOChannel) channel = g_io_channel_unix_new(fd);
	gint64 deadline = g_get_monotonic_time() + (seconds ?: 1200) * G_USEC_PER_SEC;
	GIOStatus status;

	g_io_channel_set_encoding(channel, NULL, NULL);
	g_io_channel_set_flags(channel, G_IO_FLAG_NONBLOCK, NULL);
	g_io_channel_set_close_on_unref(channel, TRUE);
	do {
		g_autofree char *line = NULL;
		GPollFD poll = { .fd = fd, .events = G_IO_IN };

		status = g_io_channel_read_line(channel, &line, NULL, NULL, NULL);
		if (status == G_IO_STATUS_NORMAL) {
			g_strchomp(line);
			take_line(run, line);
			if (progress)
				progress(line, opaque);
		} else if (status == G_IO_STATUS_AGAIN) {
			gint64 left = (deadline - g_get_monotonic_time()) / 1000;

			if (left <= 0) {
				kill(pid, SIGKILL);
				break;
			}
			g_poll(&poll, 1, MIN(left, 1000));
		}
	} while (status == G_IO_STATUS_NORMAL || status == G_IO_STATUS_AGAIN);
}

struct stack_run *stack_run(const struct stack_options *options, stack_progress progress,
			    gpointer opaque)
{
	struct stack_run *run = g_new0(struct stack_run, 1);
	const char *logs = need_env("NVGRACE_LOGS");
	g_auto(GStrv) args = NULL;
	g_autofree char *console = NULL;
	g_autoptr(GError) error = NULL;
	gint64 start = g_get_monotonic_time();
	int report[2], target = REPORT_FD;
	struct rusage usage = { 0 };
	GPid pid;

	run->checks = g_ptr_array_new_with_free_func(check_free);
	run->stages = g_ptr_array_new_with_free_func(stage_free);
	run->facts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
	run->texts = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, string_free);
	run->blobs = g_hash_table_new_full(g_str_hash, g_str_equal, g_free,
					   (GDestroyNotify)g_byte_array_unref);
	g_mkdir_with_parents(logs, 0777);
	console = g_strdup_printf("%s/%s.console", logs, options->name);
	run->log = g_strdup_printf("build/logs/%s.console", options->name);
	args = arguments(options, console, logs);

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, report) < 0)
		g_error("socketpair: %s", g_strerror(errno));
	if (!g_spawn_async_with_pipes_and_fds(NULL, (const char *const *)args, NULL,
					      G_SPAWN_DO_NOT_REAP_CHILD, in_child, NULL, -1, -1, -1,
					      &report[1], &target, 1, &pid, NULL, NULL, NULL, &error))
		g_error("cannot start the emulated host: %s", error->message);
	close(report[1]);
	read_report(run, report[0], pid, options->seconds, progress, opaque);
	while (wait4(pid, NULL, 0, &usage) < 0 && errno == EINTR)
		;
	if (options->disks)
		remove_disks(logs, options->name);
	run->peak_kib = usage.ru_maxrss;
	run->seconds = (g_get_monotonic_time() - start) / (gdouble)G_USEC_PER_SEC;
	return run;
}

void stack_run_free(struct stack_run *run)
{
	g_ptr_array_unref(run->checks);
	g_ptr_array_unref(run->stages);
	g_hash_table_unref(run->facts);
	g_hash_table_unref(run->texts);
	g_hash_table_unref(run->blobs);
	g_free(run->log);
	g_free(run);
}

const struct stack_check *stack_find(const struct stack_run *run, const char *name)
{
	for (guint i = 0; i < run->checks->len; i++) {
		const struct stack_check *check = run->checks->pdata[i];

		if (strcmp(check->name, name) == 0)
			return check;
	}
	return NULL;
}
