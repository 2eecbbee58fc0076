/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "inspect.h"

#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "bpf_log.h"
#include "cleanup.h"
#include "clock.h"
#include "log.h"
#include "map_details.h"
#include "maps_reader.h"
#include "procfs.h"
#include "style.h"
#include "target.h"
#include "text.h"

#define ROWS_OF_TEXT 20
#define ROWS_OF_JSON 1000

struct gathering {
	struct anatomy *anatomy;
	struct map_details *details; /* NULL: none */
};

static void details_release(struct map_details **details)
{
	map_details_free(*details);
}

static void anatomy_release(struct inspection *inspection)
{
	anatomy_free(&inspection->anatomy);
}

static int gather_map(const struct vma *vma, void *arg)
{
	struct gathering *gathering = arg;
	const struct vma_detail *detail = NULL;

	if (gathering->details)
		detail = map_details_get(gathering->details, vma->start, vma->end);
	return anatomy_add(gathering->anatomy, vma, detail);
}

static const char *hint(int error)
{
	if (error != -EACCES && error != -EPERM)
		return "";
	return geteuid() ? ": run as root, or with CAP_SYS_PTRACE"
			 : ": this root may not: the process is another user namespace's, or has more capabilities";
}

static int gather_maps(struct inspection *inspection)
{
	struct map_details *details _cleanup_(details_release) = NULL;
	struct gathering gathering = {.anatomy = &inspection->anatomy};
	int error;

	inspection->detail_error = -map_details_new(inspection->pid, &details);
	gathering.details = details;
	error = maps_read(inspection->pid, gather_map, &gathering);
	if (error)
		log_error("cannot read the maps of process %u: %s%s", inspection->pid, strerror(-error), hint(error));
	else if (!inspection->anatomy.maps)
		log_error("inspect %u: it has no maps: it has just ended", inspection->pid);
	return error || !inspection->anatomy.maps ? -ESRCH : 0;
}

static int gather(struct inspection *inspection, const struct options *options)
{
	int error = target_check("inspect", inspection->pid);

	if (error)
		return error;
	error = procfs_read_limit(&inspection->limit);
	if (!error)
		error = procfs_inspect(inspection);
	if (error) {
		log_error("cannot read about process %u in /proc: %s", inspection->pid, strerror(-error));
		return error;
	}
	if (options->limit)
		inspection->limit = options->limit;
	return gather_maps(inspection);
}

static void write_json(struct buf *buf, const struct inspection *inspection, uint32_t rows)
{
	struct line_context context = {0};
	struct utsname uts;

	uname(&uts);
	context.host = uts.nodename;
	json_inspection(buf, &context, (uint64_t)clock_ns(CLOCK_REALTIME), inspection, rows ? rows : ROWS_OF_JSON);
}

static void write_text(struct buf *buf, const struct inspection *inspection, const struct output *output, uint32_t rows)
{
	struct text_style style = {0};

	style_of_output(output, &style);
	text_inspection(buf, &style, inspection, rows ? rows : ROWS_OF_TEXT);
}

int inspect_run(const struct options *options)
{
	struct inspection inspection _cleanup_(anatomy_release) = {.pid = options->pids[0]};
	struct buf buf _cleanup_buf_ = {0};
	struct output output;

	bpf_log_install();
	if (gather(&inspection, options) || output_open(options->output, false, &output))
		return EXIT_ERROR;
	if (options->json)
		write_json(&buf, &inspection, options->rows);
	else
		write_text(&buf, &inspection, &output, options->rows);
	return output_finish(&output, &buf) ? EXIT_ERROR : EXIT_FINE;
}
