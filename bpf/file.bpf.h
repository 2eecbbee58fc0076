/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Identify the file behind a mapping without walking its path. */
#ifndef FILE_BPF_H
#define FILE_BPF_H

#include "kernel.bpf.h"
#include "maps.bpf.h"

#define MAP_FIXED	    0x10
#define MAP_ANONYMOUS	    0x20
#define MAP_FIXED_NOREPLACE 0x100000

/*
 * A field of a struct of which the first bytes have been copied, or else a read of
 * its own: a read costs as much whether it copies 4 bytes or 100.
 */
#define COPIED(copy, from, field, type)                                                                                \
	({                                                                                                             \
		type got_;                                                                                             \
		__u32 at_ = bpf_core_field_offset((from)->field);                                                      \
		if (at_ <= sizeof(copy) - sizeof(type))                                                                \
			got_ = *(type *)((void *)(copy) + at_);                                                        \
		else                                                                                                   \
			bpf_core_read(&got_, sizeof(type), &(from)->field);                                            \
		got_;                                                                                                  \
	})

static __always_inline void file_set_name(struct mt_file *ret_file, const unsigned char *name)
{
	if (bpf_probe_read_kernel_str(ret_file->name, sizeof(ret_file->name), name) < 0)
		ret_file->name[0] = '\0';
}

/* Returns false if file is NULL. */
static __always_inline bool file_describe(struct file *file, struct mt_file *ret_file)
{
	__u64 copy[13]; /* up to i_rdev of an inode, s_magic of a super_block */
	struct inode *inode;
	struct super_block *sb;

	if (!file)
		return false;
	inode = BPF_CORE_READ(file, f_inode);
	if (bpf_probe_read_kernel(copy, sizeof(copy), inode))
		return false;
	sb = COPIED(copy, inode, i_sb, struct super_block *);
	ret_file->inode = COPIED(copy, inode, i_ino, __u64);
	ret_file->rdev = COPIED(copy, inode, i_rdev, __u32);
	ret_file->nlink = COPIED(copy, inode, i_nlink, __u32);
	ret_file->mode = COPIED(copy, inode, i_mode, __u16);
	if (bpf_probe_read_kernel(copy, sizeof(copy), sb))
		return false;
	ret_file->dev = COPIED(copy, sb, s_dev, __u32);
	ret_file->magic = COPIED(copy, sb, s_magic, __u64);
	ret_file->fs_flags = COPIED(copy, sb, s_flags, __u64) & SB_KERNMOUNT ? MT_FILE_KERNEL_MOUNT : 0;
	file_set_name(ret_file, BPF_CORE_READ(file, f_path.dentry, d_name.name));
	return true;
}

/* The same of a file that the verifier knows for one: its fields are read like one's own. */
static __always_inline bool file_describe_typed(struct file *file, struct mt_file *ret_file)
{
	struct inode *inode;
	struct super_block *sb;

	if (!file)
		return false;
	inode = file->f_inode;
	sb = inode->i_sb;
	ret_file->inode = inode->i_ino;
	ret_file->rdev = inode->i_rdev;
	ret_file->nlink = inode->i_nlink;
	ret_file->mode = inode->i_mode;
	ret_file->dev = sb->s_dev;
	ret_file->magic = sb->s_magic;
	ret_file->fs_flags = sb->s_flags & SB_KERNMOUNT ? MT_FILE_KERNEL_MOUNT : 0;
	file_set_name(ret_file, file->f_path.dentry->d_name.name);
	return true;
}

/* The open file behind a descriptor of the current task, or NULL. */
static __always_inline struct file *file_of_fd(struct task_struct *task, __u32 fd)
{
	struct files_struct *open = GET(task, files);
	struct fdtable *fdt = GET(open, fdt);
	struct file **files = GET(fdt, fd), *file = NULL;

	if (fd < GET(fdt, max_fds))
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
