/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests: one, as an operator would start it; several of different shapes, one
 * after another; and one that goes through everything that may happen to a
 * machine, after which the next user must find nothing of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "disk.h"
#include "gpu-sysfs.h"
#include "host-agent.h"
#include "host-vm.h"
#include "pages.h"
#include "pattern.h"
#include "scenario.h"
#include "scenario-guests.h"
#include "stage2.h"

#define DISK "/tmp/disk"

/* Of a machine as QEMU's virt has it: behind the high ECAM is nothing but our memory */
#define GPU_MEM 0x4020000000
#define PCI_WINDOW 0x10000000000
/* Places of each region that are looked at for what a guest has left */
#define PLACES 61

/* What QEMU says of a GPU that has resmem, if that is in no BAR */
#define HOPPER_WARNING "NVIDIA's drivers 550 to 595 look for the reserved memory of a Grace Hopper GPU"
#define BAR_VIEW "guest-view=bar"

static guint count(const char *text, const char *words)
{
	guint found = 0;

	while ((text = strstr(text, words))) {
		text += strlen(words);
		found++;
	}
	return found;
}

gboolean warned_as_wanted(const struct host_vm *vm)
{
	g_auto(GStrv) lines = g_strsplit(vm->stderr_text->str, "\n", -1);
	const char *const *info = vm->infos;
	guint warnings = 0, hopper = 0;

	for (guint i = 0; lines[i]; i++) {
		if (!*lines[i] || (strstr(lines[i], HOPPER_WARNING) && !hopper++))
			continue;
		if (info && *info && strstr(lines[i], " info: ") && strstr(lines[i], *info))
			info++;
		else if (vm->warning && !warnings && strstr(lines[i], vm->warning))
			warnings++;
		else
			return FALSE;
	}
	return warnings == !!vm->warning && (!info || !*info);
}

void run_guest(struct host_vm *vm)
{
	const char *name = vm->name ?: "guest";
	g_autofree char *quiet = g_strdup_printf("%s.qemu-quiet", name);
	g_autofree char *end = g_strdup_printf("%s.end", name);
	gboolean ended = host_vm_run(vm);
	gboolean killed = vm->endings && g_strv_contains(vm->endings, "kill");
	gboolean warned;

	report_check(end, ended && vm->status == (killed ? -1 : 0) && vm->guest_ok,
		     "QEMU ended with status %d; %u boots, %u of them to their end, %s; %u resets; memory %s",
		     vm->status, vm->boots, vm->ends, vm->failed ? "not all ok" : "ok", vm->resets,
		     vm->moved ? "moved" : "always in one place");
	warned = warned_as_wanted(vm);
	g_strdelimit(vm->stderr_text->str, "\n", ' ');
	report_check(quiet, warned, "QEMU warned of %s; wanted: %s",
		     vm->stderr_text->len ? vm->stderr_text->str : "nothing",
		     vm->warning ?: "nothing");
	report_stage(name);
}

/*
 * KVM has mapped the memory in blocks of a PMD: it was asked for each of them once
 * at most, though the guest has touched pages by the ten thousand.
 */
static void check_blocks(const struct host_vm *vm, struct stage2_counter *counter, int error)
{
	const char *size = g_hash_table_lookup(vm->facts, "coherent-size");
	guint64 blocks = (size ? g_ascii_strtoull(size, NULL, 16) : 0) / PMD;
	gint64 faults = counter ? stage2_end(counter) : -1;

	report_check("stage2-blocks", faults > 0 && (guint64)faults <= blocks,
		     "%" G_GINT64_FORMAT " faults at stage 2, of %" G_GINT64_FORMAT
		     " blocks of %zu MiB%s%s", faults, blocks, PMD >> 20, error ? "; cannot count: " : "",
		     error ? g_strerror(error) : "");
}

/* The main job: bind, start the guest, hear what it has to say. */
void scenario_guest(const char *bdf)
{
	g_autofree char *extra = agent_cmdline("nvgrace.device");
	gboolean bars = extra && strstr(extra, BAR_VIEW);
	struct host_vm vm = { .bdf = bdf, .device = extra };
	g_autofree char *model = agent_cmdline("nvgrace.model");
	gboolean hopper = !g_strcmp0(model, "gh200") && !bars;
	struct stage2_counter *counter;
	guint said;
	int error;

	if (!bind_gpu(bdf, EXPORTER))
		return;
	counter = stage2_count(GPU_MEM, PCI_WINDOW);
	error = errno;
	run_guest(&vm);
	/* In the window of BARs there are others, and decoding is turned off and on. */
	if (!bars)
		check_blocks(&vm, counter, counter ? 0 : error);
	else if (counter)
		stage2_end(counter);
	said = count(vm.stderr_text->str, HOPPER_WARNING);
	report_check("hopper-warning", said == (hopper ? 1u : 0u),
		     "QEMU spoke %u times of drivers that need guest-view=bar",
		     said);
	host_vm_clear(&vm);
}

/* --------------------------------------------------------------------------- disk */

static gboolean make_disk(void)
{
	g_autofree char *data = g_malloc0(DISK_SIZE);

	pattern_fill(data, DISK_AREA, DISK_SEED_HOST, 0);
	return g_file_set_contents(DISK, data, DISK_SIZE, NULL);
}

/* The guest's areas hold what came out of coherent memory, the host's what it was. */
static void check_disk(const char *check, guint areas)
{
	g_autofree char *data = NULL;
	gsize len = 0, good = 0;

	if (g_file_get_contents(DISK, &data, &len, NULL) && len == DISK_SIZE) {
		good = pattern_match(data, DISK_AREA, DISK_SEED_HOST, 0);
		for (guint i = 1; i <= areas; i++)
			good += pattern_match(data + i * DISK_AREA, DISK_AREA, DISK_SEED_GUEST(i),
					      i * DISK_AREA);
	}
	report_check(check, good == (1 + areas) * DISK_AREA,
		     "%zu of %lu bytes on the disk are right", good, (1 + areas) * DISK_AREA);
}

#define DATA_DISK \
	"-drive", "if=none,id=data,format=raw,file=" DISK, \
	"-device", "virtio-blk-pci,bus=pcie.0,drive=data,serial=" DISK_SERIAL

/* ------------------------------------------------------------------------- shapes */

/* @0 and @1 are the addresses of the host's GPUs. */
static const char *const pair_args[] = {
	"-smp", "2,sockets=2",
	"-object", "memory-backend-ram,id=ram0,size=1G",
	"-object", "memory-backend-ram,id=ram1,size=1G",
	"-numa", "node,nodeid=0,cpus=0,memdev=ram0", "-numa", "node,nodeid=1,cpus=1,memdev=ram1",
	"-device", "pcie-root-port,id=rp0,chassis=1",
	"-device", "vfio-pci-nvgrace,host=@0,bus=rp0,pxm-count=4",
	"-device", "pxb-pcie,id=pxb,bus_nr=64,numa_node=1",
	"-device", "pcie-root-port,id=rp1,bus=pxb,chassis=2",
	"-device", "vfio-pci-nvgrace,host=@1,bus=rp1",
	DATA_DISK, NULL
};

static const char *const large_pages_args[] = {
	"-device", "pxb-pcie,id=pxb,bus_nr=32",
	"-device", "pcie-root-port,id=rp,bus=pxb,chassis=1",
	"-device", "vfio-pci-nvgrace,host=@0,bus=rp,mem-addr=0x2000000000", NULL
};

static const char *const bars_args[] = {
	"-device", "pcie-root-port,id=rp1,chassis=1",
	"-device", "vfio-pci-nvgrace,host=@1,bus=rp1,pxm-count=4," BAR_VIEW,
	"-device", "pxb-pcie,id=pxb,bus_nr=64",
	"-device", "pcie-root-port,id=rp0,bus=pxb,chassis=2",
	"-device", "vfio-pci-nvgrace,host=@0,bus=rp0," BAR_VIEW, NULL
};

static const char *const mixed_args[] = {
	"-device", "pcie-root-port,id=rp0,chassis=1",
	"-device", "vfio-pci-nvgrace,host=@0,bus=rp0,pxm-count=4",
	"-device", "pxb-pcie,id=pxb,bus_nr=64",
	"-device", "pcie-root-port,id=rp1,bus=pxb,chassis=2",
	"-device", "vfio-pci-nvgrace,host=@1,bus=rp1," BAR_VIEW, NULL
};

static const struct {
	struct host_vm vm;
	guint disk_areas;	/* GPUs that write to the disk */
} shapes[] = {
	{
		/* A gh200 behind pcie.0 and a gb200 behind a pxb, each at a socket of its own */
		.vm = { .name = "pair", .args = pair_args,
			.append = "nvgrace.gpus=2 nvgrace.nodes=4,8 nvgrace.socket=0,1 "
				  "nvgrace.path=PCI0.S08_.S00_,PC40.RP00.GPU0 nvgrace.disk=1 "
				  "nvgrace.offline=1 nvgrace.touch_mib=64" },
		.disk_areas = 2,
	}, {
		/* Pages of 16 KiB in the guest on pages of 4 KiB in the host; a gh200 behind a pxb */
		.vm = { .name = "16k", .args = large_pages_args, .kernel = "/share/Image-16k",
			.initrd = "/share/guest-16k.cpio", .append = "nvgrace.page_kib=16 nvgrace.path=PC20.RP00.GPU0 "
				  "nvgrace.touch_mib=64" },
	}, {
		/* In BARs: a gb200 behind pcie.0 and a gh200 behind a pxb */
		.vm = { .name = "bars", .args = bars_args,
			.append = "nvgrace.gpus=2 nvgrace.nodes=4,8 nvgrace.view=bar,bar "
				  "nvgrace.path=PCI0.S08_.S00_,PC40.RP00.GPU0 "
				  "nvgrace.offline=1 nvgrace.touch_mib=64" },
	}, {
		/* Of two views: a gh200 behind pcie.0, and a gb200 behind a pxb in a BAR */
		.vm = { .name = "mixed", .args = mixed_args,
			.append = "nvgrace.gpus=2 nvgrace.nodes=4,8 nvgrace.view=acpi,bar "
				  "nvgrace.path=PCI0.S08_.S00_,PC40.RP00.GPU0 "
				  "nvgrace.touch_mib=64" },
	},
};

GStrv with_addresses(const char *const *args, const char *const *gpus)
{
	g_autoptr(GStrvBuilder) builder = g_strv_builder_new();

	for (; *args; args++) {
		g_autoptr(GString) arg = g_string_new(*args);

		g_string_replace(arg, "@0", gpus[0], 0);
		g_string_replace(arg, "@1", gpus[1], 0);
		g_strv_builder_add(builder, arg->str);
	}
	return g_strv_builder_end(builder);
}

/* The host has a gh200 and a gb200. */
void scenario_guests(const char *bdf G_GNUC_UNUSED)
{
	g_auto(GStrv) gpus = gpu_list();
	gboolean ok = g_strv_length(gpus) == 2;

	report_check("gpus", ok, "%u GPUs, wanted 2", g_strv_length(gpus));
	if (!ok || !bind_gpu(gpus[0], EXPORTER) || !bind_gpu(gpus[1], EXPORTER))
		return;

	for (gsize i = 0; i < G_N_ELEMENTS(shapes); i++) {
		g_auto(GStrv) args = with_addresses(shapes[i].vm.args, (const char *const *)gpus);
		g_autofree char *check = g_strdup_printf("%s.disk-content", shapes[i].vm.name);
		struct host_vm vm = shapes[i].vm;

		vm.args = (const char *const *)args;
		if (shapes[i].disk_areas && !make_disk())
			report_check("disk", FALSE, DISK " cannot be written");
		run_guest(&vm);
		if (shapes[i].disk_areas)
			check_disk(check, shapes[i].disk_areas);
		host_vm_clear(&vm);
	}
}

/* ------------------------------------------------------------------------ iommufd */

#define IOMMUFD_GUEST "nvgrace.disk=1 nvgrace.touch_mib=64"

/* A guest with a disk and the GPU, which @iommufd and @device say how to open. */
static void run_with_disk(struct host_vm *vm, const char *iommufd, const char *device)
{
	const char *const args[] = {
		"-smp", "2", "-object", iommufd, "-device", "pcie-root-port,id=rp,chassis=1",
		"-device", device, DATA_DISK, NULL
	};
	g_autofree char *check = g_strdup_printf("%s.disk-content", vm->name);

	vm->args = args;
	if (!make_disk())
		report_check("disk", FALSE, DISK " cannot be written");
	run_guest(vm);
	check_disk(check, 1);
}

/* QEMU opens the device; the GPU is reset by the guest, and with the whole machine. */
void scenario_guest_iommufd(const char *bdf)
{
	static const char *const endings[] = { "reset", NULL };
	g_autofree char *device = g_strdup_printf(
		"vfio-pci-nvgrace,host=%s,bus=rp,iommufd=iommufd0", bdf);
	struct host_vm vm = { .bdf = bdf, .name = "iommufd", .endings = endings,
			      .append = IOMMUFD_GUEST " nvgrace.flr=1" };

	if (!bind_gpu(bdf, EXPORTER))
		return;
	run_with_disk(&vm, "iommufd,id=iommufd0", device);
	host_vm_clear(&vm);
}

/* QEMU gets what somebody else has opened, as from libvirt, and finds no sysfs. */
static void run_with_fds(const char *bdf)
{
	g_autofree char *path = vfio_client_cdev_path(bdf);
	int fds[] = { open("/dev/iommu", O_RDWR | O_CLOEXEC),
		      path ? open(path, O_RDWR | O_CLOEXEC) : -1, -1 };
	g_autofree char *iommufd = g_strdup_printf("iommufd,id=iommufd0,fd=%d", HOST_VM_FD);
	g_autofree char *device = g_strdup_printf(
		"vfio-pci-nvgrace,id=gpu,fd=%d,bus=rp,iommufd=iommufd0", HOST_VM_FD + 1);
	struct host_vm vm = { .bdf = bdf, .name = "fds", .fds = fds, .no_sysfs = TRUE,
			      .append = IOMMUFD_GUEST };

	report_check("fds", fds[0] >= 0 && fds[1] >= 0, "/dev/iommu and %s",
		     path ?: "no file of the device");
	run_with_disk(&vm, iommufd, device);
	host_vm_clear(&vm);
	for (guint i = 0; i < 2; i++)
		if (fds[i] >= 0)
			close(fds[i]);
}

static gboolean replace_exporter(const char *bdf, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && gpu_unbind(bdf) &&
		      !syscall(SYS_delete_module, EXPORTER, O_NONBLOCK) &&
		      !syscall(SYS_finit_module, fd, "scrub=0", 0);

	report_check("replace-exporter", ok, "%s: %s", path, ok ? "loaded" : g_strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

/* The same kernel, but it makes no dma-bufs: no DMA, which QEMU says once. */
static void run_without_dmabuf(const char *bdf)
{
	g_autofree char *device = g_strdup_printf(
		"vfio-pci-nvgrace,host=%s,bus=rp,iommufd=iommufd0", bdf);
	const char *const args[] = {
		"-object", "iommufd,id=iommufd0", "-device", "pcie-root-port,id=rp,chassis=1",
		"-device", device, NULL
	};
	struct host_vm vm = { .bdf = bdf, .name = "plain", .args = args,
			      .append = "nvgrace.touch_mib=64" };
	guint warned;

	if (!replace_exporter(bdf, "/share/without-dmabuf.ko") || !bind_gpu(bdf, EXPORTER))
		return;
	/* The guest ends with what it finds wrong, so only QEMU itself must end well */
	host_vm_run(&vm);
	report_check("plain.qemu-ends", vm.status == 0 && vm.ends == 1,
		     "QEMU ended with status %d", vm.status);
	warned = count(vm.stderr_text->str, "iommufd cannot map coherent GPU memory for DMA");
	g_strdelimit(vm.stderr_text->str, "\n", ' ');
	report_check("plain.qemu-warns", warned == 1, "%u times: %s", warned,
		     vm.stderr_text->str);
	report_stage("plain");
	host_vm_clear(&vm);
}

/* Still without them, but iommufd maps device memory by address: nothing lacks. */
static void run_by_address(const char *bdf)
{
	g_autofree char *device = g_strdup_printf(
		"vfio-pci-nvgrace,host=%s,bus=rp,iommufd=iommufd0", bdf);
	/* What is lacking for BARs QEMU says itself. */
	struct host_vm vm = { .bdf = bdf, .name = "address", .append = IOMMUFD_GUEST " nvgrace.flr=1",
			      .warning = "BAR 0: dma-buf unavailable" };
	int fd = open("/sys/module/iommufd/parameters/by_address", O_WRONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && write(fd, "1", 1) == 1;

	report_check("by-address", ok, "this iommufd %s map device memory by address",
		     ok ? "can" : "cannot");
	if (fd >= 0)
		close(fd);
	run_with_disk(&vm, "iommufd,id=iommufd0", device);
	host_vm_clear(&vm);
}

/*
 * One GPU in a type1 container, the other with iommufd, in either order: each reads
 * the other's memory.
 */
static void run_mixture(const char *name, const char *first, const char *second)
{
	const char *const args[] = {
		"-smp", "2", "-object", "iommufd,id=iommufd0",
		"-device", "pcie-root-port,id=rp0,chassis=1", "-device", first,
		"-device", "pcie-root-port,id=rp1,chassis=2", "-device", second, NULL
	};
	struct host_vm vm = { .name = name, .args = args,
			      .append = "nvgrace.gpus=2 nvgrace.nodes=4,8 nvgrace.touch_mib=64" };

	run_guest(&vm);
	host_vm_clear(&vm);
}

void scenario_mixture(const char *bdf G_GNUC_UNUSED)
{
	g_auto(GStrv) gpus = gpu_list();
	static const char *const iommufd[] = { "", ",iommufd=iommufd0" };
	static const char *const names[] = { "type1-first", "iommufd-first" };
	gboolean ok = g_strv_length(gpus) == 2;

	report_check("gpus", ok, "%u GPUs, wanted 2", g_strv_length(gpus));
	if (!ok || !bind_gpu(gpus[0], EXPORTER) || !bind_gpu(gpus[1], EXPORTER))
		return;
	for (guint i = 0; i < 2; i++) {
		g_autofree char *first = g_strdup_printf(
			"vfio-pci-nvgrace,host=%s,bus=rp0,pxm-count=4%s", gpus[0], iommufd[i]);
		g_autofree char *second = g_strdup_printf(
			"vfio-pci-nvgrace,host=%s,bus=rp1%s", gpus[1], iommufd[!i]);

		run_mixture(names[i], first, second);
	}
	/* for others, which may want the exporter's module to go */
	report_check("unbind", gpu_unbind(gpus[1]), "%s", gpus[1]);
}

void scenario_guests_iommufd(const char *bdf)
{
	if (!bind_gpu(bdf, EXPORTER))
		return;
	run_with_fds(bdf);
	run_without_dmabuf(bdf);
	run_by_address(bdf);
}

/* -------------------------------------------------------------------------- lives */

/* How many of the region's pages that are looked at, and of one at @also, are not zero. */
static guint pages_left(const struct vfio_client *client, const struct vfio_client_region *region,
			guint64 also)
{
	g_autofree char *zeroes = g_malloc0(PAGE), *page = g_malloc(PAGE);
	guint left = 0;

	for (guint i = 0; i <= PLACES; i++) {
		guint64 pages = region->size / PAGE;
		guint64 offset = i == PLACES ? also : (pages - 1) * i / (PLACES - 1) * PAGE;

		if (vfio_client_read(client, region, offset, page, PAGE) != (ssize_t)PAGE ||
		    memcmp(page, zeroes, PAGE))
			left++;
	}
	return left;
}

/* FALSE if the guest has not said. */
static gboolean fact(const struct host_vm *vm, const char *name, guint64 *value)
{
	const char *text = g_hash_table_lookup(vm->facts, name);

	*value = text ? strtoull(text, NULL, 0) : 0;
	return text != NULL;
}

/* What the guest had in its memory when QEMU was killed is gone. */
static void check_nothing_left(const struct host_vm *vm)
{
	guint64 used, reserved;
	gboolean known = fact(vm, "memory-offset", &used) && fact(vm, "resmem-offset", &reserved);
	struct vfio_client client;
	struct gpu_regions regions;
	guint left = 0;

	report_check("left-where", known, "the guest says where it wrote");
	if (!known || !open_gpu(vm->bdf, &client, &regions))
		return;
	left = pages_left(&client, &regions.usemem, used) +
	       pages_left(&client, &regions.resmem, reserved - regions.usemem.size);
	vfio_client_close(&client);
	report_check("nothing-left", !left,
		     "%u of %u pages are not zero, those at 0x%" G_GINT64_MODIFIER "x and 0x%"
		     G_GINT64_MODIFIER "x among them, which the guest had written", left,
		     2 * (PLACES + 1), used, reserved);
}

void scenario_lives(const char *bdf)
{
	g_autofree char *extra = agent_cmdline("nvgrace.device");
	g_autofree char *gpu = g_strdup_printf("vfio-pci-nvgrace,host=%s,bus=rp%s%s", bdf,
					       extra ? "," : "", extra ?: "");
	/* Of two CPUs one can use the memory while the other waits for a reset to end */
	const char *const args[] = {
		"-smp", "2", "-device", "pcie-root-port,id=rp,chassis=1", "-device", gpu,
		"-drive", "if=none,id=kernel,format=raw,readonly=on,file=/share/Image",
		"-device", "virtio-blk-pci,drive=kernel,serial=" DISK_SERIAL_KERNEL,
		"-drive", "if=none,id=initrd,format=raw,readonly=on,file=/share/guest.cpio",
		"-device", "virtio-blk-pci,drive=initrd,serial=" DISK_SERIAL_INITRD, NULL
	};
	g_autofree char *wanted = agent_cmdline("nvgrace.endings");
	g_auto(GStrv) endings = g_strsplit(wanted ?: "reboot,kexec,crash,reset,kill", ",", -1);
	struct host_vm lives = { .bdf = bdf, .name = "life", .args = args,
				 .endings = (const char *const *)endings,
				 .append = "nvgrace.flr=1 nvgrace.touch_mib=64" };
	struct host_vm next = { .bdf = bdf, .device = extra };

	if (!bind_gpu(bdf, EXPORTER))
		return;
	run_guest(&lives);
	check_nothing_left(&lives);
	host_vm_clear(&lives);
	run_guest(&next);
	host_vm_clear(&next);
}
