/* SPDX-License-Identifier: Apache-2.0 */
/* Whole small files: tokens, certificates, kubeconfigs. Each with its ceiling. Any thread. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/secret_buf.h"

/* Appends the file's bytes to `ret`, whose ceiling applies. ERR_MISSING, ERR_DENIED, ERR_TOO_BIG,
 * ERR_INTERNAL; the message names the path, and nothing is appended. */
MUST_CHECK bool file_read(const char *path, struct buf *ret, struct err *err);
/* The same into secret memory; no copy stays anywhere else. */
MUST_CHECK bool file_read_secret(const char *path, struct secret_buf *ret, struct err *err);

#endif
