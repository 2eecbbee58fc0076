/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What detectors conclude, and the evidence they show for it. */
#ifndef CORE_FINDING_H
#define CORE_FINDING_H

#include <stdbool.h>
#include <stdint.h>

#include "files.h"
#include "forecast.h"
#include "mmaptrace.h"
#include "site.h"

enum finding_kind { FINDING_LEAK, FINDING_EXHAUSTION, FINDING_ENOMEM, FINDING_KINDS };
enum severity { SEVERITY_NONE, SEVERITY_INFO, SEVERITY_WARNING, SEVERITY_CRITICAL };

#define EVIDENCE_MAX 5
#define ADVICE_LEN   448

struct evidence_op {
	uint32_t op; /* enum mt_op */
	uint64_t calls, failed;
	int64_t delta;
};

struct evidence_site {
	const struct site *site; /* borrowed from the process */
	double share;		 /* of what all sites hold, 0 to 1 */
};

/* The view of the past that a verdict rests on. */
struct basis {
	struct view view; /* span_s 0: on none: on alarms, or on a refusal */
	double share;	  /* of the room there was, that its growth has taken */
	double need;	  /* how much of it had to be taken for this verdict */
	bool one_file;	  /* most of the growth is one file */
};

/* What a detector says. */
struct verdict {
	enum finding_kind kind;
	enum severity severity; /* SEVERITY_NONE: nothing found */
	struct forecast forecast;
	struct basis basis;
};

/* A verdict put into words, as sinks take it. Borrows the file names. */
struct finding {
	struct verdict verdict;
	uint64_t ts_ns;	    /* boot clock: of the fact it rests on */
	uint64_t raised_ns; /* when it was first raised */
	bool update;	    /* it was raised before and has changed materially */
	uint32_t map_count, limit;
	unsigned int op_count, file_count, site_count;
	struct evidence_op ops[EVIDENCE_MAX];
	struct file_use files[EVIDENCE_MAX];
	struct evidence_site sites[EVIDENCE_MAX];
	bool live_is_exact; /* of the sites: counted in the kernel's list of maps */
	char advice[ADVICE_LEN];
};

const char *finding_kind_name(enum finding_kind kind);
const char *severity_name(enum severity severity);
/* The sites that hold most of a ranked list, at most EVIDENCE_MAX. Returns how many; they borrow from it. */
unsigned int evidence_sites(const struct site_list *list, struct evidence_site *ret_sites);
/* By how many maps, up or down. */
uint64_t evidence_op_moved(const struct evidence_op *op);

#endif
