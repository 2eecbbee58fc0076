/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * user/sink/pprof*.c: profiles, read back by protobuf-c and by protoc. With the name of a file, writes one there to be
 * opened by hand: build/tests/unit/test_pprof FILE; pprof -top FILE.
 */
#include "pprof_reader.h"
#include "profile_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cleanup.h"
#include "pprof.h"

static const struct pprof_time when = {.unix_ns = 1700000000000000000, .duration_ns = 60000000000};

static struct site sites_leak(unsigned int i)
{
	struct site sites[] = {
		site_of(MT_OP_MMAP, &stack_leak, 400, 450),
		site_of(MT_OP_MUNMAP, &stack_leak, 0, -50),
		site_of(MT_OP_MPROTECT, &stack_cut, 20, 20),
		site_of(MT_OP_BRK, NULL, 1, 1),
		site_of(MT_OP_OTHER, NULL, 0, 0),
	};

	sites[0].has_file = sites[1].has_file = sites[1].many_files = true;
	strcpy(sites[0].file.path, "/dev/shm/cart");
	strcpy(sites[1].file.path, "/dev/shm/last");
	sites[4].calls = 0;
	return sites[i];
}

static struct pprof *pprof_of(const struct profile_process *process, const struct site *sites, size_t count)
{
	struct pprof *pprof = pprof_new();

	assert_non_null(pprof);
	assert_int_equal(pprof_add(pprof, process, sites, count), 0);
	return pprof;
}

static struct pprof *pprof_of_leak(void)
{
	struct site sites[5];

	for (unsigned int i = 0; i < COUNT(sites); i++)
		sites[i] = sites_leak(i);
	return pprof_of(&server, sites, COUNT(sites));
}

/* Takes it. */
static profile_t *finish(struct pprof *pprof)
{
	_cleanup_buf_ struct buf file = {0};

	assert_int_equal(pprof_finish(pprof, &when, &file), 0);
	pprof_free(pprof);
	return profile_unpack(&file);
}

static void what_is_counted(void **state)
{
	profile_t *profile = finish(pprof_of_leak());
	const char *const units[] = {"count", "count", "bytes", "count"};
	const int64_t leak[] = {400, 450, 400 * 4096, 500}, unmap[] = {0, -50, 0, 500};

	(void)state;
	expect_sound(profile);
	assert_int_equal(profile->n_sample_type, PROFILE_VALUES);
	for (unsigned int i = 0; i < PROFILE_VALUES; i++) {
		assert_string_equal(text(profile, profile->sample_type[i]->type), profile_value_name(i));
		assert_string_equal(text(profile, profile->sample_type[i]->unit), units[i]);
	}
	assert_string_equal(text(profile, profile->default_sample_type), "live");
	assert_string_equal(text(profile, profile->period_type->type), "calls");
	assert_int_equal(profile->period, 1);
	assert_int_equal(profile->time_nanos, when.unix_ns);
	assert_int_equal(profile->duration_nanos, when.duration_ns);
	assert_int_equal(profile->n_sample, 4); /* the fifth has nothing to tell */
	assert_memory_equal(profile->sample[0]->value, leak, sizeof(leak));
	assert_memory_equal(profile->sample[1]->value, unmap, sizeof(unmap));
	release(profile);
}

static void labels(void **state)
{
	profile_t *profile = finish(pprof_of_leak());

	(void)state;
	expect_label(profile, 0, "op", "mmap");
	expect_label(profile, 0, "comm", "server");
	expect_label(profile, 0, "file", "/dev/shm/cart");
	assert_int_equal(label(profile, 0, "pid")->num, 1234);
	expect_label(profile, 1, "op", "munmap");
	expect_label(profile, 1, "file", "[several files]");
	assert_null(label(profile, 2, "file"));
	release(profile);
}

static void inlined_frames(void **state)
{
	profile_t *profile = finish(pprof_of_leak());
	const Perftools__Profiles__Sample *sample = profile->sample[0];
	const Perftools__Profiles__Location *inner = location(profile, sample->location_id[1]);

	(void)state;
	assert_int_equal(sample->n_location_id, 3); /* four frames, two of them at one address */
	expect_line(profile, location(profile, sample->location_id[0])->line[0], "__mmap64", "", 0);
	assert_int_equal(inner->address, 0x137a);
	assert_int_equal(inner->mapping_id, mapping(profile, SERVER)->id);
	assert_int_equal(inner->n_line, 2);
	expect_line(profile, inner->line[0], "frame_map", "src/frames.c", 31);
	expect_line(profile, inner->line[1], "shop::Cart::add(int, std::string const&)", "src/cart.cc", 107);
	expect_line(profile, location(profile, sample->location_id[2])->line[0], "main", "src/main.cc", 12);
	release(profile);
}

static void unknown_frames(void **state)
{
	profile_t *profile = finish(pprof_of_leak());
	const Perftools__Profiles__Sample *cut = profile->sample[2], *none = profile->sample[3];
	const Perftools__Profiles__Location *dark = location(profile, cut->location_id[0]);

	(void)state;
	assert_int_equal(cut->n_location_id, 4);
	assert_int_equal(dark->n_line, 0); /* for pprof to look up */
	assert_int_equal(dark->address, 0xbeef);
	assert_int_equal(dark->mapping_id, mapping(profile, "/opt/x/libdark.so")->id);
	expect_line(profile, location(profile, cut->location_id[1])->line[0], "[unknown]", "", 0);
	assert_int_equal(location(profile, cut->location_id[1])->address, 0xdead0000);
	expect_line(profile, location(profile, cut->location_id[3])->line[0], "[cut off]", "", 0);
	assert_int_equal(none->n_location_id, 1);
	expect_line(profile, location(profile, none->location_id[0])->line[0], "[unknown]", "", 0);
	release(profile);
}

static void mappings(void **state)
{
	profile_t *profile = finish(pprof_of_leak());
	const Perftools__Profiles__Mapping *libc = mapping(profile, LIBC), *own = mapping(profile, SERVER);

	(void)state;
	assert_int_equal(profile->n_mapping, 3);
	assert_ptr_equal(profile->mapping[0], own); /* the program, though met second */
	assert_string_equal(text(profile, own->build_id), "5eed");
	assert_true(own->has_functions && own->has_filenames && own->has_line_numbers && own->has_inline_frames);
	assert_true(libc->has_functions && !libc->has_filenames && !libc->has_line_numbers && !libc->has_inline_frames);
	assert_false(mapping(profile, "/opt/x/libdark.so")->has_functions);
	assert_int_equal(own->memory_start, 0);
	assert_true(own->memory_limit == UINT64_MAX);
	release(profile);
}

static void nothing_twice(void **state)
{
	const struct profile_process second = {.pid = 99, .comm = "other", .program = "/bin/other"};
	struct pprof *pprof = pprof_of_leak();
	struct site again[] = {sites_leak(0), sites_leak(2)};
	profile_t *profile;

	(void)state;
	assert_int_equal(pprof_add(pprof, &second, again, COUNT(again)), 0);
	profile = finish(pprof);
	expect_sound(profile);
	assert_int_equal(profile->n_sample, 6);
	assert_int_equal(profile->n_mapping, 3);
	/* __mmap64, frame_map + add, main; libdark, two addresses of nothing, [cut off], [unknown] */
	assert_int_equal(profile->n_location, 8);
	assert_int_equal(profile->n_function, 6);
	expect_label(profile, 4, "comm", "other");
	assert_int_equal(label(profile, 4, "pid")->num, 99);
	for (size_t i = 0; i < profile->n_string_table; i++) {
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(profile->string_table[i], profile->string_table[j]);
	}
	release(profile);
}

static void hostile_names(void **state)
{
	struct site site = site_of(MT_OP_MMAP, &stack_hostile, INT64_MAX, INT64_MIN);
	const struct profile_process evil = {.comm = HOSTILE, .program = HOSTILE}, nobody = {.comm = NULL};
	struct pprof *pprof = pprof_of(&evil, &site, 1);
	profile_t *profile;

	(void)state;
	site.bytes = site.calls = UINT64_MAX;
	site.stack = &stack_empty;
	assert_int_equal(pprof_add(pprof, &nobody, &site, 1), 0);
	profile = finish(pprof);
	expect_sound(profile);
	expect_label(profile, 0, "comm", HARMLESS);
	expect_line(profile, profile->location[0]->line[0], HARMLESS, HARMLESS, 0);
	assert_int_equal(profile->location[1]->n_line, 0);
	assert_string_equal(text(profile, mapping(profile, HARMLESS)->build_id), HARMLESS);
	assert_int_equal(profile->sample[1]->value[PROFILE_BYTES], INT64_MAX);
	assert_int_equal(profile->sample[1]->value[PROFILE_CALLS], INT64_MAX);
	assert_true(profile->sample[1]->value[PROFILE_GROWTH] == INT64_MIN);
	assert_null(label(profile, 1, "comm"));
	release(profile);
}

static void nothing(void **state)
{
	profile_t *profile = finish(pprof_of(&server, NULL, 0));

	(void)state;
	expect_sound(profile);
	assert_int_equal(profile->n_sample + profile->n_location + profile->n_mapping, 0);
	assert_int_equal(profile->n_sample_type, PROFILE_VALUES);
	release(profile);
	pprof_free(NULL);
}

/* What is finished is of what was added so far, and the next one of all. */
static void finished_twice(void **state)
{
	struct pprof *pprof = pprof_of_leak();
	_cleanup_buf_ struct buf first = {0}, second = {0};
	struct site site = sites_leak(0);
	profile_t *profile;

	(void)state;
	assert_int_equal(pprof_finish(pprof, &when, &first), 0);
	assert_int_equal(pprof_finish(pprof, &when, &second), 0);
	assert_int_equal(first.len, second.len);
	assert_memory_equal(first.data, second.data, first.len);
	assert_int_equal(pprof_add(pprof, &server, &site, 1), 0);
	profile = finish(pprof);
	assert_int_equal(profile->n_sample, 5);
	release(profile);
}

static void many_sites(void **state)
{
	struct many *many _cleanup_free_ = many_new();
	double start = seconds();
	_cleanup_buf_ struct buf file = {0};
	struct pprof *pprof = pprof_of(&server, many->sites, MANY_SITES);
	double added = seconds();
	profile_t *profile;

	(void)state;
	assert_int_equal(pprof_finish(pprof, &when, &file), 0);
	print_message("%d sites of %d frames: added in %.3f s, finished in %.3f s, %zu bytes\n", MANY_SITES,
		      MANY_FRAMES, added - start, seconds() - added, file.len);
	pprof_free(pprof);
	profile = profile_unpack(&file);
	expect_sound(profile);
	assert_int_equal(profile->n_sample, MANY_SITES);
	assert_int_equal(profile->n_location, many_functions());
	assert_int_equal(profile->n_function, many_functions());
	assert_int_equal(profile->n_mapping, 2);
	release(profile);
}

/* ---- by others ---- */

static void write_file(int fd)
{
	struct pprof *pprof = pprof_of_leak();
	_cleanup_buf_ struct buf file = {0};

	assert_int_equal(pprof_finish(pprof, &when, &file), 0);
	assert_int_equal(write(fd, file.data, file.len), file.len);
	pprof_free(pprof);
}

static void need_protoc(void)
{
	const char *required = getenv("MMAPTRACE_REQUIRE"), *why = NULL;

	if (access("user/sink/profile.proto", R_OK))
		why = "user/sink/profile.proto is not below this folder";
	else if (system("command -v protoc >/dev/null"))
		why = "protoc is missing: apt-get install protobuf-compiler";
	if (why && required && !strcmp(required, "1"))
		fail_msg("%s", why);
	if (!why)
		return;
	print_message("%s\n", why);
	skip();
}

static char *output_of(const char *command)
{
	char *out = calloc(1, 1 << 16);
	FILE *pipe = popen(command, "r");

	assert_non_null(out);
	assert_non_null(pipe);
	out[fread(out, 1, (1 << 16) - 1, pipe)] = '\0';
	assert_int_equal(pclose(pipe), 0);
	return out;
}

static void read_by_protoc(void **state)
{
	const char *folder = getenv("TMPDIR"), *const expected[] = {
						       "sample_type {\n  type: ",
						       "string_table: \"__mmap64\"",
						       "string_table: \"src/cart.cc\"",
						       "value: 400\n  value: 450\n  value: 1638400\n  value: 500\n",
						       "value: -50\n",
						       "has_inline_frames: true",
						       "memory_limit: 18446744073709551615",
						       "time_nanos: 1700000000000000000",
						       "num: 1234"};
	char path[256], command[512], *out;
	int fd _cleanup_close_ = -1;

	(void)state;
	need_protoc();
	snprintf(path, sizeof(path), "%s/mmaptrace.XXXXXX", folder ? folder : "/tmp");
	fd = mkstemp(path);
	assert_true(fd >= 0);
	write_file(fd);
	snprintf(command, sizeof(command),
		 "gzip -dc <'%s' | protoc --decode=perftools.profiles.Profile -Iuser/sink profile.proto", path);
	out = output_of(command);
	unlink(path);
	for (unsigned int i = 0; i < COUNT(expected); i++) {
		if (!strstr(out, expected[i]))
			fail_msg("lacks '%s':\n%s", expected[i], out);
	}
	free(out);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_counted), cmocka_unit_test(labels),	     cmocka_unit_test(inlined_frames),
		cmocka_unit_test(unknown_frames),  cmocka_unit_test(mappings),	     cmocka_unit_test(nothing_twice),
		cmocka_unit_test(hostile_names),   cmocka_unit_test(nothing),	     cmocka_unit_test(finished_twice),
		cmocka_unit_test(many_sites),	   cmocka_unit_test(read_by_protoc),
	};

	if (argc > 1) {
		int fd _cleanup_close_ = open(argv[1], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

		write_file(fd);
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}
