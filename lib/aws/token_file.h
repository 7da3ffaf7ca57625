/* SPDX-License-Identifier: Apache-2.0 */
/* A token that somebody else puts into a file and replaces there: the web identity token of IRSA,
 * the authorization token of EKS Pod Identity (aws.md §2.3, §2.4). Read anew for every use. Any
 * thread.
 */
#ifndef AWS_TOKEN_FILE_H
#define AWS_TOKEN_FILE_H

#include "base/err.h"
#include "base/secret_buf.h"

/* `ret` is initialised and empty; its ceiling is the token's. One newline at the end is dropped, as
 * LF or CR LF. ERR_INVALID: there is no such file, it cannot be read, is empty, larger, or has
 * bytes that a header cannot have (control characters, other than ASCII); names the path. */
MUST_CHECK bool token_file_read(const char *path, struct secret_buf *ret, struct err *err);
/* Printable ASCII and at least one byte. */
MUST_CHECK bool token_is_sendable(struct str_view token);

#endif
