/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/identity.h"

enum {
    LENGTH_BYTES = 8,
};

/* The key is no secret: it makes the incremental HMAC a digest of this use only. */
void identity_begin(struct identity_builder *builder)
{
    builder->parts = hmac_new(SV("keyturn aws identity"));
}

void identity_add(struct identity_builder *builder, struct str_view part)
{
    unsigned char length[LENGTH_BYTES];
    for (int i = 0; i < LENGTH_BYTES; i++) {
        length[i] = (unsigned char)((uint64_t)part.len >> (8 * i));
    }
    hmac_update(builder->parts, length, sizeof length);
    hmac_update(builder->parts, part.data, part.len);
}

struct identity_key identity_end(struct identity_builder *builder)
{
    struct identity_key key = {0};
    hmac_finish(builder->parts, key.bytes);
    builder->parts = NULL;
    return key;
}
