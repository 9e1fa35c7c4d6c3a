/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The whole way of a byte on real Linux: emulated Grace host, exporter, KVM,
 * guest.  The host boots once for a scenario; every check that it must report is
 * a test of its own (verdict.c).
 *
 * stack-test SCENARIO, one of those at the end of this file.  With cdev- before
 * the name of one that is about the exporter alone, our client opens the devices
 * by their own files, with iommufd, on a host that has it; otherwise by group.
 */
#include <stdio.h>
#include <string.h>

#include "verdict.h"

#define CDEV "cdev-"

/* Under emulation, 96 GiB take half a minute, and a GPU that is not ready cannot be scrubbed. */
#define NO_SCRUB "nvgrace_region_vfio_pci.scrub=0"

static const char *const host_checks[] = {
	"scenario", "kvm", "modules", "gpu", "gpu-acpi", "gpu-iommu", "bind", "host-kernel-log",
	NULL
};

/*
 * What a guest reports, in the order in which a byte makes its way; tests/guest/
 * says what each checks.  The names of all of them begin with the guest's.
 */
static const char *const guest_checks[] = {
	"page-size", "table-DSDT", "table-SRAT", "table-SLIT", "gpu", "initiator-nodes",
	"initiator-nodes-empty", "online-policy", "socket-distance", "kernel-log", "end",
	"qemu-quiet",
	NULL
};

/* ... of each GPU; the names of those of the second one begin with "gpu1.", too */
static const char *const gpu_checks[] = {
	"gpu-acpi-path", "gpu-bars", "gpu-numa-node", "driver", "mig-defect", "usemem-size",
	"online-size", "place", "iomem-range", "iomem-alone", "gpu-nodes", "gpu-nodes-online",
	"gpu-nodes-memory", "node-total", "zone", "distance", "allocate", "fill-verify",
	"pages-node", "policy-node", "pages-physical", "normal-memory", "engine-to-cpu",
	"cpu-to-engine", "pages-stay", "round-trip", "within-memory", "dma-memory", "bounds",
	"interrupts",
	NULL
};

static const char *const resmem_checks[] = {
	"resmem-map", "resmem-type", "resmem-cpu", "resmem-cpu-to-engine", "resmem-engine-to-cpu",
	"resmem",
	NULL
};

static const char *const disk_checks[] = { "disk-read", "disk-write", "disk-buffer", NULL };
static const char *const disk_content_checks[] = { "disk-content", NULL };

/* Of each of several disks: in the guest, and what the host finds on it afterwards. */
#define FORM_CHECKS(form) \
	form ".disk-read", form ".disk-write", form ".disk-odd", form ".disk-zero", \
	form ".disk-mixed", form ".disk-buffer", form ".content"
static const char *const form_checks[] = {
	FORM_CHECKS("threads"), FORM_CHECKS("native"), FORM_CHECKS("io_uring"),
	FORM_CHECKS("iothread"), FORM_CHECKS("scsi"), FORM_CHECKS("scsi-uring"),
	FORM_CHECKS("nvme"), FORM_CHECKS("nvme-threads"), FORM_CHECKS("cached"),
	FORM_CHECKS("qcow2"), FORM_CHECKS("sg-io"),
	NULL
};
static const char *const few_form_checks[] = {
	FORM_CHECKS("native"), FORM_CHECKS("scsi"), FORM_CHECKS("nvme"), NULL
};
static const char *const sg_io_checks[] = { FORM_CHECKS("sg-io"), NULL };
static const char *const prepared_checks[] = { "scsi-disk", "disks-prepared", NULL };
static const char *const vhost_checks[] = { "vhost-user", NULL };

static const char *const other_checks[] = { "dma-other", NULL };
static const char *const offline_checks[] = { "offline", NULL };
static const char *const flr_checks[] = { "flr", "flr-memory", "flr-engine", "flr-dma", NULL };
static const char *const kexec_checks[] = { "kexec-load", NULL };
static const char *const busy_checks[] = { "engine-busy", NULL };
static const char *const lives_checks[] = { "left-where", "nothing-left", NULL };

static const char *const one_more_gpu[] = { "model=gb200", NULL };

static const char *const refusals[] = {
	"refuse-wrong-driver", "refuse-no-mmap", "refuse-memlock",
	"memlock-as-told",
	"machine-virt-1x279-4", "machine-virt-2x186-900", "machine-virt-4x186-400",
	"machine-virt-8x279-900", "machine-virt-9.2-4x279-400",
	NULL
};

/* Each of these for each region. */
#define REGION_CHECKS(region) \
	region "-size", region "-flags", region "-offset", \
	region "-info-argsz", region "-info-caps", region "-mmap-past-end", \
	region "-mmap-across-end", region "-mmap-page-longer", region "-mmap-empty", \
	region "-mmap-unaligned", region "-mmap-last-of-span", region "-mmap-across-span", \
	region "-mmap-size-across-span", region "-mmap-top-of-file", \
	region "-mmap-wraps-file", region "-mmap-private-read", \
	region "-mmap-private-write", region "-mmap-private-huge", region "-mmap-whole", \
	region "-mmap-ends", region "-mmap-part", region "-mmap-read-only", \
	region "-mmap-twice", region "-munmap-part", region "-mprotect-part", \
	region "-mremap-grow-last", region "-mremap-grow", region "-mremap-move", \
	region "-mremap-shrink", region "-remap-past-end", region "-fork", \
	region "-rw-widths", region "-rw-large-write", region "-rw-large-read", region "-rw-cut", \
	region "-rw-clip", region "-rw-at-end", region "-rw-past-end", region "-rw-no-region", \
	region "-rw-empty", region "-rw-huge-count", region "-rw-count-overflow", \
	region "-rw-fault-write", region "-rw-fault-read", region "-rw-fault-all", \
	region "-rw-fault-word", region "-rw-own-fresh", \
	region "-rw-position-write", region "-rw-position-read", region "-rw-own-mapping", \
	region "-close-keeps-mapping", region "-close-busy"

static const char *const open_checks[] = { "open", NULL };

static const char *const usemem_checks[] = {
	"open", "region-count", REGION_CHECKS("usemem"), NULL
};

static const char *const both_regions_checks[] = {
	REGION_CHECKS("resmem"), "border-mmap", "border-read", "border-write", "border-before",
	NULL
};

static const char *const parallel_checks[] = {
	"parallel-same", "parallel-apart", "parallel-write", "parallel-resmem", NULL
};

static const char *const slow_gpus[] = {
	"model=gh200,reset-delay-ms=1000",
	"model=gh200,x-cxl-dvsec=on,x-ready-after-reset=off",
	"model=gh200,x-cxl-dvsec=on",
	NULL
};

static const char *const reset_checks[] = {
	"gpus", "open", "map", "reset-vfio", "reset-flr", "reset-sysfs", "reset-d3hot",
	"low-power-mmap", "low-power-read", "low-power-again", "low-power-exit", "d3hot-mmap",
	"d3hot-rw", "d3hot-own", "d3hot-d0", "d0-again", "decoding-off-mmap", "decoding-off-rw",
	"decoding-off-reset",
	"storm-ends", "storm-resets", "storm-progress", "storm-mmap", "storm-rw",
	"storm-d3hot-ends", "storm-d3hot-resets", "storm-d3hot-progress", "storm-d3hot-mmap",
	"storm-d3hot-rw", "slow-mmap",
	"slow-read", "slow-kill", "slow-futex", "slow-asked", "never-mmap", "never-again",
	"cxl-off", "cxl-on",
	NULL
};

static const char *const d3cold_checks[] = {
	"d3cold-idle", "open", "d3cold-map", "d3cold-entry", "d3cold-mmap", "d3cold-read",
	"d3cold-again", "d3cold-write", "d3cold-exit", "d3cold-exit-works", "d3cold-exit-read",
	"d3cold-wakeup", "d3cold-storm", "d3cold-storm-mmap", "d3cold-storm-rw",
	"d3cold-offs", "d3cold-in-reach", "d3cold-quiet", "d3cold-scrub-open",
	"d3cold-scrub-close", "d3cold-scrub-in-reach",
	NULL
};

static const char *const sleep_checks[] = {
	"open", "sleep-mmap", "sleep-scrub", "sleep-in-reach", NULL
};

static const char *const lifetime_checks[] = {
	"two-openers", "open-close", "kill", "rmmod-in-use", "unbind-asks",
	"unbind-waits", "unbind-ends", "rmmod", "rmmod-insmod", "bind-unbind",
	NULL
};

static const char *const two_ways_checks[] = { "two-ways", NULL };

static const char *const leaves_checks[] = {
	"open", "leaves-usemem-faults", "leaves-usemem-tables", "leaves-usemem-unmap",
	"leaves-resmem-faults", "leaves-resmem-tables", "leaves-resmem-unmap",
	NULL
};

static const char *const random_checks[] = {
	"random-start", "random-operations", "random-kinds", "random-content",
	NULL
};

/* In the order of scenario-firmware.c.  A kernel of 16 nodes has room for no more. */
static const char *const firmware_gpus[] = {
	"x-c2c-up=off",
	"x-dsd=size-only",
	"x-dsd-base=0x8000000123",
	"x-dsd-base=0xfffffffff0000000",
	"x-dsd-base=0x50000000",
	"x-dsd-size=0",
	"x-dsd-size=0x80000123",
	"x-dsd-size=0x40000000",
	"x-dsd-size=0x20000000000",
	"x-dsd=off,x-cxl-dvsec=on,x-cxl-info-valid=off",
	"x-cxl-dvsec=on,x-never-ready=on",
	"x-never-ready=on",
	"reset-delay-ms=2000",
	"x-dsd=off",
	NULL
};

#define REFUSED(gpu) "refuse-" gpu, "plain-" gpu
static const char *const firmware_checks[] = {
	"gpus", "open", "cxl", REFUSED("c2c-down"), REFUSED("base-missing"),
	REFUSED("base-unaligned"), REFUSED("base-overflow"), REFUSED("base-in-use"),
	REFUSED("size-zero"), REFUSED("size-unaligned"), REFUSED("size-small"),
	REFUSED("size-large"), REFUSED("cxl-no-info"), REFUSED("cxl-never-ready"),
	"never-ready-kill", "slow-bind", "slow-open", "fallback-log", "fallback",
	NULL
};

static const char *const scrub_checks[] = {
	"scrub-write", "scrub-zero", "scrub-log-first", "scrub-log", "scrub-threads",
	"scrub-killable", "scrub-under-reset", "scrub-under-reset-zero", "scrub-unbind",
	"scrub-unbind-kill", "scrub-rebind-zero", "scrub-unbind-idle",
	"scrub-off", "scrub-on", "scrub-on-zero",
	NULL
};

static const char *const poison_checks[] = {
	"poison-unknown", "poison-owner", "poison-own", "poison-other", "poison-apart",
	"poison-rest", "poison-touch", "poison-read", "poison-read-part", "poison-write", "open",
	"poison-scrub", "poison-next", "poison-scrub-rebind", "poison-next-rebind",
	NULL
};

static const char *const gone_gpu[] = { "model=gb200,x-dvsec-ones=on", NULL };

/* In a guest that is told, and with one that cannot be */
static const char *const guest_poison_checks[] = {
	"poison-found", "poison-signal", "poison-rest", "poison-corrupted", NULL
};
static const char *const poison_host_checks[] = { "poison-host", NULL };
static const char *const poison_ends_checks[] = {
	"poison-warns", "poison-last-words", "poison-ends", "poison-host", NULL
};

static const char *const recovery_checks[] = {
	"gpus", "open", "recovery-inject", "recovery-over", "recovery", "gone",
	NULL
};

static const char *const capability_checks[] = {
	"open", "capability-usemem", "capability-resmem",
	NULL
};

static const char *const dmabuf_checks[] = {
	"dmabuf-bar0", "dmabuf-bar0-end", "dmabuf-usemem", "dmabuf-usemem-part",
	"dmabuf-usemem-last", "dmabuf-usemem-end", "dmabuf-resmem", "dmabuf-resmem-end",
	"dmabuf-no-region", "dmabuf-top-of-file", "dmabuf-unaligned", "dmabuf-by-index",
	"dmabuf-no-bar", "dmabuf-pieces", "dmabuf-pieces-differ", "dmabuf-pieces-before",
	"dmabuf-d3hot", "dmabuf-low-power", "dmabuf-awake",
	NULL
};

/* Debian's kernels have none: when they do, what to expect is below. */
static const char *const no_iommufd_checks[] = { "iommufd-none", NULL };

static const char *const iommufd_checks[] = {
	"iommufd-open", "iommufd-regions", "iommufd-engine", "iommufd-mapping",
	"iommufd-dma-none", "iommufd-dmabuf", "iommufd-dma", "iommufd-revoked",
	"iommufd-reset",
	NULL
};

/* As many as there are; each fails on its own */
static const char *const selftests_checks[] = {
	"huge-pages", "vfio_iommufd_setup_test", "vfio_pci_device_test", "vfio_dma_mapping_test",
	"vfio_dma_mapping_mmio_test", "vfio_pci_device_init_perf_test", "selftests",
	NULL
};

static const char *const fds_checks[] = { "fds", NULL };
static const char *const by_address_checks[] = { "by-address", NULL };

/* Of a guest on iommufd without dma-bufs: what still works, and that QEMU warns. */
static const char *const without_dmabuf_checks[] = {
	"replace-exporter", "plain.fill-verify", "plain.normal-memory", "plain.engine-to-cpu",
	"plain.cpu-to-engine", "plain.within-memory", "plain.interrupts", "plain.qemu-ends",
	"plain.qemu-warns",
	NULL
};

static const char *const small_pages_checks[] = {
	"small-pages-always", "small-pages-madvise", "small-pages-never", "small-pages-prctl", NULL
};

static const char *const old_host_checks[] = {
	"leaves-usemem-faults", "leaves-usemem-tables", "leaves-usemem-unmap",
	"leaves-resmem-faults", "leaves-resmem-tables", "leaves-resmem-unmap",
	"random-start", "random-operations", "random-kinds", "random-content",
	"dmabuf-none", "poison-untold", "old-kvm-warns", "old-kvm-ends", "guest.fill-verify", "guest.pages-physical",
	NULL
};

/* In the guest, for each of the drivers of VFIO there; tests/guest/nested-agent.c. */
#define NESTED_CHECKS(way) \
	"guest." way "-bind", "guest." way "-open", "guest." way "-regions", \
	"guest." way "-usemem", "guest." way "-map-dma", "guest." way "-content", \
	"guest." way "-pread", "guest." way "-write", "guest." way "-engine", \
	"guest." way "-engine-peer", "guest." way "-engine-reset", \
	"guest." way "-engine-unmapped", "guest." way "-user"
static const char *const nested_checks[] = {
	"open", "nested-prepare", "guest.modules", "guest.gpu", "guest.gpu-iommu",
	NESTED_CHECKS("upstream"), NESTED_CHECKS("ours"), "guest.ours-claims",
	"guest.kernel-log", "guest", "qemu-quiet", "nested-result",
	NULL
};
static const char *const nested_resmem_checks[] = {
	"guest.upstream-resmem", "guest.ours-resmem", NULL
};

static const char *const blocks_checks[] = { "stage2-blocks", NULL };
static const char *const view_checks[] = { "hopper-warning", NULL };

static const struct scenario scenarios[] = {
	{
		.options = { .name = "gh200", .scenario = "guest", .model = "gh200",
			     .memory = "5G" },
		.expected = { host_checks, blocks_checks, view_checks },
		.guests = {
			{ "guest.", guest_checks }, { "guest.", gpu_checks },
			{ "guest.", resmem_checks },
		},
	}, {
		.options = { .name = "lives", .scenario = "lives", .model = "gh200",
			     .memory = "5G" },
		.expected = { host_checks, lives_checks },
		.guests = {
			{ "life.", guest_checks }, { "life.", gpu_checks },
			{ "life.", resmem_checks }, { "life.", flr_checks },
			/* after a reboot */
			{ "life-2.", gpu_checks }, { "life-2.", kexec_checks },
			/* after kexec */
			{ "life-3.", gpu_checks }, { "life-3.", resmem_checks },
			{ "life-3.", busy_checks },
			/* after a crash */
			{ "life-4.", gpu_checks }, { "life-4.", resmem_checks },
			/* after a reset by QMP */
			{ "life-5.", gpu_checks }, { "life-5.", resmem_checks },
			{ "life-5.", busy_checks },
			/* the next user */
			{ "guest.", guest_checks }, { "guest.", gpu_checks },
			{ "guest.", resmem_checks },
		},
	}, {
		.options = { .name = "gb200", .scenario = "guest", .model = "gb200",
			     .memory = "4G" },
		.expected = { host_checks, blocks_checks, view_checks },
		.guests = { { "guest.", guest_checks }, { "guest.", gpu_checks } },
	}, {
		/* BARs of 2 GiB for 1536 MiB, and for 1154 MiB */
		.options = { .name = "bar", .scenario = "guest", .model = "gh200",
			     .memory = "2690M", .device = "guest-view=bar", .touch_mib = 64,
			     .append = NO_SCRUB " nvgrace.view=bar" },
		.expected = { host_checks, view_checks },
		.guests = {
			{ "guest.", guest_checks }, { "guest.", gpu_checks },
			{ "guest.", resmem_checks },
		},
	}, {
		.options = { .name = "guests", .scenario = "guests", .model = "gh200",
			     .memory = "4G", .more_gpus = one_more_gpu },
		.expected = { host_checks },
		.guests = {
			{ "pair.", guest_checks }, { "pair.", gpu_checks },
			{ "pair.", resmem_checks }, { "pair.gpu1.", gpu_checks },
			{ "pair.", disk_checks }, { "pair.gpu1.", disk_checks },
			{ "pair.", disk_content_checks }, { "pair.", offline_checks },
			{ "16k.", guest_checks }, { "16k.", gpu_checks },
			{ "16k.", resmem_checks },
			{ "bars.", guest_checks }, { "bars.", gpu_checks },
			{ "bars.gpu1.", gpu_checks }, { "bars.gpu1.", resmem_checks },
			{ "bars.", offline_checks },
			{ "mixed.", guest_checks }, { "mixed.", gpu_checks },
			{ "mixed.", resmem_checks }, { "mixed.gpu1.", gpu_checks },
		},
	}, {
		/* the command lines that others write */
		.options = { .name = "dropin", .scenario = "dropin", .model = "gh200",
			     .memory = "4G", .more_gpus = one_more_gpu, .append = NO_SCRUB },
		.expected = { host_checks },
		.guests = {
			{ "libvirt.", guest_checks }, { "libvirt.", gpu_checks },
			{ "kata.", guest_checks }, { "kata.", gpu_checks },
			{ "kata.", resmem_checks }, { "kata.gpu1.", gpu_checks },
		},
	}, {
		.options = { .name = "dropin-iommufd", .scenario = "dropin-fd", .model = "gh200",
			     .memory = "4G", .append = NO_SCRUB },
		.expected = { host_checks },
		.guests = {
			{ "libvirt.", guest_checks }, { "libvirt.", gpu_checks },
			{ "libvirt.", resmem_checks },
		},
	}, {
		.options = { .name = "errors", .scenario = "errors+machines", .model = "gh200",
			     .memory = "5G", .append = NO_SCRUB },
		.expected = { host_checks, refusals },
	}, {
		/* small, since each page of 4 KiB is a fault */
		.options = { .name = "small-pages", .scenario = "small-pages", .model = "gb200",
			     .memory = "64M", .append = NO_SCRUB },
		.expected = { host_checks, small_pages_checks },
	}, {
		/* resmem of 1 GiB, 130 MiB and a page: its end has no alignment to speak of */
		.options = { .name = "regions", .scenario = "regions+parallel",
			     .model = "gh200", .memory = "5376004K", .append = NO_SCRUB },
		.expected = { host_checks, usemem_checks, both_regions_checks, parallel_checks },
	}, {
		/* the host has 4 GiB, and does not use nearly as much; resmem is written, 1 GiB */
		.options = { .name = "scrub", .scenario = "scrub", .model = "gh200",
			     .memory = "3G" },
		.expected = { host_checks, scrub_checks },
		.peak_mib = 2560,
	}, {
		.options = { .name = "capability", .scenario = "capability+dmabuf+iommufd",
			     .model = "gh200", .memory = "5376004K" },
		.expected = { host_checks, capability_checks, dmabuf_checks },
		.by_group = no_iommufd_checks,
		.by_cdev = iommufd_checks,
	}, {
		.options = { .name = "reset", .scenario = "reset", .model = "gh200",
			     .memory = "2G", .gpu = "x-d3hot-memory=off", .more_gpus = slow_gpus,
			     .append = NO_SCRUB },
		.expected = { host_checks, reset_checks },
		/* resets for a minute: by cdev, which is a long test */
		.cdev_append = "nvgrace.seconds=60",
	}, {
		/* what is waited for is the power, not the reset of an open */
		.options = { .name = "d3cold", .scenario = "d3cold", .model = "gh200",
			     .memory = "1536M", .append = NO_SCRUB,
			     .gpu = "x-power-resource=on,ready-delay-ms=500,reset-delay-ms=0" },
		.expected = { host_checks, d3cold_checks },
	}, {
		/* what is scrubbed is written, nearly 2 GiB of it */
		.options = { .name = "sleep", .scenario = "sleep", .model = "gh200",
			     .memory = "2G", .gpu = "x-d3hot-memory=off",
			     .append = "suspend.pm_test_delay=1" },
		.expected = { host_checks, sleep_checks },
	}, {
		.options = { .name = "lifetime", .scenario = "lifetime", .model = "gb200",
			     .memory = "64M", .gpu = "reset-delay-ms=10" },
		.expected = { host_checks, open_checks, lifetime_checks },
		.by_cdev = two_ways_checks,
	}, {
		.options = { .name = "leaves", .scenario = "leaves", .model = "gh200",
			     .memory = "96G", .append = NO_SCRUB },
		.expected = { host_checks, leaves_checks },
	}, {
		.options = { .name = "random", .scenario = "random", .model = "gb200",
			     .memory = "64M", .gpu = "reset-delay-ms=10" },
		.expected = { host_checks, open_checks, random_checks },
		.cdev_append = "nvgrace.operations=20000",
	}, {
		/*
		 * trixie's kernel: what differs there is mapping, faults, resets, and
		 * KVM, so that unaligned accesses and atomics of the guest fault.
		 */
		.options = { .name = "old-host",
			     .scenario = "regions+leaves+random+dmabuf+old-kvm",
			     .model = "gh200", .memory = "1705988K",
			     .gpu = "reset-delay-ms=10",
			     .append = NO_SCRUB " nvgrace.operations=20000" },
		.expected = { host_checks, usemem_checks, both_regions_checks,
			      old_host_checks },
		.fails = "guest.normal-memory",
		.fails_with = "signal 7",
	}, {
		/* on a kernel that has it: see docs/upstream/ */
		.options = { .name = "iommufd", .scenario = "iommufd+guest-iommufd",
			     .model = "gh200", .memory = "4G", .append = NO_SCRUB },
		.expected = { host_checks, iommufd_checks },
		.guests = {
			{ "iommufd.", guest_checks }, { "iommufd.", gpu_checks },
			{ "iommufd.", resmem_checks }, { "iommufd.", flr_checks },
			{ "iommufd.", disk_checks }, { "iommufd.", disk_content_checks },
			/* after a reset by QMP */
			{ "iommufd-2.", gpu_checks }, { "iommufd-2.", resmem_checks },
			{ "iommufd-2.", flr_checks }, { "iommufd-2.", disk_checks },
		},
	}, {
		/* 64 MiB of memory: nothing of it is what they test */
		.options = { .name = "selftests", .scenario = "selftests", .model = "gb200",
			     .memory = "64M",
			     .append = NO_SCRUB " hugepagesz=1G hugepages=1" },
		.expected = { host_checks, selftests_checks },
	}, {
		.options = { .name = "disks", .scenario = "disks", .model = "gh200",
			     .memory = "2690M", .disks = TRUE, .append = NO_SCRUB },
		.expected = { host_checks, prepared_checks, vhost_checks },
		.guests = {
			{ "acpi.", guest_checks }, { "acpi.", gpu_checks },
			{ "acpi.", form_checks },
			{ "bars.", guest_checks }, { "bars.", gpu_checks },
			{ "bars.", few_form_checks },
			{ "vhost.", guest_checks }, { "vhost.", gpu_checks },
		},
	}, {
		.options = { .name = "disks-iommufd", .scenario = "disks-iommufd",
			     .model = "gh200", .memory = "2690M", .disks = TRUE,
			     .append = NO_SCRUB },
		.expected = { host_checks, prepared_checks },
		.guests = {
			{ "iommufd.", guest_checks }, { "iommufd.", gpu_checks },
			{ "iommufd.", few_form_checks }, { "iommufd.", sg_io_checks },
		},
	}, {
		.options = { .name = "mixture", .scenario = "mixture", .model = "gh200",
			     .memory = "4G", .more_gpus = one_more_gpu, .append = NO_SCRUB },
		.expected = { host_checks },
		.guests = {
			{ "type1-first.", guest_checks }, { "type1-first.", gpu_checks },
			{ "type1-first.", other_checks }, { "type1-first.gpu1.", gpu_checks },
			{ "type1-first.gpu1.", other_checks },
			{ "iommufd-first.", guest_checks }, { "iommufd-first.", gpu_checks },
			{ "iommufd-first.", other_checks }, { "iommufd-first.gpu1.", gpu_checks },
			{ "iommufd-first.gpu1.", other_checks },
		},
	}, {
		.options = { .name = "iommufd-guests", .scenario = "guests-iommufd",
			     .model = "gh200", .memory = "4G", .append = NO_SCRUB },
		.expected = { host_checks, fds_checks, without_dmabuf_checks, by_address_checks },
		.guests = {
			{ "fds.", guest_checks }, { "fds.", gpu_checks },
			{ "fds.", resmem_checks }, { "fds.", disk_checks },
			{ "fds.", disk_content_checks },
			{ "address.", guest_checks }, { "address.", gpu_checks },
			{ "address.", resmem_checks }, { "address.", flr_checks },
			{ "address.", disk_checks }, { "address.", disk_content_checks },
		},
		.fails = "plain.dma-memory",
		.fails_with = "status 0x206",
	}, {
		.options = { .name = "firmware", .scenario = "firmware", .model = "gb200",
			     .memory = "2G", .gpu = "pxm-count=1,x-cxl-dvsec=on,x-cxl-timeout=7",
			     .more_gpus = firmware_gpus, .append = NO_SCRUB },
		.expected = { host_checks, firmware_checks },
	}, {
		.options = { .name = "poison", .scenario = "poison", .model = "gh200",
			     .memory = "2G", .gpu = "x-poison=0x201000",
			     .append = NO_SCRUB " oops=panic" },
		.expected = { host_checks, poison_checks },
	}, {
		.options = { .name = "guest-poison", .scenario = "guest-poison",
			     .model = "gb200", .memory = "2G", .gpu = "x-poison=0x8001000",
			     .machine = "ras=on", .limit_mib = 512,
			     .append = NO_SCRUB " oops=panic" },
		.expected = { host_checks, poison_host_checks },
		.guests = {
			{ "guest.", guest_checks }, { "guest.", guest_poison_checks },
			{ "guest.", gpu_checks },
		},
	}, {
		.options = { .name = "guest-poison-ends", .scenario = "guest-poison-ends",
			     .model = "gb200", .memory = "2G", .gpu = "x-poison=0x8001000",
			     .machine = "ras=on", .limit_mib = 512,
			     .append = NO_SCRUB " oops=panic" },
		.expected = { host_checks, poison_ends_checks },
	}, {
		/* It has 4 s when its link is back. */
		.options = { .name = "recovery", .scenario = "recovery", .model = "gb200",
			     .memory = "64M", .more_gpus = gone_gpu,
			     .gpu = "x-cxl-dvsec=on,x-cxl-timeout=1,reset-delay-ms=3900",
			     .append = NO_SCRUB },
		.expected = { host_checks, recovery_checks },
	}, {
		/* usemem of 1 GiB, a BAR of 2 GiB for it; resmem ends at an odd page */
		.options = { .name = "nested", .scenario = "nested", .model = "gh200",
			     .memory = "2230276K", .guest_ram = "1G", .append = NO_SCRUB },
		.expected = { host_checks, nested_checks, nested_resmem_checks },
	}, {
		/* all of it is usemem, and ends at an odd page */
		.options = { .name = "nested-gb200", .scenario = "nested", .model = "gb200",
			     .memory = "1181700K", .guest_ram = "1G", .append = NO_SCRUB },
		.expected = { host_checks, nested_checks },
	}, {
		.options = { .name = "nested-iommufd", .scenario = "nested", .model = "gh200",
			     .memory = "2230276K", .guest_ram = "1G",
			     .device = "iommufd=iommufd0",
			     .append = NO_SCRUB " nvgrace.open=cdev" },
		.expected = { host_checks, nested_checks },
	},
};

int main(int argc, char **argv)
{
	const struct scenario *scenario = NULL;
	const char *name;
	gboolean by_cdev;

	g_test_init(&argc, &argv, NULL);
	name = argc == 2 ? argv[1] : "";
	by_cdev = g_str_has_prefix(name, CDEV);
	name += by_cdev ? strlen(CDEV) : 0;
	for (gsize i = 0; i < G_N_ELEMENTS(scenarios); i++)
		if (strcmp(name, scenarios[i].options.name) == 0)
			scenario = &scenarios[i];
	if (!scenario) {
		fprintf(stderr, "Usage: stack-test [" CDEV "]SCENARIO\nScenarios:");
		for (gsize i = 0; i < G_N_ELEMENTS(scenarios); i++)
			fprintf(stderr, " %s", scenarios[i].options.name);
		fprintf(stderr, "\n");
		return 2;
	}
	return verdict(scenario, by_cdev);
}
