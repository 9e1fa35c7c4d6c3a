/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A guest that passes its GPU on (tests/guest/nested-agent.c).  Before it starts,
 * a user of the exporter writes to the memory; when it has ended, another one
 * finds there what its users have written.  The exporter does not scrub in this.
 */
#include <errno.h>
#include <string.h>

#include "agent.h"
#include "host-agent.h"
#include "host-vm.h"
#include "nested.h"
#include "pattern.h"
#include "scenario.h"
#include "scenario-guests.h"

static const struct vfio_client_region *region_of(const struct gpu_regions *regions, guint r)
{
	return r ? &regions->resmem : &regions->usemem;
}

/* Write to all places.  FALSE, and a failed check, if that is not possible. */
static gboolean prepare(const char *bdf, struct gpu_regions *regions)
{
	struct vfio_client client;
	gboolean ok = TRUE;

	if (!open_gpu(bdf, &client, regions))
		return FALSE;
	for (guint r = 0; r < 2; r++) {
		guint64 size = region_of(regions, r)->size;

		for (guint i = 0; ok && size && i < NESTED_PLACES; i++)
			ok = write_pattern(&client, region_of(regions, r), nested_place(size, i),
					   NESTED_PAGE, NESTED_HOST + r);
	}
	vfio_client_close(&client);
	report_check("nested-prepare", ok, "%u pages of each region are written", NESTED_PLACES);
	return ok;
}

/* Every place must be as its last writer left it. */
static void check_result(const char *bdf)
{
	struct vfio_client client;
	struct gpu_regions regions;
	guint places = 0, right = 0;

	if (!open_gpu(bdf, &client, &regions))
		return;
	for (guint r = 0; r < 2; r++) {
		guint64 size = region_of(&regions, r)->size;

		for (guint i = 0; size && i < NESTED_PLACES; i++) {
			places++;
			right += read_pattern(&client, region_of(&regions, r),
					      nested_place(size, i), NESTED_PAGE,
					      nested_last_writer(i) + r);
		}
	}
	vfio_client_close(&client);
	report_check("nested-result", right == places,
		     "%u of %u pages are as their last writer in host or guest left them", right,
		     places);
}

void scenario_nested(const char *bdf)
{
	/*
	 * It takes in only what comes after it.  Between two domains QEMU maps all
	 * memory for DMA again (boot-bypass=on), while the guest's idle driver has the
	 * GPU in D3hot: the memory must be there all the same.
	 */
	g_autofree char *device = agent_cmdline("nvgrace.device");
	/* The object wants a kernel that has iommufd */
	const char *const more[] = {
		"-device", "virtio-iommu-pci", device ? "-object" : NULL, "iommufd,id=iommufd0",
		NULL
	};
	struct host_vm vm = { .bdf = bdf, .initrd = "/share/nested.cpio", .more = more,
			      .device = device };
	struct gpu_regions regions;
	g_autofree char *append = NULL;
	gboolean warned;

	if (!bind_gpu(bdf, EXPORTER) || !prepare(bdf, &regions))
		return;
	/* a request to the IOMMU lasts as long as QEMU unmaps all memory: no lockup */
	append = g_strdup_printf("nosoftlockup nvgrace.usemem=%" G_GUINT64_FORMAT
				 " nvgrace.resmem=%" G_GUINT64_FORMAT, regions.usemem.size,
				 regions.resmem.size);
	vm.append = append;
	report_check("guest", host_vm_run(&vm) && vm.status == 0 && vm.guest_ok,
		     "QEMU ended with status %d, the guest's own report %s",
		     vm.status, vm.guest_ok ? "is ok" : "is not");
	warned = warned_as_wanted(&vm);
	g_strdelimit(vm.stderr_text->str, "\n", ' ');
	report_check("qemu-quiet", warned, "QEMU warned of %s",
		     vm.stderr_text->len ? vm.stderr_text->str : "nothing");
	report_stage("nested");
	host_vm_clear(&vm);
	check_result(bdf);
}
