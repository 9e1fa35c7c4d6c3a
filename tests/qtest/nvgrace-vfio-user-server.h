/*
 * A Grace GPU behind vfio-user, which answers as the test tells it to
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef NVGRACE_VFIO_USER_SERVER_H
#define NVGRACE_VFIO_USER_SERVER_H

#include <linux/vfio.h>
#include "hw/vfio-user/protocol.h"
#include "libqtest.h"

/* nine of every PCI device, and the device-specific ones */
#define NVGRACE_SERVER_REGIONS 16

/**
 * struct ServerRegion - what VFIO_USER_DEVICE_GET_REGION_INFO says of a region
 * @size:       in bytes
 * @offset:     of the region in @fd, in bytes
 * @flags:      VFIO_REGION_INFO_FLAG_x; FLAG_CAPS is added when @caps has any
 * @cap_offset: of the first capability from the start of the description,
 *              whether or not there is one
 * @caps:       all that is behind the description proper, which has 32 bytes
 * @fd:         the memory, passed on to the client; -1 if none is
 * @error:      an errno instead of all that
 */
typedef struct ServerRegion {
    uint64_t size;
    uint64_t offset;
    uint32_t flags;
    uint32_t cap_offset;
    GByteArray *caps;
    int fd;
    int error;
} ServerRegion;

typedef struct ServerMap {
    uint64_t iova;
    uint64_t size;
} ServerMap;

/**
 * enum ServerEnd - how the server leaves
 * @SERVER_STAYS:    not before the client does
 * @SERVER_SILENT:   it does not answer, and closes the socket
 * @SERVER_ANSWERS:  it answers, but receives nothing any more: the next message
 *                   that the client sends fails
 */
typedef enum ServerEnd {
    SERVER_STAYS,
    SERVER_SILENT,
    SERVER_ANSWERS,
} ServerEnd;

/**
 * struct NVGraceServer - the server
 *
 * The test may change all of the first part between nvgrace_server_new() and
 * nvgrace_server_start(), and read all of the second while the client waits or
 * is gone.
 *
 * @version:     the answer to VFIO_USER_VERSION: a JSON object
 * @config:      configuration space
 * @regions:     indexed as VFIO does
 * @num_regions: how many there are
 * @num_irqs:    how many interrupt indices
 * @refuse:      indexed by command: an errno instead of an answer
 * @end:         whether to leave at a message
 * @end_command: at which: the message of this command...
 * @end_index:   ...and of this region, for the commands that have one...
 * @end_skip:    ...after so many that were like it
 *
 * @seen:        indexed by command: how many messages came
 * @maps:        of ServerMap: what is mapped for DMA
 */
typedef struct NVGraceServer {
    const char *version;
    uint8_t config[4096];
    ServerRegion regions[NVGRACE_SERVER_REGIONS];
    unsigned int num_regions;
    unsigned int num_irqs;
    int refuse[VFIO_USER_MAX];
    ServerEnd end;
    enum vfio_user_command end_command;
    unsigned int end_index;
    unsigned int end_skip;

    gint seen[VFIO_USER_MAX];
    GArray *maps;

    /* private */
    char *dir;
    char *path;
    int listener;
    gint client;
    GThread *thread;
    GMutex lock;
} NVGraceServer;

/**
 * nvgrace_server_new() - a GPU without coherent memory
 *
 * A PCI Express endpoint with BAR0 of 4 KiB and without interrupts.
 */
NVGraceServer *nvgrace_server_new(void);

/**
 * nvgrace_server_add() - add a region that memory is behind
 * @server: not started yet
 * @subtype: VFIO_REGION_SUBTYPE_NVGRACE_x
 * @size: in bytes
 *
 * Returns: the region, complete.
 */
ServerRegion *nvgrace_server_add(NVGraceServer *server, uint32_t subtype,
                                 uint64_t size);

/** nvgrace_server_file() - a file in memory of that size, in bytes */
int nvgrace_server_file(uint64_t size);

/**
 * nvgrace_server_visible() - what the guest writes is in the file, and what is
 * in the file the guest reads
 * @qts: the machine
 * @addr: guest physical address of 8 bytes
 * @fd: the file...
 * @offset: ...and where in it they are
 */
void nvgrace_server_visible(QTestState *qts, uint64_t addr, int fd,
                            uint64_t offset);

/**
 * nvgrace_server_cap() - put a capability behind a description
 * @region: the region
 * @id: of the capability
 * @next: offset of the next one from the start of the description
 * @data: what is behind the header
 * @size: of that, in bytes
 */
void nvgrace_server_cap(ServerRegion *region, uint16_t id, uint32_t next,
                        const void *data, size_t size);

/**
 * nvgrace_server_start() - wait for a client, in a thread
 *
 * Returns: the path of its socket, which nvgrace_server_free() frees.
 */
const char *nvgrace_server_start(NVGraceServer *server);

/**
 * nvgrace_server_device() - start the server, and say what -device is for it
 * @server: not started yet
 * @n: the device is gpuN, behind rpN
 * @options: further ones, as ',"name":value', or ""
 *
 * Returns: the argument in JSON, without spaces in it or quotes around it, to
 * be freed by g_free().
 */
char *nvgrace_server_device(NVGraceServer *server, int n, const char *options);

/** nvgrace_server_device_of() - the same, of another driver */
char *nvgrace_server_device_of(NVGraceServer *server, const char *driver, int n,
                               const char *options);

/** nvgrace_server_mapped() - is just that range mapped for DMA? */
bool nvgrace_server_mapped(NVGraceServer *server, uint64_t iova, uint64_t size);

/** nvgrace_server_seen() - how many messages of this command came? */
int nvgrace_server_seen(NVGraceServer *server, enum vfio_user_command command);

/** nvgrace_server_leave() - hang up, while the client is there */
void nvgrace_server_leave(NVGraceServer *server);

/** nvgrace_server_free() - end it and close all it has */
void nvgrace_server_free(NVGraceServer *server);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(NVGraceServer, nvgrace_server_free)

#endif /* NVGRACE_VFIO_USER_SERVER_H */
