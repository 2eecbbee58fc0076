/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "place.h"

#include <ctype.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct part {
	const char *at;
	size_t len;
};

static bool begins_with(const struct part *part, const char *text)
{
	size_t len = strlen(text);

	return part->len >= len && !memcmp(part->at, text, len);
}

static bool ends_with(const struct part *part, const char *text)
{
	size_t len = strlen(text);

	return part->len > len && !memcmp(part->at + part->len - len, text, len);
}

static bool is(const struct part *part, const char *text)
{
	return part->len == strlen(text) && begins_with(part, text);
}

static bool is_unit(const struct part *part)
{
	static const char *const suffixes[] = {".service", ".scope", ".socket", ".mount", ".swap"};

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		if (ends_with(part, suffixes[i]))
			return part->len <= PLACE_UNIT_LEN;
	}
	return false;
}

/* 8-4-4-4-12 hexadecimal digits, in a slice's name with _ for -; or 32 of them, of a static pod. */
static size_t pod_uid_len(const char *at, size_t len)
{
	size_t i;

	for (i = 0; i < len && i < POD_UID_LEN; i++) {
		bool is_dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (is_dash ? at[i] != '_' && at[i] != '-' : !isxdigit((unsigned char)at[i]))
			break;
	}
	if (i == POD_UID_LEN)
		return i;
	for (i = 0; i < len && isxdigit((unsigned char)at[i]);)
		i++;
	return i == 32 ? i : 0;
}

static void take_pod(const struct part *part, struct place *place)
{
	const char *at = part->at, *end = part->at + part->len;
	size_t len;

	if (begins_with(part, "kubepods-"))
		at = memmem(part->at, part->len, "-pod", 4);
	else if (!begins_with(part, "pod"))
		return;
	if (!at)
		return;
	at += *at == '-' ? 4 : 3;
	len = pod_uid_len(at, (size_t)(end - at));
	if (!len || (at + len != end && at[len] != '.'))
		return;
	for (size_t i = 0; i < len; i++)
		place->pod_uid[i] = at[i];
	place->pod_uid[len] = '\0';
	for (char *c = place->pod_uid; *c; c++) {
		if (*c == '_')
			*c = '-';
	}
}

static void take_runtime(const struct part *part, const struct part *parent, struct place *place)
{
	static const struct {
		const char *prefix, *runtime;
	} known[] = {
		{"docker-", "docker"},
		{"cri-containerd-", "containerd"},
		{"nerdctl-", "containerd"},
		{"crio-conmon-", NULL},
		{"crio-", "cri-o"},
		{"libpod-conmon-", NULL},
		{"libpod-", "podman"},
		{"lxc.payload.", "lxc"},
		{"systemd-nspawn@", "systemd-nspawn"},
		{"machine-", "systemd-nspawn"},
	};

	if (is(parent, "docker") || is(parent, "lxc")) {
		place->runtime = is(parent, "docker") ? "docker" : "lxc";
		return;
	}
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!begins_with(part, known[i].prefix))
			continue;
		if (known[i].runtime)
			place->runtime = known[i].runtime;
		return;
	}
}

void place_find(const char *cgroup, struct place *ret_place)
{
	struct part parent = {"", 0};
	bool in_pods = false;

	memset(ret_place, 0, sizeof(*ret_place));
	while (*cgroup) {
		struct part part = {cgroup, strcspn(cgroup, "/")};

		if (is_unit(&part)) {
			memcpy(ret_place->unit, part.at, part.len);
			ret_place->unit[part.len] = '\0';
		}
		in_pods |= begins_with(&part, "kubepods");
		if (in_pods)
			take_pod(&part, ret_place);
		if (part.len)
			take_runtime(&part, &parent, ret_place);
		parent = part;
		cgroup += part.len;
		cgroup += *cgroup == '/';
	}
}
