/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/vfio.h>
#include <linux/vfio_nvgrace.h>

#include "../tests/stack/host-agent.h"
#include "disk.h"
#include "way.h"

#define GUEST_RAM "2G"

/* Nodes of a GPU on bare metal, and what Debian's kernel has in all (NODES_SHIFT 4) */
#define NODES_OF_GPU 8u
#define NODES 16u

/* GiB: QEMU's window of PCI memory, at a multiple of its size */
#define DEFAULT_WINDOW 512u

static guint count(const char *const *bdfs)
{
	return g_strv_length((char **)bdfs);
}

/* So many that all GPUs have as many and the guest's kernel knows them all. */
static guint nodes_of_gpu(guint gpus)
{
	return MIN(NODES_OF_GPU, (NODES - 1) / gpus);
}

static void add(GPtrArray *args, const char *option, char *value)
{
	g_ptr_array_add(args, g_strdup(option));
	g_ptr_array_add(args, value);
}

static guint no_window(guint gpus G_GNUC_UNUSED, guint gib G_GNUC_UNUSED)
{
	return 0;
}

static void add_nothing(GPtrArray *args G_GNUC_UNUSED, const char *const *bdfs G_GNUC_UNUSED)
{
}

static void add_root_port(GPtrArray *args, guint i)
{
	add(args, "-device", g_strdup_printf("pcie-root-port,id=rp%u,chassis=%u", i, i + 1));
}

static void plain_add_gpus(GPtrArray *args, const char *const *bdfs)
{
	for (guint i = 0; bdfs[i]; i++) {
		add_root_port(args, i);
		add(args, "-device", g_strdup_printf("vfio-pci,host=%s,bus=rp%u", bdfs[i], i));
	}
}

/* ------------------------------------------------------------------------------ ours */

static void ours_add_gpus(GPtrArray *args, const char *const *bdfs)
{
	guint nodes = nodes_of_gpu(count(bdfs));

	for (guint i = 0; bdfs[i]; i++) {
		g_autofree char *fewer = nodes < NODES_OF_GPU ?
			g_strdup_printf(",pxm-count=%u", nodes) : g_strdup("");

		add_root_port(args, i);
		add(args, "-device", g_strdup_printf("vfio-pci-nvgrace,host=%s,bus=rp%u%s",
						     bdfs[i], i, fewer));
	}
}

static gboolean ours_find(const struct vfio_client *client, struct bench_regions *regions)
{
	vfio_client_find(client, VFIO_REGION_TYPE_NVGRACE, VFIO_REGION_SUBTYPE_NVGRACE_RESMEM,
			 &regions->resmem);
	if (!vfio_client_find(client, VFIO_REGION_TYPE_NVGRACE,
			      VFIO_REGION_SUBTYPE_NVGRACE_USEMEM, &regions->usemem))
		return FALSE;
	regions->space = regions->usemem.size + regions->resmem.size;
	return TRUE;
}

/* ------------------------------------------------------------------------------ peer */

/*
 * BARs are aligned to their size, which is a power of two: behind a root port of its
 * own each GPU takes twice that, with the smaller BARs.  The window is one, too.  This
 * is the least that works; documentation tells users to type 4T or 8T at once.
 */
static guint peer_window(guint gpus, guint gib)
{
	guint bar = 1, window = DEFAULT_WINDOW;

	while (bar < gib)
		bar *= 2;
	while (2 * bar * gpus > window)
		window *= 2;
	return window > DEFAULT_WINDOW ? window : 0;
}

/*
 * Nodes are typed, and with them which CPUs and RAM the first one has; then each
 * node is tied to its GPU.
 */
static void peer_add_gpus(GPtrArray *args, const char *const *bdfs)
{
	guint nodes = nodes_of_gpu(count(bdfs)), node = 1;

	add(args, "-object", g_strdup("memory-backend-ram,id=ram0,size=" GUEST_RAM));
	add(args, "-numa", g_strdup("node,nodeid=0,memdev=ram0,cpus=0"));
	for (guint i = 0; bdfs[i]; i++) {
		add_root_port(args, i);
		add(args, "-device", g_strdup_printf(
			"vfio-pci-nohotplug,host=%s,bus=rp%u,rombar=0,id=gpu%u", bdfs[i], i, i));
		for (guint n = 0; n < nodes; n++, node++) {
			add(args, "-numa", g_strdup_printf("node,nodeid=%u", node));
			add(args, "-object", g_strdup_printf(
				"acpi-generic-initiator,id=gi%u,pci-dev=gpu%u,node=%u", node, i,
				node));
		}
	}
}

static gboolean peer_find(const struct vfio_client *client, struct bench_regions *regions)
{
	vfio_client_region(client, VFIO_PCI_BAR2_REGION_INDEX, &regions->resmem);
	regions->space = regions->resmem.size;
	/* what can be mapped is the memory, the rest fills the power of two */
	regions->resmem.size = regions->resmem.mappable;
	if (vfio_client_region(client, VFIO_PCI_BAR4_REGION_INDEX, &regions->usemem))
		return FALSE;
	regions->space += regions->usemem.size;
	regions->usemem.size = regions->usemem.mappable;
	return regions->usemem.size > 0;
}

const struct bench_way bench_ways[BENCH_WAYS] = {
	{ "none", NULL, no_window, add_nothing, NULL },
	{ "plain", "vfio-pci", no_window, plain_add_gpus, NULL },
	{ "ours", EXPORTER, no_window, ours_add_gpus, ours_find },
	{ "peer", "nvgrace_gpu_vfio_pci", peer_window, peer_add_gpus, peer_find },
};

GPtrArray *bench_way_arguments(const struct bench_way *way, const char *const *bdfs, guint gib,
			       const char *append)
{
	GPtrArray *args = g_ptr_array_new_with_free_func(g_free);
	guint window = way->window(count(bdfs), gib);
	g_autofree char *flag = window ? g_strdup_printf(",highmem-mmio-size=%uG", window) :
					 g_strdup("");

	add(args, "-M", g_strdup_printf("virt,gic-version=3%s", flag));
	add(args, "-accel", g_strdup("kvm"));
	add(args, "-cpu", g_strdup("host"));
	add(args, "-m", g_strdup(GUEST_RAM));
	add(args, "-bios", g_strdup("/share/QEMU_EFI.fd"));
	add(args, "-kernel", g_strdup("/share/Image"));
	add(args, "-initrd", g_strdup("/share/guest.cpio"));
	/* earlycon: the kernel's first line must not wait for the console's driver */
	add(args, "-append", g_strdup_printf("earlycon console=ttyAMA0 loglevel=6 %s", append));
	g_ptr_array_add(args, g_strdup("-nodefaults"));
	add(args, "-display", g_strdup("none"));
	add(args, "-serial", g_strdup("stdio"));
	add(args, "-drive", g_strdup("if=none,id=data,format=raw,cache=none,"
				   "file=" BENCH_DISK));
	add(args, "-device", g_strdup("virtio-blk-pci,bus=pcie.0,drive=data"));
	way->add_gpus(args, bdfs);
	g_ptr_array_add(args, NULL);
	return args;
}
