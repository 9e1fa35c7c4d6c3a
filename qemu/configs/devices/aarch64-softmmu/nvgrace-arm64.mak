# SPDX-License-Identifier: GPL-2.0-or-later
#
# QEMU inside the emulated host has more kinds of disks, and vhost-user: another
# process has the disk, and should have the guest's memory.

include nvgrace.mak
CONFIG_VIRTIO_SCSI=y
CONFIG_NVME_PCI=y
CONFIG_VHOST_USER_BLK=y
