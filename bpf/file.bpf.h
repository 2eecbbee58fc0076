/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Identify the file behind a mapping without walking its path. */
#ifndef FILE_BPF_H
#define FILE_BPF_H

#include "kernel.bpf.h"
#include "maps.bpf.h"

#define MAP_ANONYMOUS 0x20

/* Returns false if file is NULL. */
static __always_inline bool file_describe(struct file *file, struct mt_file *ret_file)
{
	struct inode *inode;
	struct super_block *sb;
	const unsigned char *name;

	if (!file)
		return false;
	inode = BPF_CORE_READ(file, f_inode);
	sb = BPF_CORE_READ(inode, i_sb);
	ret_file->inode = BPF_CORE_READ(inode, i_ino);
	ret_file->rdev = BPF_CORE_READ(inode, i_rdev);
	ret_file->nlink = BPF_CORE_READ(inode, i_nlink);
	ret_file->mode = BPF_CORE_READ(inode, i_mode);
	ret_file->dev = BPF_CORE_READ(sb, s_dev);
	ret_file->magic = BPF_CORE_READ(sb, s_magic);
	ret_file->fs_flags = BPF_CORE_READ(sb, s_flags) & SB_KERNMOUNT ? MT_FILE_KERNEL_MOUNT : 0;
	name = BPF_CORE_READ(file, f_path.dentry, d_name.name);
	if (bpf_probe_read_kernel_str(ret_file->name, sizeof(ret_file->name), name) < 0)
		ret_file->name[0] = '\0';
	return true;
}

/* The open file behind a descriptor of the current task, or NULL. */
static __always_inline struct file *file_of_fd(struct task_struct *task, __u32 fd)
{
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **files, *file = NULL;

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	files = BPF_CORE_READ(fdt, fd);
	bpf_probe_read_kernel(&file, sizeof(file), &files[fd]);
	return file;
}

/* The file an mmap(2) with these arguments maps; false for none. */
static __always_inline bool file_of_mmap(struct task_struct *task, const __u64 *args, struct mt_file *ret_file)
{
	if (args[3] & MAP_ANONYMOUS)
		return false;
	return file_describe(file_of_fd(task, args[4]), ret_file);
}

#endif /* FILE_BPF_H */
