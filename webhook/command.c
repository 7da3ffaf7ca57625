/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/commands.h"

int command_fail(const char *command, const struct err *err, int status)
{
    (void)fprintf(stderr, "%s: %s\n", command, err->message);
    return status;
}

int command_print(struct buf *text)
{
    size_t written = fwrite(text->data, 1, text->len, stdout);
    return written == text->len && fflush(stdout) == 0 ? EXIT_DONE : EXIT_FAILED;
}
