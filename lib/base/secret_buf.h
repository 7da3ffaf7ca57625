/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes that nobody may see: a buffer that wipes what it gives back and that no function prints.
 *
 * Everything that holds or is derived from a secret value has this type: tokens, request bodies
 * with credentials, AWS answers, data of a Secret, the text of a Secret manifest. The logger and
 * err have no function for it. `bytes` is for encoders that work on a struct buf; never copy from
 * there into a plain buffer. One thread at a time. */
#ifndef BASE_SECRET_BUF_H
#define BASE_SECRET_BUF_H

#include "base/buf.h"

struct secret_buf {
    struct buf bytes;
};

void secret_buf_init(struct secret_buf *secret, size_t ceiling);
/* Wipes and releases; accepts a zeroed struct. */
void secret_buf_done(struct secret_buf *secret);
void secret_buf_append(struct secret_buf *secret, const void *data, size_t len);
void secret_buf_add(struct secret_buf *secret, struct str_view view);
MUST_CHECK bool secret_buf_check(const struct secret_buf *secret, const char *what,
                                 struct err *err);
struct str_view secret_buf_view(const struct secret_buf *secret);
/* Moves out of `from`, which is left empty. `to` is released first. */
void secret_buf_move(struct secret_buf *to, struct secret_buf *from);
/* Time does not depend on where two secrets of one length differ. */
bool secret_equal(struct str_view a, struct str_view b);

#endif
