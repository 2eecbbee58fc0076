/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How the options of `daemon` are taken from their texts. */
#ifndef APP_OPTION_DAEMON_H
#define APP_OPTION_DAEMON_H

#include "option_table.h"

option_set_fn option_set_config, option_set_check_config, option_set_events, option_set_report_every,
	option_set_log_file, option_set_log_max_size, option_set_log_max_age, option_set_log_keep, option_set_log_queue,
	option_set_journald, option_set_syslog, option_set_web_address, option_set_metrics_top,
	option_set_metrics_group, option_set_state_dir, option_set_pin_dir, option_set_max_suspects;

/* What holds where nothing is given. */
extern const struct daemon_options daemon_options_default;

#endif
