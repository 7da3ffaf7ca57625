/* SPDX-License-Identifier: Apache-2.0 */
/* From the tree as written to what it means: aliases are followed, merges done, keys made text. The
 * steps are counted as go-yaml counts them, which is what bounds the time: an alias that is merged
 * into members that are there already makes no node. */
#include "base/yaml11.h"

#include <math.h>
#include <stdlib.h>

#include "base/decimal.h"
#include "base/limits.h"
#include "base/secret_buf.h"
#include "base/yaml11_internal.h"

enum {
    NUMBER_BYTES = 32,
    JSON_REPLACED = 255, /* type of a member that a later one replaces */

    /* go-yaml: up to 400,000 steps 99 % may come from aliases, from 4,000,000 on 10 %. */
    ALIAS_STEPS_FREE = 100,
    STEPS_FREE = 1000,
    STEPS_LOW = 400000,
    STEPS_HIGH = 4000000,
};

enum target {
    TARGET_ANY,
    TARGET_STRINGS, /* of the one mapping */
};

struct decoder {
    struct yaml11_tree tree;
    struct yaml11_doc *doc;
    const struct json_limits *limits;
    enum target target;
    uint32_t steps;
    uint32_t alias_steps;
    uint32_t alias_depth;
    struct err *err;
};

static bool fail(const struct decoder *decoder, const struct yaml11_node *at, const char *what)
{
    return yaml11_fail(decoder->err, at, ERR_INVALID, what);
}

static struct yaml11_node *node_at(const struct decoder *decoder, uint32_t index)
{
    return &decoder->tree.nodes[index];
}

static double allowed_alias_ratio(uint32_t steps)
{
    if (steps <= STEPS_LOW) {
        return 0.99;
    }
    if (steps >= STEPS_HIGH) {
        return 0.10;
    }
    return 0.99 - 0.89 * ((double)(steps - STEPS_LOW) / (STEPS_HIGH - STEPS_LOW));
}

static bool step(struct decoder *decoder, const struct yaml11_node *node)
{
    decoder->steps++;
    decoder->alias_steps += decoder->alias_depth > 0;
    return decoder->alias_steps <= ALIAS_STEPS_FREE || decoder->steps <= STEPS_FREE ||
           (double)decoder->alias_steps / (double)decoder->steps <=
               allowed_alias_ratio(decoder->steps) ||
           yaml11_fail(decoder->err, node, ERR_TOO_BIG, "aliases expand to too much");
}

static struct json *json_new(struct decoder *decoder, const struct yaml11_node *at)
{
    if (decoder->doc->nodes.nodes >= decoder->limits->max_nodes) {
        (void)yaml11_fail(decoder->err, at, ERR_TOO_BIG, "more values than the limit allows");
        return NULL;
    }
    struct json *node = json_doc_node(&decoder->doc->nodes);
    if (!node) {
        (void)yaml11_fail(decoder->err, at, ERR_BUSY,
                          "no memory left in the budget for requests in flight");
    }
    return node;
}

/* Scalars */

/* encoding/json writes e-7, strconv e-07. */
static void shorten_exponent(struct buf *text)
{
    if (text->len > 4 && memcmp(text->data + text->len - 4, "e-0", 3) == 0) {
        text->data[text->len - 2] = text->data[text->len - 1];
        buf_truncate(text, text->len - 1);
    }
}

static void add_float(struct buf *text, double real, enum target target)
{
    if (target == TARGET_ANY) {
        decimal_add_double(text, real, -6, 21);
        shorten_exponent(text);
    } else {
        decimal_add_float(text, (float)real, -4, 6);
    }
}

/* What Go prints for a scalar of this type; null is nothing. */
static struct str_view scalar_text(struct decoder *decoder, const struct yaml11_scalar *scalar,
                                   enum target target)
{
    CLEANUP(secret_buf_done) struct secret_buf text = {0};
    secret_buf_init(&text, NUMBER_BYTES);
    switch (scalar->type) {
    case YAML11_NULL:
        return SV("");
    case YAML11_BOOL:
        return scalar->boolean ? SV("true") : SV("false");
    case YAML11_STRING:
        return scalar->text;
    case YAML11_INT:
        buf_add_int(&text.bytes, scalar->integer);
        break;
    case YAML11_UINT:
        buf_printf(&text.bytes, "%llu", (unsigned long long)scalar->natural);
        break;
    case YAML11_FLOAT:
        add_float(&text.bytes, scalar->real, target);
        break;
    }
    return yaml_text_copy(&decoder->doc->text, secret_buf_view(&text));
}

static enum json_type json_type_of(const struct yaml11_scalar *scalar)
{
    switch (scalar->type) {
    case YAML11_NULL:
        return JSON_NULL;
    case YAML11_BOOL:
        return scalar->boolean ? JSON_TRUE : JSON_FALSE;
    case YAML11_STRING:
        return JSON_STRING;
    case YAML11_INT:
    case YAML11_UINT:
    case YAML11_FLOAT:
        break;
    }
    return JSON_NUMBER;
}

static bool decode_scalar(struct decoder *decoder, const struct yaml11_node *node, struct json *ret)
{
    struct yaml11_scalar scalar = {0};
    if (!yaml11_resolve(node, &decoder->doc->text, &scalar, decoder->err)) {
        return false;
    }
    enum json_type type = decoder->target == TARGET_STRINGS ? JSON_STRING : json_type_of(&scalar);
    if (type == JSON_NUMBER && scalar.type == YAML11_FLOAT && !isfinite(scalar.real)) {
        return fail(decoder, node, "infinity or NaN, which JSON does not have");
    }
    ret->type = (uint8_t)type;
    if (type == JSON_NUMBER || type == JSON_STRING) {
        struct str_view text = scalar_text(decoder, &scalar, decoder->target);
        ret->text = text.data;
        ret->len = (uint32_t)text.len;
    }
    return true;
}

/* Keys */

static struct str_view key_of_float(struct decoder *decoder, const struct yaml11_scalar *scalar)
{
    if (isnan(scalar->real)) {
        return SV(".nan");
    }
    /* What is infinite as a binary32 only is one too. */
    if (isinf((float)scalar->real)) {
        return scalar->real < 0 ? SV("-.inf") : SV(".inf");
    }
    return scalar_text(decoder, scalar, TARGET_STRINGS);
}

static bool scalar_key(struct decoder *decoder, const struct yaml11_node *node,
                       struct str_view *ret)
{
    struct yaml11_scalar scalar = {0};
    if (node->kind != YAML11_SCALAR) {
        return fail(decoder, node, "a key that is a list or a mapping");
    }
    if (!yaml11_resolve(node, &decoder->doc->text, &scalar, decoder->err)) {
        return false;
    }
    if (scalar.type == YAML11_NULL) {
        return fail(decoder, node, "a key that is null");
    }
    if (scalar.type == YAML11_UINT) {
        return fail(decoder, node, "a key that is a number over 63 bits: quote it");
    }
    *ret = scalar.type == YAML11_FLOAT ? key_of_float(decoder, &scalar)
                                       : scalar_text(decoder, &scalar, TARGET_STRINGS);
    return true;
}

static bool decode_key(struct decoder *decoder, const struct yaml11_node *node,
                       struct str_view *ret)
{
    if (!step(decoder, node)) {
        return false;
    }
    if (node->kind != YAML11_ALIAS) {
        return scalar_key(decoder, node, ret);
    }
    const struct yaml11_node *target = node_at(decoder, node->target);
    decoder->alias_depth++;
    bool decoded = step(decoder, target) && scalar_key(decoder, target, ret);
    decoder->alias_depth--;
    return decoded;
}

/* Mappings. A member goes behind the others; what it replaces is found at the end. */

struct members {
    struct json *first;
    struct json *last;
    uint32_t count;
};

static bool decode_value(struct decoder *decoder, uint32_t index, struct json *ret, uint32_t depth);
static bool add_members(struct decoder *decoder, const struct yaml11_node *mapping,
                        struct members *members, uint32_t depth);

static void append(struct members *members, struct json *node)
{
    if (members->last) {
        members->last->next = node;
    } else {
        members->first = node;
    }
    members->last = node;
    members->count++;
}

static bool add_member(struct decoder *decoder, const struct yaml11_node *key,
                       struct members *members, uint32_t depth)
{
    struct str_view text = {0};
    if (!decode_key(decoder, key, &text)) {
        return false;
    }
    struct json *member = json_new(decoder, key);
    if (!member || !decode_value(decoder, key->next, member, depth)) {
        return false;
    }
    member->key = text.data;
    member->key_len = (uint32_t)text.len;
    append(members, member);
    return true;
}

static bool is_merge(const struct yaml11_node *key)
{
    return key->kind == YAML11_SCALAR && sv_is(key->value, "<<") &&
           (key->implicit || key->tag == YAML11_TAG_MERGE);
}

/* A mapping, or an alias of one, whose members become those of another. */
static bool merge_one(struct decoder *decoder, struct yaml11_node *node, struct members *members,
                      uint32_t depth)
{
    if (!step(decoder, node)) {
        return false;
    }
    if (node->kind == YAML11_MAPPING) {
        return add_members(decoder, node, members, depth);
    }
    const struct yaml11_node *target =
        node->kind == YAML11_ALIAS ? node_at(decoder, node->target) : node;
    if (target->kind != YAML11_MAPPING) {
        return fail(decoder, node, "a merge of what is no mapping");
    }
    if (node->entered) {
        return fail(decoder, node, "an anchor that contains itself");
    }
    node->entered = true;
    decoder->alias_depth++;
    bool merged = step(decoder, target) && add_members(decoder, target, members, depth);
    decoder->alias_depth--;
    node->entered = false;
    return merged;
}

/* Of a list the first mapping counts most, so it comes last. */
static bool merge_list(struct decoder *decoder, const struct yaml11_node *list,
                       struct members *members, uint32_t depth)
{
    uint32_t count = 0;
    for (uint32_t at = list->child; at; at = node_at(decoder, at)->next) {
        count++;
    }
    CLEANUP(mem_free_ptr) uint32_t *items = mem_alloc_array(count, sizeof *items);
    uint32_t filled = 0;
    for (uint32_t at = list->child; at; at = node_at(decoder, at)->next) {
        items[filled++] = at;
    }
    while (count > 0) {
        if (!merge_one(decoder, node_at(decoder, items[--count]), members, depth)) {
            return false;
        }
    }
    return true;
}

static bool merge(struct decoder *decoder, uint32_t index, struct members *members, uint32_t depth)
{
    struct yaml11_node *node = node_at(decoder, index);
    return node->kind == YAML11_SEQUENCE ? merge_list(decoder, node, members, depth)
                                         : merge_one(decoder, node, members, depth);
}

static bool add_members(struct decoder *decoder, const struct yaml11_node *mapping,
                        struct members *members, uint32_t depth)
{
    if (depth >= decoder->limits->max_depth) {
        return yaml11_fail(decoder->err, mapping, ERR_TOO_BIG,
                           "nested deeper than the limit allows");
    }
    for (uint32_t at = mapping->child; at;) {
        const struct yaml11_node *key = node_at(decoder, at);
        bool added = is_merge(key) ? merge(decoder, key->next, members, depth + 1)
                                   : add_member(decoder, key, members, depth + 1);
        if (!added) {
            return false;
        }
        at = node_at(decoder, key->next)->next;
    }
    return true;
}

struct numbered {
    struct json *member;
    uint32_t number;
};

static int compare_numbered(const void *a, const void *b)
{
    const struct numbered *left = a;
    const struct numbered *right = b;
    int order = sv_compare(json_key(left->member), json_key(right->member));
    return order ? order : (left->number > right->number) - (left->number < right->number);
}

/* Marks the members that a later one replaces. */
static void mark_replaced(const struct members *members)
{
    CLEANUP(mem_free_ptr)
    struct numbered *sorted = mem_alloc_array(members->count, sizeof *sorted);
    uint32_t count = 0;
    for (struct json *member = members->first; member; member = member->next, count++) {
        sorted[count] = (struct numbered){.member = member, .number = count};
    }
    qsort(sorted, count, sizeof *sorted, compare_numbered);
    for (uint32_t i = 1; i < count; i++) {
        if (sv_equal(json_key(sorted[i - 1].member), json_key(sorted[i].member))) {
            sorted[i - 1].member->type = JSON_REPLACED;
        }
    }
}

static bool decode_mapping(struct decoder *decoder, const struct yaml11_node *node,
                           struct json *ret, uint32_t depth)
{
    struct members all = {0};
    struct members kept = {0};
    if (!add_members(decoder, node, &all, depth)) {
        return false;
    }
    mark_replaced(&all);
    for (struct json *member = all.first; member;) {
        struct json *next = member->next;
        member->next = NULL;
        if (member->type != JSON_REPLACED) {
            append(&kept, member);
        }
        member = next;
    }
    ret->type = JSON_OBJECT;
    ret->child = kept.first;
    ret->len = kept.count;
    return true;
}

static bool decode_sequence(struct decoder *decoder, const struct yaml11_node *node,
                            struct json *ret, uint32_t depth)
{
    struct members items = {0};
    if (depth >= decoder->limits->max_depth) {
        return yaml11_fail(decoder->err, node, ERR_TOO_BIG, "nested deeper than the limit allows");
    }
    for (uint32_t at = node->child; at; at = node_at(decoder, at)->next) {
        struct json *item = json_new(decoder, node_at(decoder, at));
        if (!item || !decode_value(decoder, at, item, depth + 1)) {
            return false;
        }
        append(&items, item);
    }
    ret->type = JSON_ARRAY;
    ret->child = items.first;
    ret->len = items.count;
    return true;
}

static bool decode_alias(struct decoder *decoder, struct yaml11_node *node, struct json *ret,
                         uint32_t depth)
{
    if (node->entered) {
        return fail(decoder, node, "an anchor that contains itself");
    }
    node->entered = true;
    decoder->alias_depth++;
    bool decoded = decode_value(decoder, node->target, ret, depth);
    decoder->alias_depth--;
    node->entered = false;
    return decoded;
}

static bool decode_value(struct decoder *decoder, uint32_t index, struct json *ret, uint32_t depth)
{
    struct yaml11_node *node = node_at(decoder, index);
    if (!step(decoder, node)) {
        return false;
    }
    if (node->kind == YAML11_ALIAS) {
        return decode_alias(decoder, node, ret, depth);
    }
    if (node->kind == YAML11_SCALAR) {
        return decode_scalar(decoder, node, ret);
    }
    if (decoder->target == TARGET_STRINGS && depth > 0) {
        return fail(decoder, node, "a list or a mapping where text is asked for");
    }
    return node->kind == YAML11_MAPPING ? decode_mapping(decoder, node, ret, depth)
                                        : decode_sequence(decoder, node, ret, depth);
}

/* Of a document that is to be a mapping of strings; null is one without members. */
static bool check_root(const struct decoder *decoder, struct json *root)
{
    const struct yaml11_node *node = node_at(decoder, decoder->tree.root);
    struct yaml11_scalar scalar = {0};
    if (root->type == JSON_OBJECT) {
        return true;
    }
    if (decoder->tree.root && node->kind == YAML11_SCALAR &&
        !yaml11_resolve(node, &decoder->doc->text, &scalar, decoder->err)) {
        return false;
    }
    if (decoder->tree.root && (node->kind != YAML11_SCALAR || scalar.type != YAML11_NULL)) {
        return fail(decoder, node, "the document is no mapping of keys and values");
    }
    *root = (struct json){.type = JSON_OBJECT};
    return true;
}

static void decoder_done(struct decoder *decoder)
{
    yaml11_tree_done(&decoder->tree);
}

static bool parse(struct yaml11_doc *doc, struct str_view text, const struct json_limits *limits,
                  enum target target, const struct json **ret, struct err *err)
{
    CLEANUP(decoder_done)
    struct decoder decoder = {
        .doc = doc, .limits = limits, .target = target, .steps = 1, .err = err};
    if (text.len > LIMIT_SECRET_DATA_BYTES) {
        return err_set(err, ERR_TOO_BIG, "YAML of %zu bytes, limit %d", text.len,
                       LIMIT_SECRET_DATA_BYTES);
    }
    if (sv_starts_with(text, SV("\xef\xbb\xbf"))) {
        text = sv_from(text, 3); /* libyaml would count it as a column */
    }
    doc->nodes.budget = limits->budget;
    if (!yaml11_tree_read(&decoder.tree, text, limits, &doc->text, err)) {
        return false;
    }
    struct json *root = json_new(&decoder, node_at(&decoder, decoder.tree.root));
    if (!root || (decoder.tree.root && !decode_value(&decoder, decoder.tree.root, root, 0)) ||
        (target == TARGET_STRINGS && !check_root(&decoder, root))) {
        return false;
    }
    *ret = root;
    return true;
}

bool yaml11_parse(struct yaml11_doc *doc, struct str_view text, const struct json_limits *limits,
                  const struct json **ret, struct err *err)
{
    return parse(doc, text, limits, TARGET_ANY, ret, err);
}

bool yaml11_parse_strings(struct yaml11_doc *doc, struct str_view text,
                          const struct json_limits *limits, const struct json **ret,
                          struct err *err)
{
    return parse(doc, text, limits, TARGET_STRINGS, ret, err);
}

void yaml11_doc_done(struct yaml11_doc *doc)
{
    yaml_text_done(&doc->text);
    json_doc_done(&doc->nodes);
    *doc = (struct yaml11_doc){0};
}
