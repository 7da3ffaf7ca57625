/* SPDX-License-Identifier: Apache-2.0 */
/* The subcommands, one file each (cmd_*.c). `argv` starts behind the subcommand's name. The answer
 * is the exit status: 0 done, 1 failed while running, 2 not understood (nothing was done). */
#ifndef WEBHOOK_COMMANDS_H
#define WEBHOOK_COMMANDS_H

#include "base/buf.h"

enum {
    EXIT_DONE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
};

int cmd_serve(int argc, char *const *argv);
int cmd_doctor(int argc, char *const *argv);
int cmd_release(int argc, char *const *argv);
int cmd_version(int argc, char *const *argv);

/* One line on standard error: "keyturn serve: ...". Answers `status`. */
int command_fail(const char *command, const struct err *err, int status);
/* Writes `text` to standard output and answers EXIT_DONE. */
int command_print(struct buf *text);

#endif
