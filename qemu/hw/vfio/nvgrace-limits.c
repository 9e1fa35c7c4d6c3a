/*
 * What the host, the machine or the user's choice does not let coherent memory
 * of an NVIDIA Grace GPU be: warnings, each with what to do about it
 *
 * The guest runs in spite of all of these.  What a kernel can do is tried where
 * it can be, since vendors' kernels have more than their version says.
 *
 * In: memory that is mapped into QEMU.  Out: what is printed.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <sys/prctl.h>
#include <sys/resource.h>
#include <setjmp.h>

#include "qemu/error-report.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "hw/core/boards.h"
#include "system/kvm.h"
#include "nvgrace-kvm.h"
#include "nvgrace-limits.h"

#define THP_ENABLED "/sys/kernel/mm/transparent_hugepage/enabled"

/* What the kernel counts under that name for this process */
static uint64_t bytes_used(const char *what)
{
    g_autofree char *text = NULL;
    const char *at;

    if (!g_file_get_contents("/proc/self/status", &text, NULL, NULL)) {
        return 0;
    }
    at = strstr(text, what);
    return at ? g_ascii_strtoull(at + strlen(what), NULL, 10) * 1024 : 0;
}

/* What QEMU itself takes later: its threads and their heaps */
#define REST_OF_QEMU (1 * GiB)

/*
 * ulimit counts in KiB.  The limit that is named is enough for @size bytes more
 * than there are now, and for the rest of QEMU.
 */
static bool hint_at_limit(int resource, const char *name, const char *ulimit,
                          const char *used, uint64_t size, const char *or,
                          Error **errp)
{
    struct rlimit limit;

    if (getrlimit(resource, &limit) || limit.rlim_cur == RLIM_INFINITY) {
        return false;
    }
    error_append_hint(errp, "%s is %" PRIu64 " KiB, and %" PRIu64 " KiB are "
                      "needed: raise it by ulimit -%s%s.\n", name,
                      (uint64_t)limit.rlim_cur / 1024,
                      (bytes_used(used) + size + REST_OF_QEMU) / 1024 + 1,
                      ulimit, or);
    return true;
}

bool vfio_nvgrace_hint_at_memlock(uint64_t size, Error **errp)
{
    return hint_at_limit(RLIMIT_MEMLOCK, "RLIMIT_MEMLOCK", "l", "VmLck:", size,
                         ", or leave -overcommit mem-lock= out", errp);
}

void vfio_nvgrace_hint_at_limits(int err, uint64_t size, Error **errp)
{
    if (err == EAGAIN && vfio_nvgrace_hint_at_memlock(size, errp)) {
        return;
    }
    hint_at_limit(RLIMIT_AS, "RLIMIT_AS", "v", "VmSize:", size, "", errp);
}

static sigjmp_buf cannot_load;

static void on_sigbus(int signum)
{
    siglongjmp(cannot_load, 1);
}

/*
 * How many page faults does a load take?  None when nothing can be loaded: the
 * GPU is not ready, or its memory has failed there.
 */
static long faults_of_load(const char *ptr)
{
    const struct sigaction action = { .sa_handler = on_sigbus };
    struct sigaction action_before;
    struct rusage before, after;
    long faults = 0;
    sigset_t sigbus, mask;

    sigemptyset(&sigbus);
    sigaddset(&sigbus, SIGBUS);
    sigaction(SIGBUS, &action, &action_before);
    pthread_sigmask(SIG_UNBLOCK, &sigbus, &mask);
    if (!sigsetjmp(cannot_load, 1)) {
        getrusage(RUSAGE_THREAD, &before);
        (void)*(const volatile char *)ptr;  /* the load is all */
        getrusage(RUSAGE_THREAD, &after);
        faults = after.ru_minflt - before.ru_minflt;
    }
    pthread_sigmask(SIG_SETMASK, &mask, NULL);
    sigaction(SIGBUS, &action_before, NULL);
    return faults;
}

/*
 * A kernel that is told to make no huge pages maps no device memory by them
 * either, though no page is made for that: if it is told for this process, and
 * before Linux 7.2.8 and its like of older series if it is told for all.
 */
static void warn_of_small_pages(const VFIONVGraceMemory *mem)
{
    size_t page = qemu_real_host_page_size();
    /* what one entry of the second level of page tables maps */
    size_t large = page * (page / sizeof(uint64_t));
    g_autofree char *enabled = NULL;
    const char *remedy = NULL;

    if (prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) > 0) {
        remedy = "start QEMU without MemoryTHP=disable of systemd, or without "
                 "what else has called prctl(PR_SET_THP_DISABLE)";
    } else if (g_file_get_contents(THP_ENABLED, &enabled, NULL, NULL) &&
               strstr(enabled, "[never]")) {
        remedy = "write madvise to " THP_ENABLED ", or run Linux 7.2.8 or "
                 "newer";
    }
    if (!remedy || mem->info_usemem->size < large) {
        return;
    }
    faults_of_load(mem->map);
    if (faults_of_load((char *)mem->map + large / 2)) {
        warn_report_once("this kernel maps coherent GPU memory by pages of "
                         "%zu KiB, not of %zu KiB, since transparent huge "
                         "pages are off: the guest will be slow; %s",
                         page / 1024, large / 1024, remedy);
    }
}

static bool machine_has_ras(void)
{
    return object_property_get_bool(qdev_get_machine(), "ras", NULL);
}

/* The property that this device has: vfio-pci has one for all, by this name. */
static const char *view_property(VFIODevice *vbasedev)
{
    return object_property_find(OBJECT(vbasedev->dev), "guest-view")
           ? "guest-view" : "nvgrace-view";
}

static void warn_of_view(const VFIONVGraceMemory *mem, VFIODevice *vbasedev)
{
    if (NVGRACE_MEMORY(mem)->view == NVGRACE_GUEST_VIEW_ACPI &&
        mem->info_resmem) {
        warn_report_once("NVIDIA's drivers 550 to 595 look for the reserved "
                         "memory of a Grace Hopper GPU in a BAR, not in ACPI: "
                         "for a guest with one of them use %s=bar",
                         view_property(vbasedev));
    }
}

void vfio_nvgrace_warn_of_limits(const VFIONVGraceMemory *mem,
                                 VFIODevice *vbasedev)
{
    warn_of_view(mem, vbasedev);
    if (!vfio_nvgrace_kvm_cacheable()) {
        warn_report_once("KVM cannot map coherent GPU memory as cacheable: "
                         "before Linux 6.17 the guest has it as Device memory, "
                         "slow and without unaligned access; a newer one "
                         "refuses it on a CPU without FEAT_S2FWB and "
                         "CTR_EL0.DIC");
    }
    /* A server's memory is this host's RAM, which is no different. */
    if (vbasedev->proxy) {
        return;
    }
    if (kvm_enabled() && !machine_has_ras()) {
        warn_report_once("the first uncorrectable error in coherent GPU memory "
                         "will end QEMU: with -machine virt,ras=on the guest "
                         "is told of it and can go on");
    }
    warn_of_small_pages(mem);
}
