/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_elf.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <elfutils/libdwelf.h>

#define PAGE 4096 /* mappings are told in pages, segments in bytes; with larger pages segments are that far apart */

Elf *symbol_elf_open(int fd)
{
	Elf *elf;

	elf_version(EV_CURRENT);
	elf = elf_begin(fd, ELF_C_READ_MMAP, NULL);
	/* Archives and, elsewhere, compressed files are none that anyone runs. */
	if (elf && elf_kind(elf) != ELF_K_ELF) {
		elf_end(elf);
		return NULL;
	}
	return elf;
}

static void take_segment(struct symbol_elf *elf, const GElf_Phdr *header)
{
	if (header->p_type != PT_LOAD || !header->p_filesz || elf->segment_count == ELF_SEGMENTS_MAX)
		return;
	if (header->p_offset + header->p_filesz < header->p_offset ||
	    header->p_vaddr + header->p_filesz < header->p_vaddr)
		return;
	elf->segments[elf->segment_count++] = (struct symbol_segment){.offset = header->p_offset,
								      .size = header->p_filesz,
								      .vaddr = header->p_vaddr,
								      .exec = header->p_flags & PF_X};
}

static void take_build_id(Elf *elf, char *out)
{
	const void *bits;
	ssize_t len = dwelf_elf_gnu_build_id(elf, &bits);

	if (len > (ssize_t)(ELF_BUILD_ID_LEN / 2))
		len = 0;
	for (ssize_t i = 0; i < len; i++)
		snprintf(out + 2 * i, 3, "%02x", ((const uint8_t *)bits)[i]);
}

int symbol_elf_look(Elf *elf, struct symbol_elf *ret_elf)
{
	struct symbol_elf found = {0};
	GElf_Ehdr header;
	size_t count;

	if (!gelf_getehdr(elf, &header) || (header.e_type != ET_EXEC && header.e_type != ET_DYN) ||
	    elf_getphdrnum(elf, &count))
		return -ENOEXEC;
	found.machine = header.e_machine;
	found.is_64 = header.e_ident[EI_CLASS] == ELFCLASS64;
	for (size_t i = 0; i < count; i++) {
		GElf_Phdr segment;

		if (gelf_getphdr(elf, (int)i, &segment))
			take_segment(&found, &segment);
	}
	if (!found.segment_count)
		return -ENOEXEC;
	take_build_id(elf, found.build_id);
	*ret_elf = found;
	return 0;
}

bool symbol_elf_vaddr(const struct symbol_elf *elf, uint64_t offset, uint64_t *ret_vaddr)
{
	const struct symbol_segment *found = NULL;

	for (uint32_t i = 0; i < elf->segment_count; i++) {
		const struct symbol_segment *segment = &elf->segments[i];
		uint64_t before = segment->offset % PAGE;

		if (offset < segment->offset - before || offset - (segment->offset - before) >= segment->size + before)
			continue;
		/* A page that two segments share belongs to the code of the two. */
		if (!found || (segment->exec && !found->exec))
			found = segment;
	}
	if (!found)
		return false;
	*ret_vaddr = offset - found->offset + found->vaddr;
	return true;
}

bool symbol_elf_offset(const struct symbol_elf *elf, uint64_t vaddr, uint64_t *ret_offset)
{
	for (uint32_t i = 0; i < elf->segment_count; i++) {
		const struct symbol_segment *segment = &elf->segments[i];

		if (vaddr >= segment->vaddr && vaddr - segment->vaddr < segment->size) {
			*ret_offset = vaddr - segment->vaddr + segment->offset;
			return true;
		}
	}
	return false;
}

uint64_t symbol_elf_text_size(const struct symbol_elf *elf)
{
	uint64_t size = 0;

	for (uint32_t i = 0; i < elf->segment_count; i++)
		size += elf->segments[i].exec ? elf->segments[i].size : 0;
	return size;
}

Elf_Scn *symbol_elf_section(Elf *elf, const char *name, GElf_Shdr *ret_header)
{
	Elf_Scn *section = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		return NULL;
	while ((section = elf_nextscn(elf, section))) {
		const char *own =
			gelf_getshdr(section, ret_header) ? elf_strptr(elf, names, ret_header->sh_name) : NULL;

		if (own && !strcmp(own, name))
			return section;
	}
	return NULL;
}
