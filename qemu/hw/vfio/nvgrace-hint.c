/*
 * Which -device may be an NVIDIA Grace GPU with coherent memory
 *
 * The memory needs guest physical addresses, and KVM has to know how many bits
 * those have before the first device exists.  So a machine asks here, with the
 * options of each device.  The answer comes from the name of the host's driver,
 * which has the device open by its address, its path or its file.  It decides
 * about address space and nothing else.
 *
 * In: the options of a device.  Out: a hint.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/sysmacros.h>

#include "qemu/cutils.h"
#include "hw/vfio/types.h"
#include "hw/vfio/vfio-nvgrace.h"

char *vfio_nvgrace_host_driver(const char *device)
{
    g_autofree char *link = g_build_filename(device, "driver", NULL);
    g_autofree char *target = g_file_read_link(link, NULL);

    return target ? g_path_get_basename(target) : NULL;
}

/* "[DOMAIN:]BUS:SLOT.FUNCTION", all of it in hexadecimal */
static char *device_at(const char *host)
{
    unsigned int domain = 0, bus, slot, function;

    if (sscanf(host, "%x:%x:%x.%x", &domain, &bus, &slot, &function) != 4) {
        domain = 0;
        if (sscanf(host, "%x:%x.%x", &bus, &slot, &function) != 3) {
            return NULL;
        }
    }
    return g_strdup_printf("/sys/bus/pci/devices/%04x:%02x:%02x.%x", domain,
                           bus, slot, function);
}

/* A file of /dev/vfio/devices/ */
static char *device_behind(int fd)
{
    struct stat st;

    if (fstat(fd, &st) || !S_ISCHR(st.st_mode)) {
        return NULL;
    }
    return g_strdup_printf("/sys/dev/char/%u:%u/device", major(st.st_rdev),
                           minor(st.st_rdev));
}

char *vfio_nvgrace_device_driver(const char *sysfsdev, int fd)
{
    g_autofree char *device = sysfsdev ? NULL : device_behind(fd);

    return sysfsdev || device
           ? vfio_nvgrace_host_driver(sysfsdev ?: device) : NULL;
}

static char *device_of(const QDict *opts)
{
    const char *fd = qdict_get_try_str(opts, "fd");
    const char *sysfsdev = qdict_get_try_str(opts, "sysfsdev");
    const char *host = qdict_get_try_str(opts, "host");
    int number;

    if (fd) {
        /* opened by somebody else */
        return qemu_strtoi(fd, NULL, 10, &number) ? NULL
                                                  : device_behind(number);
    }
    if (sysfsdev) {
        return g_strdup(sysfsdev);
    }
    return host ? device_at(host) : NULL;
}

static bool is_bound(const QDict *opts)
{
    g_autofree char *device = device_of(opts);
    g_autofree char *driver = device ? vfio_nvgrace_host_driver(device) : NULL;

    return !g_strcmp0(driver, VFIO_NVGRACE_HOST_DRIVER);
}

bool vfio_nvgrace_may_have_memory(const char *driver, const QDict *opts,
                                  bool *acpi, bool *bar)
{
    const char *view = qdict_get_try_str(opts, "nvgrace-view") ?: "auto";
    bool found = false;

    if (g_str_equal(driver, "vfio-pci-nvgrace") ||
        g_str_equal(driver, "vfio-user-pci-nvgrace")) {
        if (g_str_equal(view, "auto")) {
            view = "acpi";
        }
        view = qdict_get_try_str(opts, "guest-view") ?: view;
    } else if (g_str_equal(driver, TYPE_VFIO_PCI) ||
               g_str_equal(driver, TYPE_VFIO_PCI_NOHOTPLUG)) {
        found = g_str_equal(view, "auto") && is_bound(opts);
    } else if (!g_str_equal(driver, "vfio-user-pci")) {
        view = "off";
    }

    /* Who chooses a view knows.  What is no view is an error, later. */
    *acpi = found || g_str_equal(view, "acpi");
    *bar = found || g_str_equal(view, "bar");
    return *acpi || *bar;
}
