/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the regions' own capability says, against what else is known of them. */
#include <linux/vfio.h>
#include <linux/vfio_nvgrace.h>

#include "agent.h"
#include "host-agent.h"
#include "pages.h"
#include "scenario.h"

#define GH200 0x2342

/* FALSE if the region does not have it. */
static gboolean get_capability(const struct vfio_client *client, guint32 index,
			       struct vfio_region_info_cap_nvgrace *cap)
{
	/* room for all there is, and aligned as it must be */
	union {
		struct vfio_region_info info;
		char bytes[512];
	} buf = { .info = { .argsz = sizeof(buf), .index = index } };
	guint32 at;

	if (vfio_client_ioctl(client, VFIO_DEVICE_GET_REGION_INFO, &buf))
		return FALSE;
	for (at = buf.info.cap_offset; at && at + sizeof(*cap) <= buf.info.argsz;) {
		const struct vfio_info_cap_header *header = (const void *)(buf.bytes + at);

		if (header->id == VFIO_REGION_INFO_CAP_NVGRACE) {
			*cap = *(const struct vfio_region_info_cap_nvgrace *)header;
			return TRUE;
		}
		at = header->next;
	}
	return FALSE;
}

void scenario_capability(const char *bdf)
{
	struct vfio_region_info_cap_nvgrace cap = { 0 };
	struct gpu_regions regions;
	struct vfio_client client;

	if (!bind_gpu(bdf, EXPORTER) || !open_gpu(bdf, &client, &regions))
		return;
	for (guint i = 0; i < 2; i++) {
		const struct vfio_client_region *region = i ? &regions.resmem : &regions.usemem;
		gboolean ok = get_capability(&client, region->index, &cap);

		report_check(i ? "capability-resmem" : "capability-usemem",
			     ok && cap.header.version == 1 &&
			     cap.flags == VFIO_REGION_NVGRACE_MIG_DEFECT &&
			     cap.vendor == 0x10de && cap.device == GH200 &&
			     cap.offset == (i ? regions.usemem.size : 0) &&
			     cap.total_size == regions.usemem.size + regions.resmem.size &&
			     cap.map_align == PMD,
			     "%s: version %u, flags 0x%x, %04x:%04x, at 0x%llx of 0x%llx, by 0x%llx",
			     ok ? "found" : "there is none", cap.header.version, cap.flags, cap.vendor, cap.device,
			     cap.offset, cap.total_size, cap.map_align);
	}
	vfio_client_close(&client);
}
