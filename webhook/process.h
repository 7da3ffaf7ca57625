/* SPDX-License-Identifier: Apache-2.0 */
/* What the process does to itself before it reads the first secret, and how it hears signals.
 *
 * All of it from main's thread, before the first other thread, but for process_environment. */
#ifndef WEBHOOK_PROCESS_H
#define WEBHOOK_PROCESS_H

#include "aws/environment.h"
#include "base/err.h"

/* No core files, no debugger and no reading of its memory by other processes of the same user
 * (PR_SET_DUMPABLE), no privileges gained by executing anything, big blocks given back to the
 * system at once; and the proof that freed memory is overwritten. ERR_INTERNAL when one of these
 * cannot be had: a process that would hold secrets without them should not start. Sanitizer builds
 * stay dumpable (leak detection needs it) and do not wipe. */
MUST_CHECK bool process_harden(struct err *err);

/* Raises the soft limit of open files to the hard one, as far as the system allows. */
void process_raise_file_limit(void);

/* The variables this process was started with; any thread, since nobody sets one. */
extern const struct environment process_environment;

/* Blocks SIGTERM, SIGINT and SIGHUP for this thread and those it starts, and ignores SIGPIPE.
 * Answers a descriptor that tells when one of the three has come. */
MUST_CHECK bool process_signals(int *ret_fd, struct err *err);
/* The signal that has come, or 0 when none has by `timeout_ms` (-1: wait). */
int process_signal_wait(int fd, int timeout_ms);

#endif
