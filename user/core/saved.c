/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "saved.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static const char magic[] = "mmaptrace state 1\n";

#define MAGIC_LEN (sizeof(magic) - 1)
#define HEAD_LEN  (MAGIC_LEN + sizeof(uint32_t))

/* Sizes of what is kept as it lies in memory: another program's are another's. */
static uint64_t shape(void)
{
	return (uint64_t)sizeof(struct mt_process) << 32 | sizeof(struct open_finding) << 20 |
	       sizeof(struct lifetime) << 4 | MT_VERSION;
}

static bool is_worth_keeping(const struct process *process, bool with_accounts)
{
	return !process->ended && (with_accounts || process->trail || process->open || process->shown);
}

static void pack_account(struct buf *buf, const struct process *process)
{
	struct mt_process account;

	account_unfold(&process->account, &account);
	account.tgid = process->key.pid;
	account.start_ns = process->key.start_ns;
	pack_bytes(buf, &account, sizeof(account));
}

static void pack_process(struct buf *buf, const struct process *process, bool with_accounts)
{
	pack_u64(buf, process->key.pid);
	pack_u64(buf, process->key.start_ns);
	pack_u64(buf, process->seen_ns);
	pack_u64(buf, process->last_fail_ns);
	pack_u64(buf, process->shown);
	pack_bytes(buf, process->trail, process->trail ? trail_size(process->trail) : 0);
	pack_bytes(buf, process->open, process->open ? FINDING_KINDS * sizeof(*process->open) : 0);
	if (with_accounts)
		pack_account(buf, process);
	else
		pack_bytes(buf, NULL, 0);
}

void saved_pack(struct buf *buf, const char *boot_id, const struct lifetime *lifetime, const struct model *model,
		bool with_accounts)
{
	size_t begin = buf->len;
	const struct process *process;
	uint32_t sum = 0;

	buf_add(buf, magic, MAGIC_LEN);
	buf_add(buf, (const char *)&sum, sizeof(sum));
	pack_u64(buf, shape());
	pack_text(buf, boot_id);
	pack_bytes(buf, lifetime, sizeof(*lifetime));
	for (process = model->processes; process; process = process->hh.next) {
		if (is_worth_keeping(process, with_accounts))
			pack_process(buf, process, with_accounts);
	}
	if (buf->failed)
		return;
	sum = (uint32_t)crc32(0, (const Bytef *)buf->data + begin + HEAD_LEN, (uInt)(buf->len - begin - HEAD_LEN));
	memcpy(buf->data + begin + MAGIC_LEN, &sum, sizeof(sum));
}

const char *saved_open(const struct buf *buf, const char *boot_id, struct lifetime *ret_lifetime,
		       struct unpack *ret_rest)
{
	struct unpack rest;
	const char *boot;
	const void *lifetime;
	size_t len;
	uint32_t sum;

	if (buf->len < HEAD_LEN || memcmp(buf->data, magic, MAGIC_LEN))
		return "it is no state of mmaptrace, or of another version";
	memcpy(&sum, buf->data + MAGIC_LEN, sizeof(sum));
	if (sum != (uint32_t)crc32(0, (const Bytef *)buf->data + HEAD_LEN, (uInt)(buf->len - HEAD_LEN)))
		return "it is damaged";
	rest.at = (const uint8_t *)buf->data + HEAD_LEN;
	rest.end = (const uint8_t *)buf->data + buf->len;
	rest.failed = false;
	if (unpack_u64(&rest) != shape())
		return "it is of another version";
	boot = unpack_text(&rest);
	if (!boot || strcmp(boot, boot_id))
		return "the machine has been started anew since";
	lifetime = unpack_bytes(&rest, &len);
	if (rest.failed || len != sizeof(*ret_lifetime))
		return "it is damaged";
	memcpy(ret_lifetime, lifetime, sizeof(*ret_lifetime));
	*ret_rest = rest;
	return NULL;
}

/* Bytes of just this length; NULL: none. */
static const void *take_whole(struct unpack *rest, size_t want)
{
	size_t len;
	const void *bytes = unpack_bytes(rest, &len);

	if (len && len != want)
		rest->failed = true;
	return len == want ? bytes : NULL;
}

bool saved_next(struct unpack *rest, struct saved_process *ret_process)
{
	struct saved_process saved = {0};

	if (rest->failed || rest->at == rest->end)
		return false;
	saved.key.pid = unpack_u32(rest);
	saved.key.start_ns = unpack_u64(rest);
	saved.seen_ns = unpack_u64(rest);
	saved.last_fail_ns = unpack_u64(rest);
	saved.shown = unpack_u64(rest);
	saved.trail = unpack_bytes(rest, &saved.trail_len);
	if (!saved.trail_len)
		saved.trail = NULL;
	saved.open = take_whole(rest, FINDING_KINDS * sizeof(struct open_finding));
	saved.account = take_whole(rest, sizeof(struct mt_process));
	if (rest->failed)
		return false;
	*ret_process = saved;
	return true;
}

void lifetime_add(struct lifetime *lifetime, const struct account *account)
{
	lifetime->opened += account->opened;
	lifetime->closed += account->closed;
	lifetime->ended++;
	for (uint32_t op = 0; op < MT_OP_MAX; op++)
		lifetime->calls[op] += account_tally(account, op).calls;
}

/* Sums that go backwards are another account's: its past tells nothing of this one. */
static bool goes_on_from(const struct process *process, const struct packed_trail *packed, struct trail *trail)
{
	trail_unpack(packed, trail);
	return trail->history.last.opened <= process->account.opened &&
	       trail->history.last.closed <= process->account.closed;
}

static void restore_open(struct model *model, struct process *process, const struct saved_process *saved)
{
	if (!saved->open || process->open)
		return;
	process->open = calloc(FINDING_KINDS, sizeof(*process->open));
	if (!process->open) {
		model->dropped++;
		return;
	}
	memcpy(process->open, saved->open, FINDING_KINDS * sizeof(*process->open));
	for (unsigned int kind = 0; kind < FINDING_KINDS; kind++)
		model->open_findings += process->open[kind].severity > SEVERITY_INFO;
}

void saved_restore(struct model *model, struct process *process, const struct saved_process *saved)
{
	struct packed_trail *packed = saved->trail ? trail_from_bytes(saved->trail, saved->trail_len) : NULL;

	if (packed && goes_on_from(process, packed, &model->trail)) {
		free(process->trail);
		process->trail = packed;
	} else {
		free(packed);
	}
	process->seen_ns = saved->seen_ns;
	process->last_fail_ns = saved->last_fail_ns;
	process->shown = saved->shown;
	restore_open(model, process, saved);
	model_enliven(model, process);
}
