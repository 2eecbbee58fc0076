// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* samples PROCESSES TICKS: writes a recording to stdout, of so many accounts at each of so many ticks, a second apart.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recording.h"

#define SECOND 1000000000ULL
#define LIMIT  65530

/* Lives of a fleet: churn, a saw-tooth, a leak of a map a minute, a warm-up, and what hardly ever changes. */
static void live(struct mt_process *account, unsigned int kind, unsigned int tick)
{
	struct mt_tally *mmap = &account->tallies[MT_OP_MMAP], *munmap = &account->tallies[MT_OP_MUNMAP];
	uint64_t opened = account->opened, closed = account->closed;

	switch (kind) {
	case 0:
		opened += 20 + tick % 7;
		closed = opened - 500 - tick % 7;
		break;
	case 1:
		opened += 5;
		closed = opened - 200 - 5 * (tick % 600);
		break;
	case 2:
		opened += tick % 60 == 0;
		break;
	case 3:
		opened += tick < 300 ? 10 : 0;
		break;
	default:
		opened += tick % 997 == 0;
		break;
	}
	if (opened == account->opened && closed == account->closed)
		return;
	account->opened = opened;
	account->closed = closed;
	account->map_count = (uint32_t)(account->baseline + opened - closed);
	if (account->map_count > account->high_water)
		account->high_water = account->map_count;
	mmap->calls = opened;
	mmap->delta = (int64_t)opened;
	munmap->calls = closed;
	munmap->delta = -(int64_t)closed;
	account->last_change_ns = (tick + 1) * SECOND;
	if (!account->first_change_ns)
		account->first_change_ns = account->last_change_ns;
}

static void account_begin(struct mt_process *account, unsigned int i)
{
	account->mm = 0xffff888000000000ULL + i * 4096ULL;
	account->start_ns = i + 1;
	account->tgid = i + 1;
	account->baseline = account->map_count = account->high_water = 2000;
	snprintf(account->comm, sizeof(account->comm), "w%u", i % 1000000);
}

static int seal(struct recorder *recorder, struct buf *out)
{
	int error = recorder_seal(recorder, out);

	if (!error && fwrite(out->data, 1, out->len, stdout) < out->len)
		error = 1;
	buf_consume(out, out->len);
	return error;
}

int main(int argc, char **argv)
{
	unsigned int processes = argc == 3 ? (unsigned int)atoi(argv[1]) : 0, ticks = processes ? atoi(argv[2]) : 0;
	struct recording_header header = {
		.contract = MT_VERSION,
		.account_bytes = sizeof(struct mt_process),
		.page_size = 4096,
		.limit = LIMIT,
		.real_limit = LIMIT,
		.tick_ns = SECOND,
		.interval_ns = SECOND,
		.host = "samples",
	};
	struct mt_process *accounts = calloc(processes ? processes : 1, sizeof(*accounts));
	struct recorder recorder = {0};
	struct buf out = {0};

	if (!ticks || !accounts) {
		fputs("usage: samples PROCESSES TICKS > RECORDING\n", stderr);
		return 2;
	}
	recorder_add_header(&recorder, &header);
	for (unsigned int i = 0; i < processes; i++)
		account_begin(&accounts[i], i);
	for (unsigned int tick = 0; tick < ticks; tick++) {
		uint64_t now_ns = (tick + 1) * SECOND;

		for (unsigned int i = 0; i < processes; i++) {
			live(&accounts[i], i % 5, tick);
			recorder_add_account(&recorder, &accounts[i], now_ns);
		}
		pack_u64(&recorder.payload, now_ns);
		pack_u64(&recorder.payload, LIMIT);
		pack_u64(&recorder.payload, LIMIT);
		recorder_add(&recorder, ENTRY_TICK);
		if (recorder.entries.len >= RECORDING_SEAL_BYTES && seal(&recorder, &out))
			return 1;
	}
	if (seal(&recorder, &out) || fflush(stdout))
		return 1;
	recorder_free(&recorder);
	buf_free(&out);
	free(accounts);
	return 0;
}
