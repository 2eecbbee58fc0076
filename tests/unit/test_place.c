/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* user/core/place.c: paths of cgroups as they are found on machines. */
#include "fake.h"

#include "place.h"

#define ID "4f1a0bb2c0b7c1a6a5d8a8a49b0f7a9f1a7f5b33f4d6c1a0e9d8c7b6a5948372"

static const struct {
	const char *path, *unit, *runtime, *pod;
} cases[] = {
	{"/", "", NULL, ""},
	{"", "", NULL, ""},
	{"/system.slice/postgresql@15-main.service", "postgresql@15-main.service", NULL, ""},
	{"/system.slice/system-getty.slice/getty@tty1.service", "getty@tty1.service", NULL, ""},
	{"/user.slice/user-1000.slice/user@1000.service/app.slice/app-org.gnome.Terminal.slice/vte-spawn-1.scope",
	 "vte-spawn-1.scope", NULL, ""},
	{"/user.slice/user-1000.slice/session-2.scope", "session-2.scope", NULL, ""},
	{"/system.slice/docker-" ID ".scope", "docker-" ID ".scope", "docker", ""},
	{"/docker/" ID, "", "docker", ""},
	{"/docker/" ID "/system.slice/cron.service", "cron.service", "docker", ""},
	{"/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod12345678_1234_1234_1234_123456789abc.slice/"
	 "cri-containerd-" ID ".scope",
	 "cri-containerd-" ID ".scope", "containerd", "12345678-1234-1234-1234-123456789abc"},
	{"/kubepods/besteffort/pod12345678-1234-1234-1234-123456789abc/" ID, "", NULL,
	 "12345678-1234-1234-1234-123456789abc"},
	{"/kubepods.slice/kubepods-pod12345678_1234_1234_1234_123456789abc.slice/crio-" ID ".scope",
	 "crio-" ID ".scope", "cri-o", "12345678-1234-1234-1234-123456789abc"},
	{"/kubepods.slice/kubepods-pod0123456789abcdef0123456789abcdef.slice/crio-conmon-" ID ".scope",
	 "crio-conmon-" ID ".scope", NULL, "0123456789abcdef0123456789abcdef"},
	{"/machine.slice/libpod-" ID ".scope/container", "libpod-" ID ".scope", "podman", ""},
	{"/machine.slice/libpod-conmon-" ID ".scope", "libpod-conmon-" ID ".scope", NULL, ""},
	{"/lxc.payload.web1/system.slice/nginx.service", "nginx.service", "lxc", ""},
	{"/lxc/web1", "", "lxc", ""},
	{"/machine.slice/systemd-nspawn@web.service/payload", "systemd-nspawn@web.service", "systemd-nspawn", ""},
	/* nothing of these */
	{"/system.slice/.service", "", NULL, ""},
	{"/podrace/pod12345678-1234-1234-1234-123456789abc", "", NULL, ""},
	{"/kubepods/pod12345678-1234-1234-1234-123456789abcd", "", NULL, ""},
	{"/kubepods/podzz", "", NULL, ""},
	{"//docker//x", "", NULL, ""},
};

static void as_found_on_machines(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		struct place place;

		place_find(cases[i].path, &place);
		assert_string_equal(place.unit, cases[i].unit);
		assert_string_equal(place.pod_uid, cases[i].pod);
		if (cases[i].runtime)
			assert_string_equal(place.runtime, cases[i].runtime);
		else
			assert_null(place.runtime);
	}
}

static void any_bytes(void **state)
{
	static const char *const pieces[] = {
		"/",	"docker-", "kubepods", "-pod", "pod",	  ".scope",	     ".service",
		"1234", "_",	   "-",	       "\xff", "libpod-", "abcdef0123456789"};
	uint64_t seed = 5;

	(void)state;
	for (unsigned int turn = 0; turn < 20000; turn++) {
		char path[1024] = "";
		struct place place;

		for (unsigned int i = fake_below(&seed, 30); i > 0; i--)
			strcat(path, pieces[fake_below(&seed, COUNT(pieces))]);
		place_find(path, &place);
		assert_in_range(strlen(place.unit), 0, PLACE_UNIT_LEN);
		assert_in_range(strlen(place.pod_uid), 0, POD_UID_LEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(as_found_on_machines),
		cmocka_unit_test(any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
