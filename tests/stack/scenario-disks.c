/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Guests with disks of the emulated host that are opened with O_DIRECT, which
 * the host's kernel cannot do to coherent memory.  Each form of disk is tried
 * with buffers there (tests/guest/disk.c), and afterwards is seen from the host.
 * The host has three of its own (stack.c): one for all raw forms, one with a
 * qcow2 image on it, and one that its kernel makes a SCSI device of, as which the
 * guest gets it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include "agent.h"
#include "disk.h"
#include "host-agent.h"
#include "host-vm.h"
#include "pattern.h"

#define RAW "/dev/vda"
#define QCOW2 "/dev/vdb"
#define BEHIND_SCSI "/dev/vdc"
#define SCSI "/dev/sda"
#define QEMU_IMG "/bin/qemu-img"
#define CONTENT "/tmp/content"
#define VHOST_SOCKET "/tmp/vhost"

#define VIRTIO "virtio-blk-pci,bus=pcie.0"

/* Forms of the guest's disks on RAW, one behind the other, in parts of this size */
#define PART (16ul << 20)

static const struct form {
	const char *name;	/* also the serial number */
	const char *aio;
	const char *device;	/* what the guest sees */
	gboolean cached;	/* not O_DIRECT */
} forms[] = {
	{ "threads", "threads", VIRTIO, FALSE },
	{ "native", "native", VIRTIO, FALSE },
	{ "io_uring", "io_uring", VIRTIO, FALSE },
	{ "iothread", "native", VIRTIO ",iothread=io", FALSE },
	{ "scsi", "native", "scsi-hd,bus=scsi.0", FALSE },
	{ "scsi-uring", "io_uring", "scsi-hd,bus=scsi.0", FALSE },
	{ "nvme", "io_uring", "nvme,bus=pcie.0", FALSE },
	{ "nvme-threads", "threads", "nvme,bus=pcie.0", FALSE },
	{ "cached", "threads", VIRTIO, TRUE },
};

/* The two that are not on RAW */
#define QCOW2_NAME "qcow2"
#define SCSI_NAME "sg-io"
#define NAMES "threads,native,io_uring,iothread,scsi,scsi-uring,nvme,nvme-threads,cached," \
	      QCOW2_NAME "," SCSI_NAME
/* One of each way into QEMU */
#define FEW_NAMES "native,scsi,nvme"

static gboolean in_list(const char *names, const char *name)
{
	g_auto(GStrv) list = g_strsplit(names, ",", -1);

	return g_strv_contains((const char *const *)list, name);
}

/* Of @file, from an offset on. */
static gboolean put_content(const char *file, guint64 offset)
{
	g_autofree char *data = g_malloc0(DISK_SIZE);
	int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	gssize written = -1;

	pattern_fill(data, DISK_AREA, DISK_SEED_HOST, 0);
	if (fd >= 0)
		written = pwrite(fd, data, DISK_SIZE, offset);
	if (written != (gssize)DISK_SIZE || fsync(fd)) {
		report_check("content", FALSE, "%s: %zd of %zu bytes at %" G_GUINT64_FORMAT ": %s",
			     file, written, (gsize)DISK_SIZE, offset, g_strerror(errno));
		written = -1;
	}
	if (fd >= 0)
		close(fd);
	return written >= 0;
}

static void check_content(const char *guest, const char *name, const char *file, guint64 offset)
{
	g_autofree char *check = g_strdup_printf("%s.%s.content", guest, name);
	g_autofree char *data = g_malloc0(DISK_SIZE);
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	gsize host, written, mixed, wrong = 0;
	gboolean ok;

	ok = fd >= 0 && pread(fd, data, DISK_SIZE, offset) == (ssize_t)DISK_SIZE;
	if (fd >= 0)
		close(fd);
	host = pattern_match(data, DISK_AREA, DISK_SEED_HOST, 0);
	written = pattern_match(data + DISK_AREA, DISK_AREA, DISK_SEED_GUEST(1), DISK_AREA);
	mixed = pattern_match(data + DISK_MIXED_OFFSET, DISK_MIXED, DISK_SEED_MIXED,
			      DISK_MIXED_OFFSET);
	for (gsize i = 0; i < DISK_ZERO; i++)
		wrong += data[DISK_ZERO_OFFSET + i] != 0;
	report_check(check, ok && host == DISK_AREA && written == DISK_AREA &&
		     mixed == DISK_MIXED && !wrong,
		     "right are %zu bytes of the host's, %zu of the guest's, %zu from both memories; %zu are not zero",
		     host, written, mixed, wrong);
}

static gboolean convert(const char *from_format, const char *from, const char *to_format,
			const char *to)
{
	const char *const args[] = { QEMU_IMG, "convert", "-f", from_format, "-O", to_format, from,
				     to, NULL };
	g_autofree char *said = NULL;
	int status = -1;

	if (g_spawn_sync(NULL, (char **)args, NULL, G_SPAWN_STDOUT_TO_DEV_NULL, NULL, NULL, NULL,
			 &said, &status, NULL) && status == 0)
		return TRUE;
	report_check("qemu-img", FALSE, "%s to %s: status %d, %s", from, to, status,
		     said ? g_strchomp(said) : "");
	return FALSE;
}

static gboolean prepare(void)
{
	gboolean ok = put_content(SCSI, 0) && put_content(CONTENT, 0) &&
		      convert("raw", CONTENT, "qcow2", QCOW2);

	for (gsize i = 0; ok && i < G_N_ELEMENTS(forms); i++)
		ok = put_content(RAW, i * PART);
	report_check("disks-prepared", ok, "the host's disks have their content");
	return ok;
}

static void check_contents(const char *guest, const char *names)
{
	for (gsize i = 0; i < G_N_ELEMENTS(forms); i++)
		if (in_list(names, forms[i].name))
			check_content(guest, forms[i].name, RAW, i * PART);
	unlink(CONTENT);
	if (in_list(names, QCOW2_NAME) && convert("qcow2", QCOW2, "raw", CONTENT))
		check_content(guest, QCOW2_NAME, CONTENT, 0);
	if (in_list(names, SCSI_NAME))
		check_content(guest, SCSI_NAME, SCSI, 0);
}

static void add(GPtrArray *args, const char *option, char *value)
{
	g_ptr_array_add(args, g_strdup(option));
	g_ptr_array_add(args, value);
}

static void add_qcow2(GPtrArray *args)
{
	add(args, "-blockdev",
	    g_strdup("driver=qcow2,node-name=qcow2,discard=unmap,file.driver=host_device,"
		     "file.filename=" QCOW2 ",file.aio=native,file.cache.direct=on,"
		     "file.discard=unmap"));
	add(args, "-device", g_strdup(VIRTIO ",drive=qcow2,serial=" QCOW2_NAME));
}

static void add_scsi(GPtrArray *args)
{
	add(args, "-blockdev", g_strdup("driver=host_device,node-name=sg,filename=" SCSI
					",cache.direct=on"));
	add(args, "-device", g_strdup("scsi-block,bus=scsi.0,drive=sg"));
}

/* Disks, and the GPU, which @device says how to open; caller frees. */
static GPtrArray *arguments(const char *device, const char *names)
{
	GPtrArray *args = g_ptr_array_new_with_free_func(g_free);

	add(args, "-smp", g_strdup("2"));
	add(args, "-object", g_strdup("iothread,id=io"));
	add(args, "-device", g_strdup("virtio-scsi-pci,bus=pcie.0,id=scsi"));
	for (gsize i = 0; i < G_N_ELEMENTS(forms); i++) {
		const struct form *form = &forms[i];

		if (!in_list(names, form->name))
			continue;
		/* two of one file, which are in nobody's way, but QEMU cannot know that */
		add(args, "-blockdev",
		    g_strdup_printf("driver=raw,node-name=%s,offset=%lu,size=%lu,discard=unmap,"
				    "file.driver=host_device,file.filename=" RAW ",file.aio=%s,"
				    "file.cache.direct=%s,file.discard=unmap,file.locking=off",
				    form->name, i * PART, DISK_SIZE, form->aio,
				    form->cached ? "off" : "on"));
		add(args, "-device", g_strdup_printf("%s,drive=%s,serial=%s", form->device,
						     form->name, form->name));
	}
	if (in_list(names, QCOW2_NAME))
		add_qcow2(args);
	if (in_list(names, SCSI_NAME))
		add_scsi(args);
	if (strstr(device, "iommufd"))
		add(args, "-object", g_strdup("iommufd,id=iommufd0"));
	add(args, "-device", g_strdup("pcie-root-port,id=rp,chassis=1"));
	add(args, "-device", g_strdup(device));
	g_ptr_array_add(args, NULL);
	return args;
}

static void run(const char *bdf, const char *name, const char *properties, const char *append,
		const char *names)
{
	g_autofree char *device = g_strdup_printf("vfio-pci-nvgrace,host=%s,bus=rp%s", bdf,
						  properties);
	g_autofree char *more = g_strdup_printf("nvgrace.touch_mib=64 nvgrace.disks=%s %s", names,
						append);
	g_autoptr(GPtrArray) args = arguments(device, names);
	struct host_vm vm = { .bdf = bdf, .name = name, .append = more,
			      .args = (const char *const *)args->pdata };

	if (!prepare())
		return;
	run_guest(&vm);
	check_contents(name, names);
	host_vm_clear(&vm);
}

/* A text into a file of sysfs or configfs. */
static gboolean put_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	gboolean ok = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

	if (fd >= 0)
		close(fd);
	return ok;
}

/* A backend in a process of its own, as QEMU's: the guest's RAM, and nothing else. */
static void run_vhost_user(const char *bdf)
{
	g_autofree char *gpu = g_strdup_printf("vfio-pci-nvgrace,host=%s,bus=rp", bdf);
	const char *const daemon[] = {
		"/bin/qemu-storage-daemon", "--blockdev",
		"driver=file,node-name=vhost,filename=" CONTENT, "--export",
		"vhost-user-blk,id=vhost,node-name=vhost,writable=on,addr.type=unix,"
		"addr.path=" VHOST_SOCKET, NULL
	};
	const char *const args[] = {
		"-object", "memory-backend-memfd,id=ram,size=2G,share=on",
		"-numa", "node,memdev=ram", "-chardev", "socket,id=vhost,path=" VHOST_SOCKET,
		"-device", "vhost-user-blk-pci,bus=pcie.0,id=vhost-disk,chardev=vhost",
		"-device", "pcie-root-port,id=rp,chassis=1", "-device", gpu, NULL
	};
	struct host_vm vm = {
		.bdf = bdf, .name = "vhost", .args = args,
		.append = "nvgrace.touch_mib=64 nvgrace.virtio_blk=1",
		.warning = "vhost-disk: vhost cannot reach the coherent memory",
	};
	GPid pid = 0;
	/* In pages of 4 KiB the guest's RAM takes minutes here. */
	gboolean ok = put_text("/sys/kernel/mm/transparent_hugepage/shmem_enabled", "always\n") &&
		      put_content(CONTENT, 0) &&
		      g_spawn_async(NULL, (char **)daemon, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL,
				    NULL, &pid, NULL) &&
		      agent_wait_path(VHOST_SOCKET, 20000);

	report_check("vhost-user", ok, "a daemon waits at " VHOST_SOCKET);
	if (ok) {
		run_guest(&vm);
		host_vm_clear(&vm);
	}
	if (pid) {
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);
	}
}

#define TARGET "/sys/kernel/config/target"
#define DEVICE TARGET "/core/iblock_0/disk"
#define PORT TARGET "/loopback/naa.6001405000000001"
#define GROUP PORT "/tpgt_1"

/* Linux as a SCSI target, with itself as the initiator: SG_IO is that of any disk. */
static gboolean make_scsi_disk(void)
{
	static const char *const modules[] = {
		"target_core_mod", "target_core_iblock", "tcm_loop", "sd_mod", NULL
	};
	gboolean ok = agent_load_modules(modules) &&
		      (!mount("none", "/sys/kernel/config", "configfs", 0, NULL) ||
		       errno == EBUSY) &&
		      !g_mkdir_with_parents(DEVICE, 0755) &&
		      put_text(DEVICE "/control", "udev_path=" BEHIND_SCSI "\n") &&
		      put_text(DEVICE "/enable", "1\n") &&
		      put_text(DEVICE "/wwn/vpd_unit_serial", SCSI_NAME "\n") &&
		      !g_mkdir_with_parents(GROUP, 0755) &&
		      put_text(GROUP "/nexus", "naa.6001405000000002\n") &&
		      !g_mkdir_with_parents(GROUP "/lun/lun_0", 0755) &&
		      !symlink(DEVICE, GROUP "/lun/lun_0/disk");
	int error = errno;

	ok = ok && agent_wait_path(SCSI, 10000);
	report_check("scsi-disk", ok, "%s of " BEHIND_SCSI ": %s", SCSI,
		     ok ? "made" : g_strerror(error));
	return ok;
}

static gboolean find_disks(void)
{
	static const char *const modules[] = { "virtio_blk", NULL };

	return agent_load_modules(modules) && agent_wait_path(RAW, 5000) &&
	       agent_wait_path(QCOW2, 5000) && agent_wait_path(BEHIND_SCSI, 5000) &&
	       make_scsi_disk();
}

/* With a type1 container: as on bare metal, and in BARs. */
void scenario_disks(const char *bdf)
{
	if (!find_disks() || !bind_gpu(bdf, EXPORTER))
		return;
	run(bdf, "acpi", "", "", NAMES);
	run(bdf, "bars", ",guest-view=bar", "nvgrace.view=bar", FEW_NAMES);
	run_vhost_user(bdf);
}

/* With iommufd. */
void scenario_disks_iommufd(const char *bdf)
{
	if (!find_disks() || !bind_gpu(bdf, EXPORTER))
		return;
	run(bdf, "iommufd", ",iommufd=iommufd0", "", FEW_NAMES "," SCSI_NAME);
}
