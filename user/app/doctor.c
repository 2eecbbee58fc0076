/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "doctor.h"

#include <string.h>
#include <sys/utsname.h>
#include <time.h>

#include "bpf_log.h"
#include "cleanup.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "output.h"
#include "plan.h"
#include "probe.h"
#include "procfs.h"
#include "units.h"

struct diagnosis {
	struct utsname uts;
	struct features features;
	struct plan plan;
	uint32_t limit;
	int plan_error;
	char plan_line[PLAN_TEXT_LEN];
};

static const char *state_of(const struct features *features, unsigned int feature)
{
	if (!features->error[feature])
		return "works";
	return feature_is_replaced(features, feature) ? "not needed" : "missing";
}

/* Who may attach to other hooks is refused by the kernel, not for want of privilege. */
static const char *advice_of(const struct features *features, unsigned int feature)
{
	return feature_advice(feature, features->error[FEATURE_LIFE] ? features->error[feature] : 0);
}

static void write_text(struct buf *buf, const struct diagnosis *diagnosis)
{
	char limit[UNITS_LEN];

	buf_printf(buf, "kernel %s %s, vm.max_map_count %s\n\n", diagnosis->uts.release, diagnosis->uts.machine,
		   units_count(diagnosis->limit, limit, sizeof(limit)));
	for (unsigned int i = 0; i < FEATURES; i++) {
		int error = diagnosis->features.error[i];
		const char *state = state_of(&diagnosis->features, i);

		buf_printf(buf, "%-17s %-11s %s\n", feature_name(i), state, feature_purpose(i));
		if (error && !feature_is_replaced(&diagnosis->features, i))
			buf_printf(buf, "%29s %s: %s\n", "", strerror(error), advice_of(&diagnosis->features, i));
	}
	if (diagnosis->plan_error)
		buf_printf(buf, "\ntracing will not work: %s\n", diagnosis->plan.why_not);
	else
		buf_printf(buf, "\nplan: %s\n", diagnosis->plan_line);
}

static void write_feature(struct json_writer *json, const struct features *features, unsigned int feature)
{
	int error = features->error[feature];

	json_open_object(json);
	json_add_text(json, "name", feature_name(feature));
	json_add_text(json, "purpose", feature_purpose(feature));
	json_add_bool(json, "works", !error);
	json_add_bool(json, "needed", !feature_is_replaced(features, feature));
	json_add_known_text(json, "why", error, error ? strerror(error) : NULL);
	json_add_known_text(json, "advice", error, error ? advice_of(features, feature) : NULL);
	json_close_object(json);
}

static int64_t unix_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void write_json(struct buf *buf, const struct diagnosis *diagnosis)
{
	struct json_writer json = {.buf = buf};
	char now[UNITS_LEN];

	json_open_object(&json);
	json_add_u64(&json, "schema", 1);
	json_add_text(&json, "type", "doctor");
	json_add_text(&json, "ts", units_time(unix_now_ns(), now, sizeof(now)));
	json_add_text(&json, "host", diagnosis->uts.nodename);
	json_add_text(&json, "kernel", diagnosis->uts.release);
	json_add_text(&json, "machine", diagnosis->uts.machine);
	json_add_u64(&json, "limit", diagnosis->limit);
	json_put_key(&json, "features");
	json_open_array(&json);
	for (unsigned int i = 0; i < FEATURES; i++)
		write_feature(&json, &diagnosis->features, i);
	json_close_array(&json);
	json_add_bool(&json, "works", !diagnosis->plan_error);
	json_add_known_text(&json, "plan", !diagnosis->plan_error, diagnosis->plan_line);
	json_add_known_text(&json, "why_not", diagnosis->plan_error, diagnosis->plan.why_not);
	json_close_object(&json);
	buf_add_char(buf, '\n');
}

int doctor_run(bool as_json)
{
	struct buf buf _cleanup_buf_ = {0};
	struct plan_want want = {.operations = true};
	struct diagnosis diagnosis = {0};
	struct output output;

	bpf_log_install();
	uname(&diagnosis.uts);
	procfs_read_limit(&diagnosis.limit);
	probe_mount_tracefs();
	probe_features(&diagnosis.features);
	diagnosis.plan_error = plan_make(&diagnosis.features, &want, &diagnosis.plan);
	plan_text(&diagnosis.plan, diagnosis.plan_line, sizeof(diagnosis.plan_line));
	if (as_json)
		write_json(&buf, &diagnosis);
	else
		write_text(&buf, &diagnosis);
	output_open(NULL, &output);
	if (output_flush(&output, &buf))
		return EXIT_ERROR;
	return diagnosis.plan_error ? EXIT_ERROR : EXIT_FINE;
}
