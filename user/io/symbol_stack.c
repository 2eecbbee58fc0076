/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_stack.h"

#include <string.h>
#include <unistd.h>

/* The instructions at a signal trampoline, by which debuggers know it as well: there need not be a symbol. */
static const uint8_t return_x86[] = {0x48, 0xc7, 0xc0, 0x0f, 0x00, 0x00, 0x00, 0x0f, 0x05}; /* mov $15,%rax; syscall */
static const uint8_t return_arm64[] = {0x68, 0x11, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4};	    /* mov x8,#139; svc #0 */

static bool is_signal_return(const struct symbol_module *module, uint64_t vaddr)
{
	uint8_t code[sizeof(return_x86)];
	uint64_t offset;

	if (module->fd < 0 || !symbol_elf_offset(&module->elf, vaddr, &offset) ||
	    pread(module->fd, code, sizeof(code), (off_t)offset) != sizeof(code))
		return false;
	return module->elf.machine == EM_AARCH64 ? !memcmp(code, return_arm64, sizeof(return_arm64))
						 : !memcmp(code, return_x86, sizeof(return_x86));
}

/* Code in a library is found by the address before the one returned to: a call can be a function's last instruction. */
static struct cached_frame *resolve(struct symbol_stack_maker *maker, struct symbol_module *module, uint64_t vaddr)
{
	struct frame_key key = {.module = module->serial, .vaddr = vaddr};
	struct cached_frame *frame = frame_cache_find(&maker->cache, &key);
	struct symbol_lookup *lookup;

	if (frame)
		return frame;
	frame = frame_cache_add(&maker->cache, &key);
	if (!frame)
		return NULL;
	frame->is_signal = is_signal_return(module, vaddr + 1);
	lookup = symbol_module_lookup(maker->modules, module);
	if (lookup)
		symbol_lookup_find(lookup, frame->is_signal ? vaddr + 1 : vaddr, cached_frame_add, frame);
	return frame;
}

static void add_lines(struct wire_stack *stack, struct frame *frame, const struct cached_frame *found)
{
	for (uint32_t i = 0; i < found->count; i++) {
		frame->function = cached_frame_text(found, found->lines[i].function);
		frame->file = cached_frame_text(found, found->lines[i].file);
		frame->line = found->lines[i].line;
		frame->inlined = found->lines[i].inlined;
		wire_stack_add(stack, frame);
	}
	if (!found->count)
		wire_stack_add(stack, frame);
}

static void add_jit(struct wire_stack *stack, struct frame *frame, struct symbol_process *process,
		    const struct code_range *range, uint64_t addr, uint64_t now_ns)
{
	frame->function = symbol_process_jit(process, addr, now_ns);
	frame->module = frame->function ? "[jit]" : range->name && *range->name ? range->name : "[anon]";
	frame->offset = frame->address - range->bias;
	wire_stack_add(stack, frame);
}

/* Returns whether the next frame was interrupted rather than that it called. */
static bool add_address(struct symbol_stack_maker *maker, struct symbol_process *process, uint64_t ip, bool exact,
			uint64_t now_ns, struct wire_stack *stack)
{
	uint64_t addr = exact || !ip ? ip : ip - 1;
	const struct code_range *range = process ? symbol_process_find(process, addr) : NULL;
	struct frame frame = {.address = ip};
	struct cached_frame *found;

	if (!range) {
		wire_stack_add(stack, &frame);
		return false;
	}
	if (!range->module || !range->module->is_elf) {
		add_jit(stack, &frame, process, range, addr, now_ns);
		return false;
	}
	frame.offset = ip - range->bias;
	frame.module = range->name;
	frame.build_id = range->module->elf.build_id[0] ? range->module->elf.build_id : NULL;
	found = resolve(maker, range->module, addr - range->bias);
	if (found)
		add_lines(stack, &frame, found);
	else
		wire_stack_add(stack, &frame);
	return found && found->is_signal;
}

void symbol_stack_make(struct symbol_stack_maker *maker, struct symbol_process *then, struct symbol_process *now,
		       const struct wire_request *request, uint64_t now_ns, struct wire_stack *stack)
{
	bool exact = false;

	for (uint32_t i = 0; i < request->count; i++) {
		uint64_t ip = request->ips[i];
		struct symbol_process *process = then && symbol_process_find(then, ip - !exact) ? then : now;

		exact = add_address(maker, process, ip, exact, now_ns, stack);
	}
}
