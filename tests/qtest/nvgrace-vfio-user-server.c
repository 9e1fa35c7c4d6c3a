/*
 * A Grace GPU behind vfio-user, which answers as the test tells it to
 *
 * It speaks as much of the protocol (docs/interop/vfio-user.rst) as QEMU's
 * client needs, to one client, in one thread.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include <linux/vfio_nvgrace.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "hw/pci/pci_regs.h"
#include "qemu/bswap.h"
#include "nvgrace-vfio-user-server.h"

#define PCIE_CAP 0x40
#define MAX_FDS  16

/* A description without its header, as the kernel has it */
#define INFO_SIZE sizeof(struct vfio_region_info)

static void init_config(uint8_t *config)
{
    stw_le_p(config + PCI_VENDOR_ID, 0x10de);
    stw_le_p(config + PCI_DEVICE_ID, 0x2342);
    stw_le_p(config + PCI_CLASS_DEVICE, 0x0302);
    stw_le_p(config + PCI_STATUS, PCI_STATUS_CAP_LIST);
    config[PCI_CAPABILITY_LIST] = PCIE_CAP;
    config[PCIE_CAP] = PCI_CAP_ID_EXP;
    stw_le_p(config + PCIE_CAP + PCI_EXP_FLAGS, 2);
    stl_le_p(config + PCIE_CAP + PCI_EXP_DEVCAP, PCI_EXP_DEVCAP_FLR);
}

NVGraceServer *nvgrace_server_new(void)
{
    const uint32_t rw = VFIO_REGION_INFO_FLAG_READ |
                        VFIO_REGION_INFO_FLAG_WRITE;
    NVGraceServer *server = g_new0(NVGraceServer, 1);

    server->version = "{\"capabilities\": {\"max_msg_fds\": 8}}";
    init_config(server->config);
    server->num_regions = VFIO_PCI_NUM_REGIONS;
    server->num_irqs = VFIO_PCI_NUM_IRQS;
    for (int i = 0; i < NVGRACE_SERVER_REGIONS; i++) {
        server->regions[i].fd = -1;
        server->regions[i].cap_offset = INFO_SIZE;
        server->regions[i].caps = g_byte_array_new();
    }
    server->regions[VFIO_PCI_BAR0_REGION_INDEX].size = 4096;
    server->regions[VFIO_PCI_BAR0_REGION_INDEX].flags = rw;
    server->regions[VFIO_PCI_CONFIG_REGION_INDEX].size = sizeof(server->config);
    server->regions[VFIO_PCI_CONFIG_REGION_INDEX].flags = rw;
    server->regions[VFIO_PCI_VGA_REGION_INDEX].error = EINVAL;
    server->maps = g_array_new(false, false, sizeof(ServerMap));
    server->listener = -1;
    server->client = -1;
    g_mutex_init(&server->lock);
    return server;
}

int nvgrace_server_file(uint64_t size)
{
    int fd = memfd_create("coherent", MFD_CLOEXEC);

    g_assert_cmpint(fd, >=, 0);
    g_assert_cmpint(ftruncate(fd, size), ==, 0);
    return fd;
}

void nvgrace_server_visible(QTestState *qts, uint64_t addr, int fd,
                            uint64_t offset)
{
    uint64_t value = 0;

    qtest_writeq(qts, addr, addr ^ 0x0123456789abcdefULL);
    g_assert_cmpint(pread(fd, &value, 8, offset), ==, 8);
    g_assert_cmphex(le64_to_cpu(value), ==, addr ^ 0x0123456789abcdefULL);

    value = cpu_to_le64(~addr);
    g_assert_cmpint(pwrite(fd, &value, 8, offset), ==, 8);
    g_assert_cmphex(qtest_readq(qts, addr), ==, ~addr);
}

void nvgrace_server_cap(ServerRegion *region, uint16_t id, uint32_t next,
                        const void *data, size_t size)
{
    struct vfio_info_cap_header header = {
        .id = id,
        .version = 1,
        .next = next,
    };

    g_byte_array_append(region->caps, (uint8_t *)&header, sizeof(header));
    g_byte_array_append(region->caps, data, size);
}

ServerRegion *nvgrace_server_add(NVGraceServer *server, uint32_t subtype,
                                 uint64_t size)
{
    const uint32_t type[] = { VFIO_REGION_TYPE_NVGRACE, subtype };
    ServerRegion *region = &server->regions[server->num_regions++];

    g_assert_cmpuint(server->num_regions, <=, NVGRACE_SERVER_REGIONS);
    region->size = size;
    region->flags = VFIO_REGION_INFO_FLAG_READ | VFIO_REGION_INFO_FLAG_WRITE |
                    VFIO_REGION_INFO_FLAG_MMAP;
    region->fd = nvgrace_server_file(size);
    nvgrace_server_cap(region, VFIO_REGION_INFO_CAP_TYPE, 0, type,
                       sizeof(type));
    return region;
}

/* All of it, with the file descriptors that come along. */
static bool receive(int client, void *data, size_t size, int *fds, int *num_fds)
{
    char control[CMSG_SPACE(MAX_FDS * sizeof(int))];
    struct iovec iov = { .iov_base = data, .iov_len = size };
    struct msghdr msg = {
        .msg_iov = &iov,
        .msg_iovlen = 1,
        .msg_control = control,
        .msg_controllen = sizeof(control),
    };
    ssize_t got = RETRY_ON_EINTR(recvmsg(client, &msg, MSG_WAITALL |
                                         MSG_CMSG_CLOEXEC));

    *num_fds = 0;
    if (got < 0) {
        return false;
    }
    for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg;
         cmsg = CMSG_NXTHDR(&msg, cmsg)) {
        if (cmsg->cmsg_level == SOL_SOCKET && cmsg->cmsg_type == SCM_RIGHTS) {
            size_t length = cmsg->cmsg_len - CMSG_LEN(0);

            memcpy(fds + *num_fds, CMSG_DATA(cmsg), length);
            *num_fds += length / sizeof(int);
        }
    }
    return got == size;
}

/* A message that the client does not wait for any more is no failure. */
static void answer(int client, const void *data, size_t size, int fd)
{
    union {
        char buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr align;
    } control = { };
    struct iovec iov = { .iov_base = (void *)data, .iov_len = size };
    struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
    struct cmsghdr *cmsg;

    if (fd >= 0) {
        msg.msg_control = control.buf;
        msg.msg_controllen = sizeof(control.buf);
        cmsg = CMSG_FIRSTHDR(&msg);
        cmsg->cmsg_level = SOL_SOCKET;
        cmsg->cmsg_type = SCM_RIGHTS;
        cmsg->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));
    }
    RETRY_ON_EINTR(sendmsg(client, &msg, MSG_NOSIGNAL));
}

static int answer_version(NVGraceServer *server, GByteArray *msg)
{
    const uint16_t version[] = { VFIO_USER_MAJOR_VER, VFIO_USER_MINOR_VER };

    g_byte_array_set_size(msg, sizeof(VFIOUserHdr));
    g_byte_array_append(msg, (uint8_t *)version, sizeof(version));
    g_byte_array_append(msg, (uint8_t *)server->version,
                        strlen(server->version) + 1);
    return 0;
}

static int map(NVGraceServer *server, GByteArray *msg)
{
    const VFIOUserDMAMap *request = (void *)msg->data;
    ServerMap range = { request->iova, request->size };

    g_array_append_val(server->maps, range);
    g_byte_array_set_size(msg, sizeof(VFIOUserHdr));
    return 0;
}

static int unmap(NVGraceServer *server, GByteArray *msg)
{
    const VFIOUserDMAUnmap *request = (void *)msg->data;

    for (int i = server->maps->len - 1; i >= 0; i--) {
        ServerMap range = g_array_index(server->maps, ServerMap, i);

        if ((request->flags & VFIO_DMA_UNMAP_FLAG_ALL) ||
            (range.iova >= request->iova &&
             range.iova - request->iova < request->size)) {
            g_array_remove_index(server->maps, i);
        }
    }
    return 0;
}

static int answer_device_info(NVGraceServer *server, GByteArray *msg)
{
    VFIOUserDeviceInfo *info = (void *)msg->data;

    info->flags = VFIO_DEVICE_FLAGS_PCI | VFIO_DEVICE_FLAGS_RESET;
    info->num_regions = server->num_regions;
    info->num_irqs = server->num_irqs;
    return 0;
}

static int answer_region_info(NVGraceServer *server, GByteArray *msg, int *fd)
{
    VFIOUserRegionInfo *info = (void *)msg->data;
    const ServerRegion *region;
    uint32_t room = info->argsz;

    if (info->index >= server->num_regions) {
        return -EINVAL;
    }
    region = &server->regions[info->index];
    if (region->error) {
        return -region->error;
    }

    info->argsz = INFO_SIZE + region->caps->len;
    info->flags = region->flags |
                  (region->caps->len ? VFIO_REGION_INFO_FLAG_CAPS : 0);
    info->cap_offset = region->caps->len ? region->cap_offset : 0;
    info->size = region->size;
    info->offset = region->offset;
    *fd = region->fd;
    if (room >= info->argsz) {
        g_byte_array_append(msg, region->caps->data, region->caps->len);
    }
    return 0;
}

static int answer_irq_info(NVGraceServer *server, GByteArray *msg)
{
    VFIOUserIRQInfo *info = (void *)msg->data;

    if (info->index >= server->num_irqs) {
        return -EINVAL;
    }
    info->flags = 0;
    info->count = 0;
    return 0;
}

static int access_region(NVGraceServer *server, GByteArray *msg, bool write)
{
    VFIOUserRegionRW *rw = (void *)msg->data;
    uint32_t count = rw->count;
    uint64_t offset = rw->offset;
    bool config = rw->region == VFIO_PCI_CONFIG_REGION_INDEX;

    if (offset > sizeof(server->config) ||
        count > sizeof(server->config) - offset) {
        return -EINVAL;
    }
    if (write) {
        if (config) {
            memcpy(server->config + offset, rw->data, count);
        }
        g_byte_array_set_size(msg, sizeof(*rw));
    } else {
        g_byte_array_set_size(msg, sizeof(*rw) + count);
        rw = (void *)msg->data;
        memset(rw->data, 0, count);
        if (config) {
            memcpy(rw->data, server->config + offset, count);
        }
    }
    return 0;
}

/* Turn @msg from a request into the answer; or return a negative errno. */
static int process(NVGraceServer *server, GByteArray *msg, int *fd)
{
    const VFIOUserHdr *hdr = (void *)msg->data;

    if (hdr->command < VFIO_USER_MAX && server->refuse[hdr->command]) {
        return -server->refuse[hdr->command];
    }
    switch (hdr->command) {
    case VFIO_USER_VERSION:
        return answer_version(server, msg);
    case VFIO_USER_DMA_MAP:
        return map(server, msg);
    case VFIO_USER_DMA_UNMAP:
        return unmap(server, msg);
    case VFIO_USER_DEVICE_GET_INFO:
        return answer_device_info(server, msg);
    case VFIO_USER_DEVICE_GET_REGION_INFO:
        return answer_region_info(server, msg, fd);
    case VFIO_USER_DEVICE_GET_IRQ_INFO:
        return answer_irq_info(server, msg);
    case VFIO_USER_DEVICE_SET_IRQS:
    case VFIO_USER_DEVICE_RESET:
        g_byte_array_set_size(msg, sizeof(VFIOUserHdr));
        return 0;
    case VFIO_USER_REGION_READ:
        return access_region(server, msg, false);
    case VFIO_USER_REGION_WRITE:
        return access_region(server, msg, true);
    default:
        return -ENOSYS;
    }
}

static bool is_end(NVGraceServer *server, const GByteArray *msg)
{
    const VFIOUserHdr *hdr = (void *)msg->data;
    unsigned int index = 0;

    if (server->end == SERVER_STAYS || hdr->command != server->end_command) {
        return false;
    }
    switch (hdr->command) {
    case VFIO_USER_DEVICE_GET_REGION_INFO:
        index = ((VFIOUserRegionInfo *)hdr)->index;
        break;
    case VFIO_USER_DEVICE_GET_IRQ_INFO:
        index = ((VFIOUserIRQInfo *)hdr)->index;
        break;
    case VFIO_USER_REGION_READ:
    case VFIO_USER_REGION_WRITE:
        index = ((VFIOUserRegionRW *)hdr)->region;
        break;
    default:
        break;
    }
    return index == server->end_index && !server->end_skip--;
}

/* One message; false when there will be no other. */
static bool serve_one(NVGraceServer *server, int client)
{
    g_autoptr(GByteArray) msg = g_byte_array_new();
    int fds[MAX_FDS], num_fds, none, fd = -1, error = 0;
    uint32_t flags;
    VFIOUserHdr *hdr;
    bool ok, end;

    g_byte_array_set_size(msg, sizeof(VFIOUserHdr));
    ok = receive(client, msg->data, sizeof(VFIOUserHdr), fds, &num_fds);
    for (int i = 0; i < num_fds; i++) {
        close(fds[i]);
    }
    if (!ok) {
        return false;
    }
    hdr = (void *)msg->data;
    g_byte_array_set_size(msg, hdr->size);
    if (msg->len > sizeof(*hdr) &&
        !receive(client, msg->data + sizeof(*hdr), msg->len - sizeof(*hdr),
                 fds, &none)) {
        return false;
    }
    hdr = (void *)msg->data;
    flags = hdr->flags;
    if (hdr->command < VFIO_USER_MAX) {
        g_atomic_int_inc(&server->seen[hdr->command]);
    }

    end = is_end(server, msg);
    if (end && server->end == SERVER_SILENT) {
        return false;
    }
    if (end) {
        shutdown(client, SHUT_RD);
    }

    g_mutex_lock(&server->lock);
    error = process(server, msg, &fd);
    g_mutex_unlock(&server->lock);
    if (error) {
        g_byte_array_set_size(msg, sizeof(*hdr));
    }
    hdr = (void *)msg->data;
    hdr->size = msg->len;
    hdr->flags = VFIO_USER_REPLY | (error ? VFIO_USER_ERROR : 0);
    hdr->error_reply = -error;
    if (!(flags & VFIO_USER_NO_REPLY)) {
        answer(client, msg->data, msg->len, fd);
    }
    return true;
}

static void *serve(void *opaque)
{
    NVGraceServer *server = opaque;
    int client = accept4(server->listener, NULL, NULL, SOCK_CLOEXEC);

    if (client < 0) {
        return NULL;
    }
    g_atomic_int_set(&server->client, client);
    while (serve_one(server, client)) {
        continue;
    }
    shutdown(client, SHUT_RDWR);
    return NULL;
}

const char *nvgrace_server_start(NVGraceServer *server)
{
    struct sockaddr_un addr = { .sun_family = AF_UNIX };

    server->dir = g_dir_make_tmp("nvgrace-XXXXXX", NULL);
    g_assert_nonnull(server->dir);
    server->path = g_build_filename(server->dir, "socket", NULL);
    g_assert_cmpuint(strlen(server->path), <, sizeof(addr.sun_path));
    strcpy(addr.sun_path, server->path);

    server->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    g_assert_cmpint(server->listener, >=, 0);
    g_assert_cmpint(bind(server->listener, (struct sockaddr *)&addr,
                         sizeof(addr)), ==, 0);
    g_assert_cmpint(listen(server->listener, 1), ==, 0);
    server->thread = g_thread_new("vfio-user", serve, server);
    return server->path;
}

char *nvgrace_server_device_of(NVGraceServer *server, const char *driver, int n,
                               const char *options)
{
    return g_strdup_printf("{\"driver\":\"%s\","
                           "\"id\":\"gpu%d\",\"bus\":\"rp%d\","
                           "\"socket\":{\"type\":\"unix\",\"path\":\"%s\"}%s}",
                           driver, n, n, nvgrace_server_start(server), options);
}

char *nvgrace_server_device(NVGraceServer *server, int n, const char *options)
{
    return nvgrace_server_device_of(server, "vfio-user-pci-nvgrace", n,
                                    options);
}

bool nvgrace_server_mapped(NVGraceServer *server, uint64_t iova, uint64_t size)
{
    g_autoptr(GMutexLocker) locker = g_mutex_locker_new(&server->lock);

    for (int i = 0; i < server->maps->len; i++) {
        ServerMap range = g_array_index(server->maps, ServerMap, i);

        if (range.iova == iova && range.size == size) {
            return true;
        }
    }
    return false;
}

int nvgrace_server_seen(NVGraceServer *server, enum vfio_user_command command)
{
    return g_atomic_int_get(&server->seen[command]);
}

void nvgrace_server_leave(NVGraceServer *server)
{
    int client = g_atomic_int_get(&server->client);

    if (client >= 0) {
        shutdown(client, SHUT_RDWR);
    }
}

void nvgrace_server_free(NVGraceServer *server)
{
    if (server->thread) {
        int client;

        /* accept() and recvmsg() return */
        shutdown(server->listener, SHUT_RDWR);
        nvgrace_server_leave(server);
        g_thread_join(server->thread);
        client = g_atomic_int_get(&server->client);
        if (client >= 0) {
            close(client);
        }
        close(server->listener);
        unlink(server->path);
        rmdir(server->dir);
    }
    for (int i = 0; i < NVGRACE_SERVER_REGIONS; i++) {
        if (server->regions[i].fd >= 0) {
            close(server->regions[i].fd);
        }
        g_byte_array_unref(server->regions[i].caps);
    }
    g_array_unref(server->maps);
    g_mutex_clear(&server->lock);
    g_free(server->path);
    g_free(server->dir);
    g_free(server);
}
