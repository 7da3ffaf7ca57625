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

static bool same_pairs(const struct string_pair *a, size_t a_count, const struct string_pair *b,
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

static bool same_data(const struct external_secret *a, const struct external_secret *b)
{
    if (a->data_count != b->data_count) {
        return false;
    }
    for (size_t i = 0; i < a->data_count; i++) {
        const struct external_secret_data *left = &a->data[i];
        const struct external_secret_data *right = &b->data[i];
        if (!sv_equal(left->secret_key, right->secret_key) ||
            !sv_equal(left->remote_key, right->remote_key) ||
            !sv_equal(left->property, right->property) ||
            !sv_equal(left->version, right->version)) {
            return false;
        }
    }
    return true;
}

bool same_external_secret(const struct external_secret *a, const struct external_secret *b)
{
    return sv_equal(a->uid, b->uid) && a->generation == b->generation &&
           a->deleting == b->deleting && sv_equal(a->target, b->target) &&
           sv_equal(a->store_name, b->store_name) && a->cluster_store == b->cluster_store &&
           a->refresh_interval_ms == b->refresh_interval_ms && a->immutable == b->immutable &&
           sv_equal(a->unsupported, b->unsupported) && same_data(a, b) &&
           same_pairs(a->labels, a->label_count, b->labels, b->label_count) &&
           same_pairs(a->annotations, a->annotation_count, b->annotations, b->annotation_count);
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
