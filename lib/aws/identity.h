/* SPDX-License-Identifier: Apache-2.0 */
/* Which identity a call is made with, as a key: two are equal only if everything that makes the
 * identity is (source, role chain, external id, session tags). What one may read is never answered
 * to another (aws.md D1). Not secret. */
#ifndef AWS_IDENTITY_H
#define AWS_IDENTITY_H

#include "crypto/hmac.h"

struct identity_key {
    unsigned char bytes[SHA256_BYTES];
};

/* Gathers the parts; each is length-prefixed, so that no two lists of parts meet. They are digested
 * as they come: what an object holds may be of any size. */
struct identity_builder {
    struct hmac *parts;
};

void identity_begin(struct identity_builder *builder);
void identity_add(struct identity_builder *builder, struct str_view part);
/* Releases the builder. */
struct identity_key identity_end(struct identity_builder *builder);

static inline struct str_view identity_view(const struct identity_key *key)
{
    return sv_make((const char *)key->bytes, sizeof key->bytes);
}

static inline bool identity_equal(const struct identity_key *a, const struct identity_key *b)
{
    return sv_equal(identity_view(a), identity_view(b));
}

#endif
