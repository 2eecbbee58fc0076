/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The single causes of a refusal: does the evidence speak for each of them? (KERNEL.md sections 1 and 2) */
#ifndef CORE_CAUSE_H
#define CORE_CAUSE_H

#include "event.h"
#include "surroundings.h"

enum answer {
	ANSWER_NO,     /* ruled out */
	ANSWER_OPEN,   /* the evidence does not reach */
	ANSWER_LIKELY, /* by figures that may have changed in between */
	ANSWER_SURE,
};

/* All that is known about one refusal. */
struct evidence {
	const struct alarm_event *alarm;   /* borrowed */
	const struct surroundings *around; /* borrowed */
	uint32_t map_count;		   /* at the operation's beginning, or else right after it */
	uint32_t page_size;		   /* bytes */
};

typedef enum answer cause_fn(const struct evidence *evidence);

cause_fn cause_length;	    /* rounds up to nothing, or reaches past the end of all addresses */
cause_fn cause_count;	    /* more maps than an operation that adds one may find */
cause_fn cause_split;	    /* ... that splits one */
cause_fn cause_split_first; /* a MAP_FIXED's, from 6.12 on before the limits are asked */
cause_fn cause_split_last;  /* the same before 6.12 */
cause_fn cause_count_moved; /* of an mremap that moves, after all else */
cause_fn cause_count_fixed; /* of an mremap that is asked at the very beginning */
cause_fn cause_gap;
cause_fn cause_memlock;
cause_fn cause_as;
cause_fn cause_data;
cause_fn cause_commit;
cause_fn cause_hole_first; /* nothing is mapped at the beginning of the range */
cause_fn cause_hole;
cause_fn cause_room; /* something is in the way of growing in place */

/* Bytes that it would have added to the address space, in whole pages. False if that is not known. */
bool evidence_asked(const struct evidence *evidence, uint64_t *ret_bytes);
/* Bytes to be weighed against a limit: those, or what mprotect makes writable, or what mlock is to lock. 0: none. */
uint64_t evidence_weight(const struct evidence *evidence);
/* The figures are surely those that the kernel judged by. */
bool evidence_is_firm(const struct evidence *evidence);
/* Huge pages were asked for, and have to be set aside at once. */
bool evidence_is_huge(const struct alarm_event *alarm);
/* Shared anonymous memory, which is accounted for as a file is. */
bool evidence_is_shared_anonymous(const struct alarm_event *alarm);

#endif
