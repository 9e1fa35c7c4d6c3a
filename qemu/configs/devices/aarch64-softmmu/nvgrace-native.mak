# SPDX-License-Identifier: GPL-2.0-or-later
#
# The native build has one machine more, with PCI but not arm virt: there our
# devices must refuse.

include nvgrace.mak
CONFIG_VERSATILE=y
# its boards need this one without selecting it
CONFIG_SPLIT_IRQ=y
