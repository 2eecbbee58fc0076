/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_fde.h"

#include <dwarf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cleanup.h"

#define FDES_MAX 1000000

/* A section of frames, and where it is loaded. */
struct frames {
	const uint8_t *ident; /* of the ELF file */
	Elf_Data *data;
	uint64_t vaddr;
	bool is_eh;
};

/* The CIE last met: mostly there is but one. */
struct cie {
	Dwarf_Off offset;
	uint8_t encoding; /* of addresses in its FDEs */
	uint32_t instructions;
	bool known;
};

/* ---- one entry ---- */

/* The letters of an augmentation tell what is in its data; 'R' is what we are after. */
static uint8_t encoding_of(const Dwarf_CIE *cie)
{
	const uint8_t *at = cie->augmentation_data, *end = at + cie->augmentation_data_size;

	if (!cie->augmentation || cie->augmentation[0] != 'z')
		return DW_EH_PE_absptr;
	for (const char *letter = cie->augmentation + 1; *letter && at && at < end; letter++) {
		if (*letter == 'R')
			return *at;
		if (*letter == 'L')
			at++;
		else if (*letter == 'P') /* an encoding, and an address by it */
			at += 1 + ((*at & 7) == DW_EH_PE_udata2 ? 2 : (*at & 7) == DW_EH_PE_udata4 ? 4 : 8);
		else if (*letter != 'S' && *letter != 'B')
			break;
	}
	return DW_EH_PE_absptr;
}

static bool read_cie(const struct frames *frames, Dwarf_Off offset, struct cie *cie)
{
	Dwarf_CFI_Entry entry;
	Dwarf_Off next;

	if (cie->known && cie->offset == offset)
		return true;
	if (dwarf_next_cfi(frames->ident, frames->data, frames->is_eh, offset, &next, &entry) ||
	    !dwarf_cfi_cie_p(&entry))
		return false;
	cie->known = true;
	cie->offset = offset;
	cie->encoding = frames->is_eh ? encoding_of(&entry.cie) : DW_EH_PE_absptr;
	cie->instructions = (uint32_t)(entry.cie.initial_instructions_end - entry.cie.initial_instructions);
	return true;
}

/* An integer of the width and sign of an encoding; the bytes are those of this machine's order, or it runs nowhere. */
static bool read_value(const uint8_t **at, const uint8_t *end, uint8_t encoding, uint64_t *ret_value)
{
	size_t size = (encoding & 7) == DW_EH_PE_udata2 ? 2 : (encoding & 7) == DW_EH_PE_udata4 ? 4 : 8;
	bool is_signed = encoding & DW_EH_PE_signed;
	uint64_t value = 0;

	if ((encoding & 7) == DW_EH_PE_uleb128 || (size_t)(end - *at) < size)
		return false;
	for (size_t i = 0; i < size; i++)
		value |= (uint64_t)(*at)[i] << (8 * i);
	if (is_signed && size == 4)
		value = (uint64_t)(int64_t)(int32_t)value;
	else if (is_signed && size == 2)
		value = (uint64_t)(int64_t)(int16_t)value;
	*at += size;
	*ret_value = value;
	return true;
}

static bool read_fde(const struct frames *frames, const Dwarf_FDE *entry, struct cie *cie, struct symbol_fde *ret_fde)
{
	const uint8_t *at = entry->start, *base = frames->data->d_buf;
	uint64_t start, length, place = frames->vaddr + (uint64_t)(at - base);

	if (!read_cie(frames, entry->CIE_pointer, cie) || cie->encoding & DW_EH_PE_indirect ||
	    !read_value(&at, entry->end, cie->encoding, &start) ||
	    !read_value(&at, entry->end, cie->encoding & 7, &length))
		return false;
	switch (cie->encoding & 0x70) {
	case DW_EH_PE_absptr:
		break;
	case DW_EH_PE_pcrel:
		start += place;
		break;
	default:
		return false;
	}
	ret_fde->start = start;
	ret_fde->end = start + length;
	ret_fde->instructions = (uint32_t)(entry->end - at) + cie->instructions;
	return ret_fde->end > start;
}

/* ---- all of them ---- */

static int fdes_add(struct symbol_fdes *fdes, const struct symbol_fde *fde)
{
	if (fdes->count == FDES_MAX)
		return -EFBIG;
	if (fdes->count == fdes->cap) {
		uint32_t cap = fdes->cap ? fdes->cap * 2 : 1024;
		struct symbol_fde *grown = realloc(fdes->fdes, cap * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		fdes->fdes = grown;
		fdes->cap = cap;
	}
	fdes->fdes[fdes->count++] = *fde;
	return 0;
}

static int compare(const void *a, const void *b)
{
	const struct symbol_fde *first = a, *second = b;

	return (first->start > second->start) - (first->start < second->start);
}

static bool is_code(const struct symbol_elf *look, uint64_t vaddr)
{
	for (uint32_t i = 0; i < look->segment_count; i++) {
		const struct symbol_segment *segment = &look->segments[i];

		if (segment->exec && vaddr >= segment->vaddr && vaddr - segment->vaddr < segment->size)
			return true;
	}
	return false;
}

static int read_all(const struct frames *frames, const struct symbol_elf *look, struct symbol_fdes *fdes)
{
	Dwarf_Off offset = 0, next;
	Dwarf_CFI_Entry entry;
	struct cie cie = {0};
	int result, error = 0;

	/* -1: what is wrong is one entry, if it goes on behind it */
	while (!error &&
	       (result = dwarf_next_cfi(frames->ident, frames->data, frames->is_eh, offset, &next, &entry)) <= 0) {
		struct symbol_fde fde;

		if (next <= offset || (result < 0 && next == (Dwarf_Off)-1))
			break;
		offset = next;
		/* Functions that the linker has thrown away stay in .debug_frame, at 0. */
		if (!result && !dwarf_cfi_cie_p(&entry) && read_fde(frames, &entry.fde, &cie, &fde) &&
		    is_code(look, fde.start) && is_code(look, fde.end - 1))
			error = fdes_add(fdes, &fde);
	}
	if (fdes->count)
		qsort(fdes->fdes, fdes->count, sizeof(*fdes->fdes), compare);
	return error;
}

/* Without section headers: .eh_frame_hdr has a program header, and tells where .eh_frame begins. */
static bool frames_of_header(Elf *elf, const struct symbol_elf *look, struct frames *frames)
{
	size_t count = 0, size;
	const uint8_t *at, *end, *file = (const uint8_t *)elf_rawfile(elf, &size);
	uint64_t offset, vaddr;

	elf_getphdrnum(elf, &count);
	for (size_t i = 0; file && i < count; i++) {
		GElf_Phdr header;

		if (!gelf_getphdr(elf, (int)i, &header) || header.p_type != PT_GNU_EH_FRAME || header.p_offset > size ||
		    header.p_filesz > size - header.p_offset || header.p_filesz < 8)
			continue;
		at = file + header.p_offset;
		end = at + header.p_filesz;
		if (at[0] != 1 || at[1] != (DW_EH_PE_pcrel | DW_EH_PE_sdata4))
			return false;
		at += 4;
		if (!read_value(&at, end, DW_EH_PE_sdata4, &vaddr))
			return false;
		frames->vaddr = header.p_vaddr + 4 + vaddr;
		for (uint32_t j = 0; j < look->segment_count; j++) {
			const struct symbol_segment *segment = &look->segments[j];

			if (frames->vaddr < segment->vaddr || frames->vaddr - segment->vaddr >= segment->size)
				continue;
			offset = frames->vaddr - segment->vaddr + segment->offset;
			frames->data = elf_getdata_rawchunk(elf, (int64_t)offset,
							    segment->offset + segment->size - offset, ELF_T_BYTE);
			return frames->data != NULL;
		}
	}
	return false;
}

/* The bytes of a section of frames that is there and in the file. */
static bool frames_of_section(Elf *elf, const char *name, struct frames *frames)
{
	GElf_Shdr header;
	Elf_Scn *section = symbol_elf_section(elf, name, &header);

	if (!section || header.sh_type == SHT_NOBITS)
		return false;
	if (header.sh_flags & SHF_COMPRESSED && elf_compress(section, 0, 0) < 0)
		return false;
	frames->vaddr = header.sh_addr;
	frames->data = elf_getdata(section, NULL);
	return frames->data && frames->data->d_buf;
}

int symbol_fdes_read(Elf *elf, const struct symbol_elf *look, struct symbol_fdes *ret_fdes)
{
	struct symbol_fdes fdes _cleanup_(symbol_fdes_free) = {0};
	struct frames frames = {.ident = (const uint8_t *)elf_getident(elf, NULL), .is_eh = true};
	int error;

	if (!frames.ident || frames.ident[EI_DATA] != ELFDATA2LSB)
		return -ENOTSUP;
	if (frames_of_section(elf, ".eh_frame", &frames) || frames_of_header(elf, look, &frames)) {
		fdes.cfi = dwarf_getcfi_elf(elf);
		error = fdes.cfi ? read_all(&frames, look, &fdes) : 0;
		if (error)
			return error;
	}
	frames.is_eh = false;
	if (!fdes.count && frames_of_section(elf, ".debug_frame", &frames)) {
		if (fdes.cfi)
			dwarf_cfi_end(fdes.cfi);
		fdes.dwarf = dwarf_begin_elf(elf, DWARF_C_READ, NULL);
		fdes.cfi = fdes.dwarf ? dwarf_getcfi(fdes.dwarf) : NULL;
		error = fdes.cfi ? read_all(&frames, look, &fdes) : 0;
		if (error)
			return error;
	}
	*ret_fdes = fdes;
	memset(&fdes, 0, sizeof(fdes));
	return 0;
}

void symbol_fdes_free(struct symbol_fdes *fdes)
{
	free(fdes->fdes);
	if (fdes->dwarf)
		dwarf_end(fdes->dwarf);
	else if (fdes->cfi)
		dwarf_cfi_end(fdes->cfi);
	memset(fdes, 0, sizeof(*fdes));
}
