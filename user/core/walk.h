/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a refused call has left in its range, as the kernel side has walked it before the caller went on. */
#ifndef CORE_WALK_H
#define CORE_WALK_H

#include "event.h"
#include "range.h"

/*
 * Fills in what of it is mapped, and where it would still have to be split: what the call has split and changed
 * already is not what it was refused for. False if it was not walked; known only if it was walked to its end or to a
 * hole.
 */
bool walk_take(const struct alarm_event *alarm, uint32_t page_size, struct range *range);

#endif
