/*
 * The emulated Grace GPU (-device nvgrace-gpu): its name and its registers
 *
 * Shared by the device, the qtests and the programs that run in the emulated
 * host and its guest, so it includes nothing.  docs/emulated-gpu.md explains
 * what each register does.
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#ifndef HW_MISC_NVGRACE_GPU_REGS_H
#define HW_MISC_NVGRACE_GPU_REGS_H

#define TYPE_NVGRACE_GPU            "nvgrace-gpu"

#define NVGRACE_VENDOR_ID           0x10de
#define NVGRACE_DEVICE_ID_GH200     0x2342
#define NVGRACE_DEVICE_ID_GB200     0x2941
#define NVGRACE_DEVICE_ID_GB300     0x31c2

/* BAR0: 16 MiB, 64-bit, prefetchable */
#define NVGRACE_BAR0_SIZE           0x1000000

/* Readiness, as on the hardware: 0xff once the part is up */
#define NVGRACE_REG_C2C_LINK        0x001498
#define NVGRACE_REG_HBM_TRAINING    0x0200bc
#define NVGRACE_READY               0xff

/* Copy engine: our own invention, nothing like it is in NVIDIA's hardware */
#define NVGRACE_CE_BASE             0xa00000
#define NVGRACE_CE_ID               (NVGRACE_CE_BASE + 0x00) /* RO */
#define NVGRACE_CE_STATUS           (NVGRACE_CE_BASE + 0x04) /* RO, W1C */
#define NVGRACE_CE_SRC_LO           (NVGRACE_CE_BASE + 0x08)
#define NVGRACE_CE_SRC_HI           (NVGRACE_CE_BASE + 0x0c)
#define NVGRACE_CE_DST_LO           (NVGRACE_CE_BASE + 0x10)
#define NVGRACE_CE_DST_HI           (NVGRACE_CE_BASE + 0x14)
#define NVGRACE_CE_LEN_LO           (NVGRACE_CE_BASE + 0x18)
#define NVGRACE_CE_LEN_HI           (NVGRACE_CE_BASE + 0x1c)
#define NVGRACE_CE_CTRL             (NVGRACE_CE_BASE + 0x20) /* WO: kick */
#define NVGRACE_CE_COUNT            (NVGRACE_CE_BASE + 0x24) /* RO: jobs */
#define NVGRACE_CE_MEM_LO           (NVGRACE_CE_BASE + 0x28) /* RO: bytes of */
#define NVGRACE_CE_MEM_HI           (NVGRACE_CE_BASE + 0x2c) /* all memory */

#define NVGRACE_CE_ID_VALUE         0x43454e47 /* "GNEC" */

/* CTRL: START with, for each end, coherent memory offset or DMA address */
#define NVGRACE_CE_CTRL_START       (1u << 0)
#define NVGRACE_CE_CTRL_SRC_MEM     (1u << 1) /* SRC: coherent memory offset */
#define NVGRACE_CE_CTRL_DST_MEM     (1u << 2) /* DST: coherent memory offset */
#define NVGRACE_CE_CTRL_IRQ         (1u << 3) /* MSI-X vector 0 at the end */
#define NVGRACE_CE_CTRL_ABORT       (1u << 4)

/* STATUS; with ERROR, nothing or a part was copied */
#define NVGRACE_CE_STATUS_BUSY      (1u << 0)
#define NVGRACE_CE_STATUS_DONE      (1u << 1) /* W1C */
#define NVGRACE_CE_STATUS_ERROR     (1u << 2) /* W1C */
#define NVGRACE_CE_STATUS_CAUSE_SHIFT 8
#define NVGRACE_CE_STATUS_CAUSE_MASK  0xff00
#define NVGRACE_CE_CAUSE_RANGE      1 /* beyond the memory, or length 0 */
#define NVGRACE_CE_CAUSE_DMA        2 /* the IOMMU or the bus refused */
#define NVGRACE_CE_CAUSE_NOT_READY  3 /* the memory is in reset */
#define NVGRACE_CE_CAUSE_ABORTED    4

/*
 * What tests want to know afterwards: our own invention, too.  All count from
 * the start of the machine on, whatever is reset.
 */
#define NVGRACE_REG_POWER_OFFS      0xa10000 /* RO: power was switched off */
#define NVGRACE_REG_OUT_OF_REACH    0xa10004 /* RO: accesses of the CPU's to */
                                             /* memory that was not there */
#define NVGRACE_REG_DECODES         0xa10008 /* RO: decoding was turned */
                                             /* on */

/* MSI-X is inside BAR0 so that BARs 2 and 4 stay as on the hardware */
#define NVGRACE_MSIX_VECTORS        1
#define NVGRACE_MSIX_TABLE          0xb90000
#define NVGRACE_MSIX_PBA            0xba0000

/* NVIDIA DVSEC (PCIe 7.9.6): id 3, u16 at +0xa; bit 0: no MIG defect */
#define NVGRACE_DVSEC_ID            3
#define NVGRACE_DVSEC_MIG           0x0a
#define NVGRACE_DVSEC_MIG_CACHED_RESMEM 0x1

/*
 * CXL device DVSEC (CXL r3.1, 8.1.3), if asked for: readiness as on GPUs after
 * Blackwell, in the low half of the size of memory range 1
 */
#define NVGRACE_CXL_DVSEC_VENDOR_ID 0x1e98
#define NVGRACE_CXL_DVSEC_ID        0
#define NVGRACE_CXL_DVSEC_SIZE      0x3c
#define NVGRACE_CXL_DVSEC_MEM       0x1c
#define NVGRACE_CXL_MEM_INFO_VALID  (1u << 0)
#define NVGRACE_CXL_MEM_ACTIVE      (1u << 1)
#define NVGRACE_CXL_TIMEOUT_SHIFT   13
#define NVGRACE_CXL_TIMEOUT_MAX     7

#endif /* HW_MISC_NVGRACE_GPU_REGS_H */
