/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "syscalls.h"

#include <stddef.h>
#include <sys/syscall.h>

/* Numbers above 424 are the same on every architecture; headers may be older than they. */
#ifndef __NR_process_madvise
#define __NR_process_madvise 440
#endif
#ifndef __NR_set_mempolicy_home_node
#define __NR_set_mempolicy_home_node 450
#endif
#ifndef __NR_map_shadow_stack
#define __NR_map_shadow_stack 453
#endif
#ifndef __NR_mseal
#define __NR_mseal 462
#endif

struct syscall_number {
	__u16 nr;
	__u8 op;
};

static const struct syscall_number native[] = {
	{__NR_mmap, MT_OP_MMAP},
	{__NR_munmap, MT_OP_MUNMAP},
	{__NR_mprotect, MT_OP_MPROTECT},
	{__NR_pkey_mprotect, MT_OP_PKEY_MPROTECT},
	{__NR_mremap, MT_OP_MREMAP},
	{__NR_brk, MT_OP_BRK},
	{__NR_madvise, MT_OP_MADVISE},
	{__NR_process_madvise, MT_OP_PROCESS_MADVISE},
	{__NR_mlock, MT_OP_MLOCK},
	{__NR_mlock2, MT_OP_MLOCK2},
	{__NR_munlock, MT_OP_MUNLOCK},
	{__NR_mlockall, MT_OP_MLOCKALL},
	{__NR_munlockall, MT_OP_MUNLOCKALL},
	{__NR_mbind, MT_OP_MBIND},
	{__NR_set_mempolicy_home_node, MT_OP_SET_MEMPOLICY_HOME_NODE},
	{__NR_mseal, MT_OP_MSEAL},
	{__NR_prctl, MT_OP_PRCTL},
	{__NR_shmat, MT_OP_SHMAT},
	{__NR_shmdt, MT_OP_SHMDT},
	{__NR_io_setup, MT_OP_IO_SETUP},
	{__NR_io_destroy, MT_OP_IO_DESTROY},
	{__NR_remap_file_pages, MT_OP_REMAP_FILE_PAGES},
	{__NR_map_shadow_stack, MT_OP_MAP_SHADOW_STACK},
	{__NR_execve, MT_OP_EXECVE},
	{__NR_execveat, MT_OP_EXECVEAT},
};

#if defined(__x86_64__)
/* arch/x86/entry/syscalls/syscall_32.tbl; old mmap (90) and ipc (117) pack their arguments. */
static const struct syscall_number compat[] = {
	{11, MT_OP_EXECVE},
	{45, MT_OP_BRK},
	{90, MT_OP_MMAP},
	{91, MT_OP_MUNMAP},
	{125, MT_OP_MPROTECT},
	{150, MT_OP_MLOCK},
	{151, MT_OP_MUNLOCK},
	{152, MT_OP_MLOCKALL},
	{153, MT_OP_MUNLOCKALL},
	{163, MT_OP_MREMAP},
	{172, MT_OP_PRCTL},
	{192, MT_OP_MMAP},
	{219, MT_OP_MADVISE},
	{245, MT_OP_IO_SETUP},
	{246, MT_OP_IO_DESTROY},
	{257, MT_OP_REMAP_FILE_PAGES},
	{274, MT_OP_MBIND},
	{358, MT_OP_EXECVEAT},
	{376, MT_OP_MLOCK2},
	{380, MT_OP_PKEY_MPROTECT},
	{397, MT_OP_SHMAT},
	{398, MT_OP_SHMDT},
	{440, MT_OP_PROCESS_MADVISE},
	{450, MT_OP_SET_MEMPOLICY_HOME_NODE},
	{462, MT_OP_MSEAL},
};

const char *const syscall_compat_prefixes[] = {"__ia32_sys_", "__ia32_compat_sys_", NULL};
/* The first of mmap's is 5.10's name; i386 shmat comes by ipc(2) as well. */
const char *const syscall_compat_names[] = {"__ia32_compat_sys_x86_mmap", "__ia32_compat_sys_ia32_mmap",
					    "__ia32_sys_mmap_pgoff", "__ia32_compat_sys_ipc", NULL};
#elif defined(__aarch64__)
/* arch/arm64/tools/syscall_32.tbl: the EABI's. */
static const struct syscall_number compat[] = {
	{11, MT_OP_EXECVE},
	{45, MT_OP_BRK},
	{91, MT_OP_MUNMAP},
	{125, MT_OP_MPROTECT},
	{150, MT_OP_MLOCK},
	{151, MT_OP_MUNLOCK},
	{152, MT_OP_MLOCKALL},
	{153, MT_OP_MUNLOCKALL},
	{163, MT_OP_MREMAP},
	{172, MT_OP_PRCTL},
	{192, MT_OP_MMAP},
	{220, MT_OP_MADVISE},
	{243, MT_OP_IO_SETUP},
	{244, MT_OP_IO_DESTROY},
	{253, MT_OP_REMAP_FILE_PAGES},
	{305, MT_OP_SHMAT},
	{306, MT_OP_SHMDT},
	{319, MT_OP_MBIND},
	{387, MT_OP_EXECVEAT},
	{390, MT_OP_MLOCK2},
	{394, MT_OP_PKEY_MPROTECT},
	{440, MT_OP_PROCESS_MADVISE},
	{450, MT_OP_SET_MEMPOLICY_HOME_NODE},
	{462, MT_OP_MSEAL},
};

/* Most are the native functions, which are hooked already. */
const char *const syscall_compat_prefixes[] = {"__arm64_compat_sys_", NULL};
const char *const syscall_compat_names[] = {"__arm64_compat_sys_aarch32_mmap2", NULL};
#else
#error "no system call table for this architecture"
#endif

void syscalls_fill(__u8 *op_of_nr)
{
	for (size_t i = 0; i < sizeof(native) / sizeof(native[0]); i++)
		op_of_nr[native[i].nr] = native[i].op;
	for (size_t i = 0; i < sizeof(compat) / sizeof(compat[0]); i++)
		op_of_nr[MT_NR_COMPAT + compat[i].nr] = compat[i].op;
}
