/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A new kernel without firmware in between.  Debian's arm64 kernels have no
 * kexec_file_load(2), so this does what kexec-tools would: Image, initramfs and
 * a device tree for kexec_load(2), and a few instructions that give the kernel
 * what the boot protocol wants (Documentation/arch/arm64/booting.rst).
 *
 * In ACPI machines the device tree says only where UEFI's tables are; the
 * running kernel's own is taken over.
 */
#include <errno.h>
#include <fcntl.h>
#include <libfdt.h>
#include <linux/kexec.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "agent.h"
#include "guest.h"

#define FDT "/sys/firmware/fdt"
/* Room for what is added to the device tree */
#define FDT_MORE 8192
/* Kernel and device tree must begin at such multiples, or not cross them */
#define ALIGN_2M (2ul << 20)

#define ALIGN_UP(value, unit) (((value) + (unit) - 1) / (unit) * (unit))

/* The head of an Image, little-endian, as far as it is used */
struct image {
	guint32 code[2];
	guint64 text_offset;
	guint64 image_size;
	guint64 flags;
	guint64 reserved[3];
	guint32 magic;
};
#define IMAGE_MAGIC 0x644d5241

/* x0 = device tree, x1..x3 = 0, go to the kernel */
struct trampoline {
	guint32 code[6];
	guint64 fdt;
	guint64 kernel;
};

static const guint32 trampoline_code[] = {
	0x580000c0,	/* ldr x0, fdt */
	0x580000f1,	/* ldr x17, kernel */
	0xaa1f03e1,	/* mov x1, xzr */
	0xaa1f03e2,	/* mov x2, xzr */
	0xaa1f03e3,	/* mov x3, xzr */
	0xd61f0220,	/* br x17 */
};

/* All of a disk, NULL if it cannot be read; caller frees. */
static char *read_disk(const char *serial, gsize *len)
{
	g_autofree char *path = disk_find(serial);
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	off_t end = fd >= 0 ? lseek(fd, 0, SEEK_END) : -1;
	g_autofree char *data = end > 0 ? g_malloc(end) : NULL;
	gsize done = 0;
	ssize_t ret = 1;

	while (data && done < (gsize)end && ret > 0) {
		ret = pread(fd, data + done, end - done, done);
		done += MAX(ret, 0);
	}
	if (fd >= 0)
		close(fd);
	*len = done;
	return data && done == (gsize)end ? g_steal_pointer(&data) : NULL;
}

/*
 * @len bytes of RAM from a multiple of 2 MiB on that nobody has reserved; 0 if
 * there are none.  /proc/iomem has, indented below RAM, what is in it.
 */
static guint64 find_hole(guint64 len)
{
	g_autoptr(GArray) entries = iomem_read();
	/* of the RAM that is looked at, what may be free yet */
	guint64 start = 0, end = 0;

	for (guint i = 0; i < entries->len; i++) {
		const struct iomem *entry = &g_array_index(entries, struct iomem, i);
		gboolean inside = entry->end < end;
		guint64 until = inside ? entry->start : end;

		if (until > start && until - start >= len)
			return start;
		if (inside) {
			start = MAX(start, ALIGN_UP(entry->end + 1, ALIGN_2M));
		} else {
			start = ALIGN_UP(entry->start, ALIGN_2M);
			end = strcmp(entry->name, "System RAM") ? 0 : entry->end + 1;
		}
	}
	return end > start && end - start >= len ? start : 0;
}

/* The running kernel's device tree with another initramfs; NULL with a reason. */
static char *make_fdt(guint64 initrd, gsize initrd_len, const char **reason)
{
	g_autofree char *old = NULL, *fdt = NULL, *cmdline = NULL;
	gsize old_len;
	int chosen, error;

	if (!g_file_get_contents(FDT, &old, &old_len, NULL) ||
	    !g_file_get_contents("/proc/cmdline", &cmdline, NULL, NULL)) {
		*reason = FDT " is not readable";
		return NULL;
	}
	fdt = g_malloc0(old_len + FDT_MORE);
	error = fdt_open_into(old, fdt, old_len + FDT_MORE);
	chosen = error ?: fdt_path_offset(fdt, "/chosen");
	if (chosen >= 0) {
		error = fdt_setprop_string(fdt, chosen, "bootargs", g_strchomp(cmdline)) ?:
			fdt_setprop_u64(fdt, chosen, "linux,initrd-start", initrd) ?:
			fdt_setprop_u64(fdt, chosen, "linux,initrd-end", initrd + initrd_len);
	} else {
		error = chosen;
	}
	if (error) {
		*reason = fdt_strerror(error);
		return NULL;
	}
	return g_steal_pointer(&fdt);
}

static void add(struct kexec_segment *segment, const void *data, gsize len, guint64 at, gsize size)
{
	*segment = (struct kexec_segment){
		.buf = data, .bufsz = len, .mem = (void *)at,
		.memsz = ALIGN_UP(size, sysconf(_SC_PAGESIZE)),
	};
}

/* Kernel, initramfs, device tree, trampoline, from one multiple of 2 MiB to the next. */
static gboolean load(const char *kernel, gsize kernel_len, const char *initrd, gsize initrd_len,
		     const char **reason)
{
	const struct image *image = (const void *)kernel;
	struct trampoline trampoline;
	struct kexec_segment segments[4];
	g_autofree char *fdt = NULL;
	guint64 at, initrd_at, fdt_at;

	if (kernel_len < sizeof(*image) || image->magic != IMAGE_MAGIC) {
		*reason = "the kernel is no Image";
		return FALSE;
	}
	at = find_hole(ALIGN_UP(image->text_offset + image->image_size, ALIGN_2M) +
		       ALIGN_UP(initrd_len, ALIGN_2M) + 2 * ALIGN_2M);
	if (!at) {
		*reason = "no RAM is free for it";
		return FALSE;
	}
	at += image->text_offset;
	initrd_at = ALIGN_UP(at + image->image_size, ALIGN_2M);
	fdt_at = initrd_at + ALIGN_UP(initrd_len, ALIGN_2M);
	fdt = make_fdt(initrd_at, initrd_len, reason);
	if (!fdt)
		return FALSE;

	memcpy(trampoline.code, trampoline_code, sizeof(trampoline_code));
	trampoline.fdt = fdt_at;
	trampoline.kernel = at;
	add(&segments[0], kernel, kernel_len, at, MAX(kernel_len, image->image_size));
	add(&segments[1], initrd, initrd_len, initrd_at, initrd_len);
	add(&segments[2], fdt, fdt_totalsize(fdt), fdt_at, fdt_totalsize(fdt));
	add(&segments[3], &trampoline, sizeof(trampoline), fdt_at + ALIGN_2M, sizeof(trampoline));
	if (syscall(SYS_kexec_load, fdt_at + ALIGN_2M, G_N_ELEMENTS(segments), segments,
		    KEXEC_ARCH_AARCH64)) {
		*reason = g_strerror(errno);
		return FALSE;
	}
	return TRUE;
}

gboolean kexec_load_disks(const char *kernel_disk, const char *initrd_disk)
{
	gsize kernel_len, initrd_len;
	g_autofree char *kernel = read_disk(kernel_disk, &kernel_len);
	g_autofree char *initrd = read_disk(initrd_disk, &initrd_len);
	const char *reason = "a disk is not readable";
	gboolean ok = kernel && initrd && load(kernel, kernel_len, initrd, initrd_len, &reason);

	report_check("kexec-load", ok, "kernel of %zu bytes, initramfs of %zu: %s", kernel_len,
		     initrd_len, ok ? "loaded" : reason);
	return ok;
}
