/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* libbpf's own messages: for -v alone. What matters of them we say ourselves, in one line. */
#ifndef IO_BPF_LOG_H
#define IO_BPF_LOG_H

void bpf_log_install(void);
/* A verifier's log of our own asking, in the same way; what is in text is lost. */
void bpf_log_text(char *text);

#endif
