# SPDX-License-Identifier: GPL-2.0-or-later
#
# What the emulated Grace host, its guests and the qtests need, and no more:
# QEMU's other boards and devices would only cost build time.

CONFIG_ARM_VIRT=y
CONFIG_PCI=y
CONFIG_PCIE_PORT=y
CONFIG_PXB=y
# the expander bridge does not link without them
CONFIG_CXL=y
CONFIG_CXL_MEM_DEVICE=y
CONFIG_XIO3130=y
CONFIG_VFIO=y
CONFIG_VFIO_PCI=y
CONFIG_VFIO_NVGRACE=y
CONFIG_VFIO_USER=y
CONFIG_NVGRACE_GPU=y
CONFIG_VIRTIO_PCI=y
CONFIG_VIRTIO_SERIAL=y
CONFIG_VIRTIO_BLK=y
CONFIG_VIRTIO_RNG=y
CONFIG_VIRTIO_IOMMU=y
CONFIG_IOMMUFD=y
