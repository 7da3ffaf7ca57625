/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes under a path without a disk: libcurl with GnuTLS takes certificates and keys by path only.
 *
 * An anonymous file (memfd_create(2)) that this process reaches as /proc/self/fd/N, also when it is
 * not dumpable and not root. One owner; any thread may open the path meanwhile. */
#ifndef BASE_MEMORY_FILE_H
#define BASE_MEMORY_FILE_H

#include "base/err.h"
#include "base/str_view.h"

struct memory_file {
    int fd; /* -1: nothing has been written */
    char path[32];
};

void memory_file_init(struct memory_file *file);
/* Replaces the content; the path stays what it is. ERR_INTERNAL. */
MUST_CHECK bool memory_file_write(struct memory_file *file, struct str_view bytes, struct err *err);
/* NULL before the first write. Good until memory_file_done(). */
const char *memory_file_path(const struct memory_file *file);
void memory_file_done(struct memory_file *file);

#endif
