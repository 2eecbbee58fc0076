/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bits of arguments, by the kernel's ABI (include/uapi): given here so that old headers do. */
#ifndef CORE_MMAN_H
#define CORE_MMAN_H

#define PROT_WRITE_BIT	       0x2
#define MAP_TYPE_MASK	       0xf
#define MAP_SHARED_TYPE	       0x1
#define MAP_PRIVATE_TYPE       0x2
#define MAP_VALIDATE_TYPE      0x3
#define MAP_FIXED_BIT	       0x10
#define MAP_ANONYMOUS_BIT      0x20
#define MAP_GROWSDOWN_BIT      0x100
#define MAP_NORESERVE_BIT      0x4000
#define MAP_STACK_BIT	       0x20000
#define MAP_HUGETLB_BIT	       0x40000
#define MAP_HUGE_SHIFT_BITS    26
#define MAP_HUGE_MASK	       0x3f
#define MREMAP_MAYMOVE_BIT     0x1
#define MREMAP_PLACED_BITS     0x6 /* MREMAP_FIXED, MREMAP_DONTUNMAP */
#define MADV_POPULATE_READ_NR  22
#define MADV_POPULATE_WRITE_NR 23
#define MADV_COLLAPSE_NR       25
#define MCL_CURRENT_BIT	       0x1
#define MLOCK_ONFAULT_BIT      0x1

#endif
