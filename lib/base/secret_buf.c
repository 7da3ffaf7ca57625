/* SPDX-License-Identifier: Apache-2.0 */
#include "base/secret_buf.h"

void secret_buf_init(struct secret_buf *secret, size_t ceiling)
{
    buf_init(&secret->bytes, ceiling);
    secret->bytes.wipe = true;
}

void secret_buf_done(struct secret_buf *secret)
{
    secret->bytes.wipe = true;
    buf_done(&secret->bytes);
}

void secret_buf_append(struct secret_buf *secret, const void *data, size_t len)
{
    buf_append(&secret->bytes, data, len);
}

void secret_buf_add(struct secret_buf *secret, struct str_view view)
{
    buf_add(&secret->bytes, view);
}

bool secret_buf_check(const struct secret_buf *secret, const char *what, struct err *err)
{
    return buf_check(&secret->bytes, what, err);
}

struct str_view secret_buf_view(const struct secret_buf *secret)
{
    return buf_view(&secret->bytes);
}

void secret_buf_move(struct secret_buf *to, struct secret_buf *from)
{
    secret_buf_done(to);
    *to = *from;
    from->bytes = (struct buf){.ceiling = to->bytes.ceiling, .wipe = true};
}

bool secret_equal(struct str_view a, struct str_view b)
{
    if (a.len != b.len) {
        return false;
    }
    volatile unsigned char difference = 0;
    for (size_t i = 0; i < a.len; i++) {
        difference = (unsigned char)(difference | (unsigned char)(a.data[i] ^ b.data[i]));
    }
    return difference == 0;
}
