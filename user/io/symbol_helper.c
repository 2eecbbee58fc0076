/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#include "symbol_helper.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cleanup.h"
#include "privilege.h"
#include "symbol_server.h"

#define SOCKET_FD      3 /* in the helper, behind stdin, stdout and stderr */
#define END_TIMEOUT_MS 100
/* The most memory that a forged file may make it take. */
#ifdef __SANITIZE_ADDRESS__
#define DATA_BYTES RLIM_INFINITY /* its shadow is terabytes */
#else
#define DATA_BYTES (2ULL << 30)
#endif

static long page_size(void)
{
	return sysconf(_SC_PAGESIZE);
}

/* A truncated file is a bus error to whoever has it mapped: it gets zeros to read instead, and goes on. */
static void patch_page(int number, siginfo_t *info, void *context)
{
	uintptr_t page = (uintptr_t)info->si_addr & ~((uintptr_t)page_size() - 1);

	(void)context;
	if (info->si_code != BUS_ADRERR || mmap((void *)page, (size_t)page_size(), PROT_READ | PROT_WRITE,
						MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		signal(number, SIG_DFL);
}

static void reset_signals(void)
{
	struct sigaction bus = {.sa_sigaction = patch_page, .sa_flags = SA_SIGINFO};
	sigset_t none;

	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	/* A terminal's Ctrl-C is for the tracer, which has questions left. */
	signal(SIGINT, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	sigaction(SIGBUS, &bus, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Nothing of the tracer stays open: its BPF programs live as long as somebody has them open. */
static int keep_only(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return -errno;
	for (int i = 0; i < SOCKET_FD; i++) {
		if (i != fd && dup2(null, i) < 0)
			return -errno;
	}
	if (fd != SOCKET_FD && dup2(fd, SOCKET_FD) < 0)
		return -errno;
	return close_range(SOCKET_FD + 1, ~0U, 0) ? -errno : 0;
}

static void write_text(const char *path, const char *text)
{
	int fd _cleanup_close_ = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, text, strlen(text)) < 0)
		return; /* a wish */
}

static void settle(void)
{
	struct rlimit no_core = {0}, files;

	setrlimit(RLIMIT_CORE, &no_core); /* it holds other people's memory */
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setpriority(PRIO_PROCESS, 0, 5);
	/* If memory is short, names are what can best be done without. */
	write_text("/proc/self/oom_score_adj", "500");
	prctl(PR_SET_NAME, "mmaptrace-sym");
}

/*
 * It reads files of whoever is traced, forged ones too: what it could do if one of them took it over is to be little.
 * 0 or negative errno.
 */
static int give_up_privileges(void)
{
	static const unsigned int needed[] = {
		CAP_SYS_PTRACE,		/* maps, root and memory of the traced */
		CAP_DAC_READ_SEARCH,	/* files that only their owner may read */
		CAP_CHECKPOINT_RESTORE, /* /proc/PID/map_files: what is deleted but mapped */
	};
	struct rlimit data;
	/* Whose configuration asks for debuginfod has its cache in a folder of its own. */
	const char *debuginfod = getenv("DEBUGINFOD_URLS");

	/* Never more than an administrator has given us; a wish. */
	if (!getrlimit(RLIMIT_DATA, &data) && (data.rlim_max == RLIM_INFINITY || data.rlim_max > DATA_BYTES)) {
		data.rlim_cur = data.rlim_max = DATA_BYTES;
		setrlimit(RLIMIT_DATA, &data);
	}
	return privilege_keep_only(needed, sizeof(needed) / sizeof(needed[0]), !debuginfod || !*debuginfod);
}

__attribute__((noreturn)) static void run(int fd, pid_t parent, enum unwind_mode mode, uint32_t module_last,
					  struct wire_page *page)
{
	reset_signals();
	if (keep_only(fd))
		_exit(1);
	settle();
	if (give_up_privileges())
		_exit(1);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* forgotten where credentials change */
	if (getppid() != parent)
		_exit(1); /* too late for the signal */
	symbol_server_run(SOCKET_FD, mode, module_last, page);
	_exit(0);
}

int symbol_helper_start(struct symbol_helper *helper, enum unwind_mode mode, uint32_t module_last)
{
	pid_t parent = getpid(), pid;
	int ours _cleanup_close_ = -1, theirs _cleanup_close_ = -1, ends[2];

	if (!helper->page) {
		void *page =
			mmap(NULL, sizeof(*helper->page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

		if (page == MAP_FAILED)
			return -errno;
		helper->page = page;
	}
	memset(helper->page, 0, sizeof(*helper->page));
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	ours = ends[0];
	theirs = ends[1];
	if (fcntl(ours, F_SETFL, O_NONBLOCK))
		return -errno;
	pid = fork();
	if (!pid)
		run(theirs, parent, mode, module_last, helper->page);
	if (pid < 0)
		return -errno;
	helper->pid = pid;
	helper->fd = TAKE_FD(ours);
	return 0;
}

/* Waits for its end, but not long: it may hang on somebody's file system. */
static bool reap(pid_t pid, int timeout_ms)
{
	int fd _cleanup_close_ = (int)syscall(SYS_pidfd_open, pid, 0);
	struct pollfd poll_fd = {.fd = fd, .events = POLLIN};

	if (fd >= 0)
		poll(&poll_fd, 1, timeout_ms);
	return waitpid(pid, NULL, WNOHANG) != 0;
}

void symbol_helper_end(struct symbol_helper *helper)
{
	pid_t pid = helper->pid;

	for (unsigned int i = 0; i < HELPER_UNREAPED_MAX; i++) {
		if (helper->unreaped[i] && reap(helper->unreaped[i], 0))
			helper->unreaped[i] = 0;
	}
	if (helper->fd >= 0)
		close(helper->fd);
	helper->fd = -1;
	helper->pid = 0;
	if (!pid)
		return;
	kill(pid, SIGKILL);
	if (reap(pid, END_TIMEOUT_MS))
		return;
	for (unsigned int i = 0; i < HELPER_UNREAPED_MAX; i++) {
		if (!helper->unreaped[i]) {
			helper->unreaped[i] = pid;
			return;
		}
	}
}

void symbol_helper_free(struct symbol_helper *helper)
{
	symbol_helper_end(helper);
	if (helper->page)
		munmap(helper->page, sizeof(*helper->page));
	helper->page = NULL;
}
