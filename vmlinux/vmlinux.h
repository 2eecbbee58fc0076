/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The kernel's types as the BPF side needs them, chosen by the target's architecture.
 *
 * Only the fields listed in types.txt are here, so layouts and sizes are NOT the kernel's: every access is
 * relocated by CO-RE when the program is loaded. The name of the guard is fixed: libbpf's headers ask for it.
 */
#ifndef __VMLINUX_H__
#define __VMLINUX_H__

#if defined(__TARGET_ARCH_x86)
#include "x86_64.h"
#elif defined(__TARGET_ARCH_arm64)
#include "arm64.h"
#else
#error "compile with -D__TARGET_ARCH_x86 or -D__TARGET_ARCH_arm64"
#endif

#endif
