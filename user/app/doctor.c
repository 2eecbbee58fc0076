/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "doctor.h"

#include <string.h>
#include <sys/utsname.h>

#include "bpf_log.h"
#include "cleanup.h"
#include "clock.h"
#include "json.h"
#include "log.h"
#include "options.h"
#include "output.h"
#include "plan.h"
#include "probe.h"
#include "procfs.h"
#include "units.h"

/* What is used for the table, and for -p or a command. */
enum gear { GEAR_TABLE, GEAR_STREAM, GEARS };

struct diagnosis {
	struct utsname uts;
	struct features features;
	uint32_t limit;
	int error; /* of the plans: what one needs the other needs */
	char why_not[sizeof(((struct plan *)0)->why_not)];
	char plans[GEARS][PLAN_TEXT_LEN];
};

static const char *state_of(const struct features *features, unsigned int feature)
{
	if (!features->error[feature])
		return "works";
	return feature_is_replaced(features, feature) ? "not needed" : "missing";
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
			buf_printf(buf, "%29s %s: %s\n", "", strerror(error), feature_advice(&diagnosis->features, i));
	}
	if (diagnosis->error)
		buf_printf(buf, "\ntracing will not work: %s\n", diagnosis->why_not);
	else
		buf_printf(buf, "\nplan of the table:     %s\nplan of -p, -- CMD:    %s\n",
			   diagnosis->plans[GEAR_TABLE], diagnosis->plans[GEAR_STREAM]);
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
	json_add_known_text(json, "advice", error, error ? feature_advice(features, feature) : NULL);
	json_close_object(json);
}

static void write_json(struct buf *buf, const struct diagnosis *diagnosis)
{
	struct json_writer json = {.buf = buf};
	char now[UNITS_LEN];

	json_open_object(&json);
	json_add_u64(&json, "schema", 1);
	json_add_text(&json, "type", "doctor");
	json_add_text(&json, "ts", units_time(clock_ns(CLOCK_REALTIME), now, sizeof(now)));
	json_add_text(&json, "host", diagnosis->uts.nodename);
	json_add_text(&json, "kernel", diagnosis->uts.release);
	json_add_text(&json, "machine", diagnosis->uts.machine);
	json_add_u64(&json, "limit", diagnosis->limit);
	json_add_array(&json, "features");
	for (unsigned int i = 0; i < FEATURES; i++)
		write_feature(&json, &diagnosis->features, i);
	json_close_array(&json);
	json_add_bool(&json, "works", !diagnosis->error);
	json_add_known_text(&json, "plan", !diagnosis->error, diagnosis->plans[GEAR_STREAM]);
	json_add_known_text(&json, "plan_table", !diagnosis->error, diagnosis->plans[GEAR_TABLE]);
	json_add_known_text(&json, "why_not", diagnosis->error, diagnosis->why_not);
	json_close_object(&json);
	buf_add_char(buf, '\n');
}

static void make_plans(struct diagnosis *diagnosis, const struct options *options)
{
	for (enum gear gear = 0; gear < GEARS; gear++) {
		struct plan_want want = {
			.hooks = options->hooks,
			.operations = gear == GEAR_STREAM,
			.stop = options->stop_at_percent > 0,
		};
		struct plan plan;
		int error = plan_make(&diagnosis->features, &want, &plan);

		plan_text(&plan, diagnosis->plans[gear], sizeof(diagnosis->plans[gear]));
		if (!error)
			continue;
		diagnosis->error = error;
		memcpy(diagnosis->why_not, plan.why_not, sizeof(diagnosis->why_not));
	}
}

int doctor_run(const struct options *options)
{
	struct buf buf _cleanup_buf_ = {0};
	struct diagnosis diagnosis = {0};

	bpf_log_install();
	uname(&diagnosis.uts);
	procfs_read_limit(&diagnosis.limit);
	probe_mount_tracefs();
	probe_features(&diagnosis.features);
	make_plans(&diagnosis, options);
	if (options->json)
		write_json(&buf, &diagnosis);
	else
		write_text(&buf, &diagnosis);
	return output_once(options->output, &buf) || diagnosis.error ? EXIT_ERROR : EXIT_FINE;
}
