/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/workload.h"

#include "base/limits.h"
#include "objects/metadata.h"
#include "objects/owner.h"
#include "objects/text_pool.h"

/* Label keys and values, as the API server has validated them: nothing that would mean something
 * else in a selector's text. */
static bool is_label_text(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        bool letter = (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z');
        bool digit = byte >= '0' && byte <= '9';
        if (!letter && !digit && byte != '-' && byte != '_' && byte != '.' && byte != '/') {
            return false;
        }
    }
    return true;
}

static void separate(struct buf *out)
{
    if (out->len) {
        buf_add_byte(out, ',');
    }
}

static bool add_match_labels(struct buf *out, const struct json *labels)
{
    JSON_FOR_EACH (label, labels) {
        struct str_view value = json_string(label);
        if (!json_is(label, JSON_STRING) || !is_label_text(value) ||
            !is_label_text(json_key(label)) || json_key(label).len == 0) {
            return false;
        }
        separate(out);
        buf_add(out, json_key(label));
        buf_add_byte(out, '=');
        buf_add(out, value);
    }
    return true;
}

static bool add_values(struct buf *out, const struct json *values)
{
    size_t count = 0;
    buf_add_str(out, " (");
    JSON_FOR_EACH (value, values) {
        if (!json_is(value, JSON_STRING) || !is_label_text(json_string(value))) {
            return false;
        }
        if (count++) {
            buf_add_byte(out, ',');
        }
        buf_add(out, json_string(value));
    }
    buf_add_byte(out, ')');
    return count > 0;
}

/* Kubernetes meta/v1 LabelSelectorRequirement. */
static bool add_expression(struct buf *out, const struct json *expression)
{
    struct str_view key = json_string(json_member(expression, "key"));
    const struct json *how = json_member(expression, "operator");
    const struct json *values = json_member(expression, "values");
    if (key.len == 0 || !is_label_text(key)) {
        return false;
    }
    separate(out);
    if (json_string_is(how, "Exists")) {
        buf_add(out, key);
        return true;
    }
    if (json_string_is(how, "DoesNotExist")) {
        buf_add_byte(out, '!');
        buf_add(out, key);
        return true;
    }
    bool in = json_string_is(how, "In");
    if (!in && !json_string_is(how, "NotIn")) {
        return false;
    }
    buf_add(out, key);
    buf_add_str(out, in ? " in" : " notin");
    return add_values(out, values);
}

/* Leaves `out` empty when the selector cannot be said as text: a part of it would select more. */
static void print_selector(struct buf *out, const struct json *selector)
{
    bool ok = add_match_labels(out, json_member(selector, "matchLabels"));
    JSON_FOR_EACH (expression, json_member(selector, "matchExpressions")) {
        ok = ok && add_expression(out, expression);
    }
    if (!ok || out->failed) {
        buf_clear(out);
    }
}

static bool is_off(struct str_view annotation)
{
    return sv_is(annotation, "off");
}

static void take_text(struct workload *workload, struct text_pool *pool)
{
    text_pool_take_names(pool, &workload->namespace, &workload->name);
    text_pool_take(pool, &workload->uid);
    text_pool_take(pool, &workload->resource_version);
    text_pool_take(pool, &workload->marker);
    text_pool_take(pool, &workload->selector);
    for (size_t i = 0; i < workload->refs.count; i++) {
        text_pool_take(pool, &workload->refs.items[i].where);
        text_pool_take(pool, &workload->refs.items[i].secret);
        text_pool_take(pool, &workload->refs.items[i].key);
    }
}

/* Record, references and text in one block: there are tens of thousands of them. */
static struct workload *own(struct workload borrowed)
{
    struct text_pool counted = {0};
    take_text(&borrowed, &counted);
    size_t ref_bytes = borrowed.refs.count * sizeof *borrowed.refs.items;
    struct workload *workload = mem_alloc(sizeof *workload + ref_bytes + counted.size);
    struct secret_ref *refs = (struct secret_ref *)(workload + 1);
    if (ref_bytes) {
        memcpy(refs, borrowed.refs.items, ref_bytes);
    }
    *workload = borrowed;
    workload->refs.items = refs;
    struct text_pool pool = {.at = (char *)refs + ref_bytes};
    take_text(workload, &pool);
    atomic_init(&workload->references, 1);
    return workload;
}

static struct workload *build(const struct metadata *metadata, enum workload_kind kind,
                              const struct json *template, struct str_view selector,
                              const struct secret_ref_list *refs)
{
    const struct metadata of_template = {.json = json_member(template, "metadata")};
    const char *off = "keyturn.io/rollout";
    struct owner ignored;
    return own((struct workload){
        .kind = kind,
        .namespace = metadata->namespace,
        .name = metadata->name,
        .uid = metadata->uid,
        .resource_version = metadata->resource_version,
        .marker = metadata_annotation(&of_template, "keyturn.io/rollout-hash"),
        .selector = selector,
        .owned = owner_find_controller(metadata->json, &ignored),
        .deleting = metadata->deleting,
        .rollout_off = is_off(metadata_annotation(metadata, off)) ||
                       is_off(metadata_annotation(&of_template, off)),
        .refs = {.items = refs->items, .count = refs->count},
    });
}

bool workload_decode(const struct json *object, enum workload_kind kind, struct workload **ret,
                     struct err *err)
{
    struct metadata metadata;
    if (!metadata_decode(object, true, &metadata, err)) {
        return false;
    }
    const struct json *template = kind_pod_template(kind_of(kind), object);
    if (!template) {
        return err_set(err, ERR_INVALID, "the Pod template is missing");
    }
    CLEANUP(secret_refs_done) struct secret_ref_list refs = {0};
    if (!secret_refs_collect(json_member(template, "spec"), &refs, err)) {
        return false;
    }
    CLEANUP(buf_done) struct buf selector;
    buf_init(&selector, LIMIT_URL_BYTES);
    print_selector(&selector, json_path(object, "spec", "selector", NULL));
    *ret = build(&metadata, kind, template, buf_view(&selector), &refs);
    return true;
}

struct workload *workload_retain(struct workload *workload)
{
    atomic_fetch_add_explicit(&workload->references, 1, memory_order_relaxed);
    return workload;
}

void workload_release(struct workload *workload)
{
    if (workload &&
        atomic_fetch_sub_explicit(&workload->references, 1, memory_order_acq_rel) == 1) {
        free(workload);
    }
}
