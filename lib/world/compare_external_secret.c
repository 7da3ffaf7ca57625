/* SPDX-License-Identifier: Apache-2.0 */
#include "world/compare.h"

static bool same_texts(const struct str_view *a, size_t a_count, const struct str_view *b,
                       size_t b_count)
{
    if (a_count != b_count) {
        return false;
    }
    for (size_t i = 0; i < a_count; i++) {
        if (!sv_equal(a[i], b[i])) {
            return false;
        }
    }
    return true;
}

static bool same_store(const struct store_ref *a, const struct store_ref *b)
{
    return sv_equal(a->name, b->name) && a->cluster == b->cluster;
}

static bool same_entry(const struct external_secret_data *a, const struct external_secret_data *b)
{
    return sv_equal(a->secret_key, b->secret_key) && sv_equal(a->remote_key, b->remote_key) &&
           sv_equal(a->property, b->property) && sv_equal(a->version, b->version) &&
           a->decoding == b->decoding && a->metadata == b->metadata &&
           a->null_bytes_fail == b->null_bytes_fail && same_store(&a->store, &b->store);
}

static bool same_data(const struct external_secret *a, const struct external_secret *b)
{
    if (a->data_count != b->data_count) {
        return false;
    }
    for (size_t i = 0; i < a->data_count; i++) {
        if (!same_entry(&a->data[i], &b->data[i])) {
            return false;
        }
    }
    return true;
}

static bool same_rewrite(const struct external_secret_rewrite *a,
                         const struct external_secret_rewrite *b)
{
    return a->kind == b->kind && sv_equal(a->source, b->source) && sv_equal(a->target, b->target) &&
           sv_equal(a->template, b->template) && sv_equal(a->into, b->into) &&
           same_texts(a->priority, a->priority_count, b->priority, b->priority_count) &&
           a->priority_may_miss == b->priority_may_miss &&
           a->conflict_ignored == b->conflict_ignored && a->json == b->json;
}

static bool same_rewrites(const struct external_secret_data_from *a,
                          const struct external_secret_data_from *b)
{
    if (a->rewrite_count != b->rewrite_count) {
        return false;
    }
    for (size_t i = 0; i < a->rewrite_count; i++) {
        if (!same_rewrite(&a->rewrites[i], &b->rewrites[i])) {
            return false;
        }
    }
    return true;
}

static bool same_find(const struct external_secret_data_from *a,
                      const struct external_secret_data_from *b)
{
    return sv_equal(a->path, b->path) && a->has_name == b->has_name &&
           sv_equal(a->name_regexp, b->name_regexp) &&
           same_pairs(a->tags, a->tag_count, b->tags, b->tag_count);
}

static bool same_from(const struct external_secret_data_from *a,
                      const struct external_secret_data_from *b)
{
    return a->kind == b->kind && sv_equal(a->remote_key, b->remote_key) &&
           sv_equal(a->property, b->property) && sv_equal(a->version, b->version) &&
           a->metadata == b->metadata && same_find(a, b) && a->decoding == b->decoding &&
           a->conversion == b->conversion && a->null_bytes_fail == b->null_bytes_fail &&
           same_rewrites(a, b) && same_store(&a->store, &b->store);
}

static bool same_data_from(const struct external_secret *a, const struct external_secret *b)
{
    if (a->data_from_count != b->data_from_count) {
        return false;
    }
    for (size_t i = 0; i < a->data_from_count; i++) {
        if (!same_from(&a->data_from[i], &b->data_from[i])) {
            return false;
        }
    }
    return true;
}

static bool same_items(const struct external_secret_template_from *a,
                       const struct external_secret_template_from *b)
{
    if (a->item_count != b->item_count) {
        return false;
    }
    for (size_t i = 0; i < a->item_count; i++) {
        if (!sv_equal(a->items[i].key, b->items[i].key) ||
            a->items[i].keys_and_values != b->items[i].keys_and_values) {
            return false;
        }
    }
    return true;
}

static bool same_template_from(const struct external_secret_template *a,
                               const struct external_secret_template *b)
{
    if (a->from_count != b->from_count) {
        return false;
    }
    for (size_t i = 0; i < a->from_count; i++) {
        const struct external_secret_template_from *left = &a->from[i];
        const struct external_secret_template_from *right = &b->from[i];
        if (left->kind != right->kind || !sv_equal(left->literal, right->literal) ||
            !sv_equal(left->name, right->name) || !same_items(left, right) ||
            left->target != right->target || left->decoding != right->decoding) {
            return false;
        }
    }
    return true;
}

static bool same_template(const struct external_secret *a, const struct external_secret *b)
{
    const struct external_secret_template *left = &a->template;
    const struct external_secret_template *right = &b->template;
    return a->has_template == b->has_template && left->merge == right->merge &&
           sv_equal(left->type, right->type) &&
           same_pairs(left->labels, left->label_count, right->labels, right->label_count) &&
           same_pairs(left->annotations, left->annotation_count, right->annotations,
                      right->annotation_count) &&
           same_texts(left->finalizers, left->finalizer_count, right->finalizers,
                      right->finalizer_count) &&
           same_pairs(left->data, left->data_count, right->data, right->data_count) &&
           same_template_from(left, right);
}

static bool same_policies(const struct external_secret *a, const struct external_secret *b)
{
    return a->refresh_interval_ms == b->refresh_interval_ms &&
           a->refresh_policy == b->refresh_policy && a->creation_policy == b->creation_policy &&
           a->deletion_policy == b->deletion_policy && a->immutable == b->immutable;
}

bool same_external_secret(const struct external_secret *a, const struct external_secret *b)
{
    return sv_equal(a->uid, b->uid) && a->generation == b->generation &&
           a->deleting == b->deleting && sv_equal(a->target, b->target) &&
           sv_equal(a->store_name, b->store_name) && a->cluster_store == b->cluster_store &&
           same_policies(a, b) && sv_equal(a->unsupported, b->unsupported) && same_data(a, b) &&
           same_data_from(a, b) && same_template(a, b) &&
           same_pairs(a->labels, a->label_count, b->labels, b->label_count) &&
           same_pairs(a->annotations, a->annotation_count, b->annotations, b->annotation_count);
}
