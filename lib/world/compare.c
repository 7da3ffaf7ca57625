/* SPDX-License-Identifier: Apache-2.0 */
#include "world/compare.h"

bool same_digests(const struct secret *a, const struct secret *b)
{
    if (a->key_count != b->key_count) {
        return false;
    }
    for (size_t i = 0; i < a->key_count; i++) {
        if (!sv_equal(a->keys[i].key, b->keys[i].key) ||
            memcmp(a->keys[i].digest, b->keys[i].digest, SHA256_BYTES) != 0) {
            return false;
        }
    }
    return true;
}

bool same_pairs(const struct string_pair *a, size_t a_count, const struct string_pair *b,
                size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (!sv_equal(a[i].key, b[i].key) || !sv_equal(a[i].value, b[i].value)) {
            return false;
        }
    }
    return true;
}

bool same_namespace(const struct namespace *a, const struct namespace *b)
{
    return same_pairs(a->labels, a->label_count, b->labels, b->label_count);
}

static bool same_refs(const struct secret_ref_list *a, const struct secret_ref_list *b)
{
    if (a->count != b->count) {
        return false;
    }
    for (size_t i = 0; i < a->count; i++) {
        const struct secret_ref *left = &a->items[i];
        const struct secret_ref *right = &b->items[i];
        if (left->place != right->place || left->container != right->container ||
            left->csi_may_sync != right->csi_may_sync || !sv_equal(left->where, right->where) ||
            !sv_equal(left->secret, right->secret) ||
            (left->key.data == NULL) != (right->key.data == NULL) ||
            !sv_equal(left->key, right->key) || left->optional != right->optional ||
            left->required != right->required || left->rolls != right->rolls) {
            return false;
        }
    }
    return true;
}

bool same_workload(const struct workload *a, const struct workload *b)
{
    return sv_equal(a->uid, b->uid) && (a->marker.data == NULL) == (b->marker.data == NULL) &&
           sv_equal(a->marker, b->marker) && sv_equal(a->selector, b->selector) &&
           a->owned == b->owned && a->deleting == b->deleting && a->rollout_off == b->rollout_off &&
           same_refs(&a->refs, &b->refs);
}
