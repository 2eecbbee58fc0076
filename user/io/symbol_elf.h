/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is looked at of an ELF file when a process is found to run it. */
#ifndef IO_SYMBOL_ELF_H
#define IO_SYMBOL_ELF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gelf.h>

#define ELF_SEGMENTS_MAX 64
#define ELF_BUILD_ID_LEN (2 * 64 + 1)

struct symbol_segment {
	uint64_t offset, size; /* in the file */
	uint64_t vaddr;
	bool exec;
};

struct symbol_elf {
	uint16_t machine; /* EM_X86_64 ... */
	bool is_64;
	uint32_t segment_count;
	struct symbol_segment segments[ELF_SEGMENTS_MAX]; /* those that are loaded */
	char build_id[ELF_BUILD_ID_LEN];		  /* hexadecimal; empty: none */
};

/* Opens what is at fd, which is borrowed. NULL: no ELF file. To be ended by elf_end. */
Elf *symbol_elf_open(int fd);
/* 0, or -ENOEXEC: nothing in it would be loaded. */
int symbol_elf_look(Elf *elf, struct symbol_elf *ret_elf);
/* The ELF address of a place in the file. False: no segment has it. */
bool symbol_elf_vaddr(const struct symbol_elf *elf, uint64_t offset, uint64_t *ret_vaddr);
/* The place in the file of an ELF address. */
bool symbol_elf_offset(const struct symbol_elf *elf, uint64_t vaddr, uint64_t *ret_offset);
/* Bytes of executable segments. */
uint64_t symbol_elf_text_size(const struct symbol_elf *elf);
/* The section of a name, with its header; NULL: none. */
Elf_Scn *symbol_elf_section(Elf *elf, const char *name, GElf_Shdr *ret_header);

#endif
