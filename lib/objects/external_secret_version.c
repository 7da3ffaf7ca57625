/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/sha3.h"
#include "objects/external_secret.h"

static int compare_pairs(const void *a, const void *b)
{
    const struct string_pair *const *left = a;
    const struct string_pair *const *right = b;
    return sv_compare((*left)->key, (*right)->key);
}

/* "map[a:1 b:2]", keys in bytewise order, nothing quoted. */
static void add_map(struct sha3_224 *hash, const struct string_pair *pairs, size_t count)
{
    CLEANUP(mem_free_ptr)
    const struct string_pair **sorted = mem_alloc_array(count, sizeof *sorted);
    for (size_t i = 0; i < count; i++) {
        sorted[i] = &pairs[i];
    }
    qsort(sorted, count, sizeof *sorted, compare_pairs);
    sha3_224_update(hash, "map[", 4);
    for (size_t i = 0; i < count; i++) {
        sha3_224_update(hash, " ", i ? 1 : 0);
        sha3_224_update(hash, sorted[i]->key.data, sorted[i]->key.len);
        sha3_224_update(hash, ":", 1);
        sha3_224_update(hash, sorted[i]->value.data, sorted[i]->value.len);
    }
    sha3_224_update(hash, "]", 1);
}

void external_secret_version(const struct external_secret *external_secret,
                             char ret[EXTERNAL_SECRET_VERSION_BYTES])
{
    static const char annotations[] = "{annotations:";
    static const char labels[] = " labels:";
    char digest[SHA3_224_HEX_BYTES];
    struct sha3_224 *hash = sha3_224_new();
    sha3_224_update(hash, annotations, sizeof annotations - 1);
    add_map(hash, external_secret->annotations, external_secret->annotation_count);
    sha3_224_update(hash, labels, sizeof labels - 1);
    add_map(hash, external_secret->labels, external_secret->label_count);
    sha3_224_update(hash, "}", 1);
    sha3_224_finish(hash, digest);
    (void)snprintf(ret, EXTERNAL_SECRET_VERSION_BYTES, "%lld-%s",
                   (long long)external_secret->generation, digest);
}
