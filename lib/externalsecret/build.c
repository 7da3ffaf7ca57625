/* SPDX-License-Identifier: Apache-2.0 */
/* A PUT replaces everything, so everything that is not ours is printed again from the tree of the
 * live object; base/json keeps numbers as they were written, so that is exact. managedFields is
 * left out: the API server then keeps its own. Labels and annotations are gathered in the order in
 * which later ones win, sorted, and printed once. */
#include "externalsecret/build.h"

#include "base/encode.h"
#include "base/limits.h"
#include "externalsecret/adopt.h"
#include "externalsecret/managed.h"

/* Printing */

static void print_json(struct buf *out, const struct json *node);

static void print_members(struct buf *out, const struct json *node)
{
    JSON_FOR_EACH (child, node) {
        if (child != json_first(node)) {
            buf_add_byte(out, ',');
        }
        if (node->type == JSON_OBJECT) {
            encode_json_string(out, json_key(child));
            buf_add_byte(out, ':');
        }
        print_json(out, child);
    }
}

/* As deep as the reader allowed. */
static void print_json(struct buf *out, const struct json *node)
{
    switch ((enum json_type)node->type) {
    case JSON_NULL:
        buf_add_str(out, "null");
        break;
    case JSON_FALSE:
        buf_add_str(out, "false");
        break;
    case JSON_TRUE:
        buf_add_str(out, "true");
        break;
    case JSON_NUMBER:
        buf_append(out, node->text, node->len);
        break;
    case JSON_STRING:
        encode_json_string(out, json_string(node));
        break;
    case JSON_ARRAY:
        buf_add_byte(out, '[');
        print_members(out, node);
        buf_add_byte(out, ']');
        break;
    case JSON_OBJECT:
        buf_add_byte(out, '{');
        print_members(out, node);
        buf_add_byte(out, '}');
        break;
    }
}

/* Behind '{' no comma, behind anything else one. */
static void print_name(struct buf *out, const char *name)
{
    if (out->data[out->len - 1] != '{') {
        buf_add_byte(out, ',');
    }
    encode_json_string(out, sv_of(name));
    buf_add_byte(out, ':');
}

static void print_text(struct buf *out, const char *name, struct str_view text)
{
    print_name(out, name);
    encode_json_string(out, text);
}

static bool is_any_of(struct str_view text, const char *const *names)
{
    while (*names && !sv_is(text, *names)) {
        names++;
    }
    return *names != NULL;
}

static void print_members_but(struct buf *out, const struct json *object, const char *const *names)
{
    JSON_FOR_EACH (member, object) {
        if (!is_any_of(json_key(member), names)) {
            if (out->data[out->len - 1] != '{') {
                buf_add_byte(out, ',');
            }
            encode_json_string(out, json_key(member));
            buf_add_byte(out, ':');
            print_json(out, member);
        }
    }
}

/* Labels and annotations */

struct pairs {
    struct ranked_pair {
        struct string_pair pair;
        size_t rank; /* of two with one key the later one wins */
    } * items;
    size_t count;
    size_t capacity;
};

static void pairs_done(struct pairs *pairs)
{
    free(pairs->items);
}

static void pairs_add(struct pairs *pairs, struct str_view key, struct str_view value)
{
    if (pairs->count == pairs->capacity) {
        pairs->capacity = pairs->capacity ? pairs->capacity * 2 : 16;
        pairs->items = mem_resize_array(pairs->items, pairs->capacity, sizeof *pairs->items);
    }
    pairs->items[pairs->count] = (struct ranked_pair){.pair = {key, value}, .rank = pairs->count};
    pairs->count++;
}

static int compare_pairs(const void *a, const void *b)
{
    const struct ranked_pair *left = a;
    const struct ranked_pair *right = b;
    int order = sv_compare(left->pair.key, right->pair.key);
    return order ? order : (left->rank > right->rank) - (left->rank < right->rank);
}

static void print_pairs(struct buf *out, const char *name, struct pairs *pairs)
{
    qsort(pairs->items, pairs->count, sizeof *pairs->items, compare_pairs);
    print_name(out, name);
    buf_add_byte(out, '{');
    bool first = true;
    for (size_t i = 0; i < pairs->count; i++) {
        const struct string_pair *pair = &pairs->items[i].pair;
        if (i + 1 < pairs->count && sv_equal(pair->key, pairs->items[i + 1].pair.key)) {
            continue;
        }
        buf_add_str(out, first ? "" : ",");
        encode_json_string(out, pair->key);
        buf_add_byte(out, ':');
        encode_json_string(out, pair->value);
        first = false;
    }
    buf_add_byte(out, '}');
}

/* The names below "f:metadata"/`field` of every managedFields entry of `manager`, sorted. */
static void collect_owned(const struct json *metadata, const char *manager, const char *field,
                          struct pairs *ret)
{
    JSON_FOR_EACH (entry, json_member(metadata, "managedFields")) {
        if (!json_string_is(json_member(entry, "manager"), manager)) {
            continue;
        }
        JSON_FOR_EACH (name, json_path(entry, "fieldsV1", "f:metadata", field, NULL)) {
            if (sv_starts_with(json_key(name), SV("f:"))) {
                pairs_add(ret, sv_from(json_key(name), 2), SV(""));
            }
        }
    }
    if (ret->count > 0) {
        qsort(ret->items, ret->count, sizeof *ret->items, compare_pairs);
    }
}

static int compare_keys(const void *a, const void *b)
{
    const struct ranked_pair *left = a;
    const struct ranked_pair *right = b;
    return sv_compare(left->pair.key, right->pair.key);
}

static bool is_owned(const struct pairs *owned, struct str_view key)
{
    struct ranked_pair wanted = {.pair = {.key = key}};
    return owned->count > 0 &&
           bsearch(&wanted, owned->items, owned->count, sizeof *owned->items, compare_keys);
}

/* What stays of the live Secret's labels or annotations, then the ExternalSecret's. */
static void gather(const struct build_input *input, const char *field,
                   const struct string_pair *copied, size_t copied_count, struct pairs *ret)
{
    const struct json *metadata = json_member(input->live, "metadata");
    char manager[FIELD_MANAGER_BYTES];
    char owned_field[16];
    CLEANUP(pairs_done) struct pairs owned = {0};
    if (!input->keep_content) {
        managed_metadata_manager(input->external_secret->name, manager);
        (void)snprintf(owned_field, sizeof owned_field, "f:%s", field);
        collect_owned(metadata, manager, owned_field, &owned);
    }
    JSON_FOR_EACH (member, json_member(metadata, field)) {
        if (!is_owned(&owned, json_key(member))) {
            pairs_add(ret, json_key(member), json_string(member));
        }
    }
    for (size_t i = 0; !input->keep_content && i < copied_count; i++) {
        pairs_add(ret, copied[i].key, copied[i].value);
    }
}

static void print_labels(const struct build_input *input, struct buf *out)
{
    const struct external_secret *external_secret = input->external_secret;
    char created_by[SHA3_224_HEX_BYTES];
    CLEANUP(pairs_done) struct pairs labels = {0};
    gather(input, "labels", external_secret->labels, external_secret->label_count, &labels);
    managed_created_by(external_secret->namespace, external_secret->name, created_by);
    pairs_add(&labels, SV(MANAGED_CREATED_BY_LABEL), sv_of(created_by));
    pairs_add(&labels, SV(MANAGED_LABEL), SV("true"));
    print_pairs(out, "labels", &labels);
}

static void print_annotations(const struct build_input *input, struct buf *out)
{
    const struct external_secret *external_secret = input->external_secret;
    char hash[SHA3_224_HEX_BYTES];
    CLEANUP(pairs_done) struct pairs annotations = {0};
    gather(input, "annotations", external_secret->annotations, external_secret->annotation_count,
           &annotations);
    data_map_hash(input->data, hash);
    pairs_add(&annotations, SV(MANAGED_DATA_HASH_ANNOTATION), sv_of(hash));
    print_pairs(out, "annotations", &annotations);
}

/* Owners */

static void print_owner(const struct external_secret *external_secret, struct buf *out)
{
    buf_add_byte(out, '{');
    print_text(out, "apiVersion", SV(MANAGED_OWNER_API_VERSION));
    print_text(out, "kind", SV(MANAGED_OWNER_KIND));
    print_text(out, "name", external_secret->name);
    print_text(out, "uid", external_secret->uid);
    print_name(out, "controller");
    buf_add_str(out, "true");
    print_name(out, "blockOwnerDeletion");
    buf_add_str(out, "true}");
}

/* Others stay where they are; ours takes the place of the one that names this ExternalSecret. */
static void print_owners(const struct build_input *input, struct buf *out)
{
    bool written = false;
    size_t count = 0;
    print_name(out, "ownerReferences");
    buf_add_byte(out, '[');
    JSON_FOR_EACH (reference, json_path(input->live, "metadata", "ownerReferences", NULL)) {
        bool ours = adopt_is_owner(input->external_secret, reference);
        if (ours && written) {
            continue;
        }
        buf_add_str(out, count++ ? "," : "");
        if (ours) {
            print_owner(input->external_secret, out);
            written = true;
        } else {
            print_json(out, reference);
        }
    }
    if (!written) {
        buf_add_str(out, count ? "," : "");
        print_owner(input->external_secret, out);
    }
    buf_add_byte(out, ']');
}

/* The whole */

static void print_metadata(const struct build_input *input, struct buf *out)
{
    static const char *const replaced[] = {"labels", "annotations", "ownerReferences",
                                           "managedFields", NULL};
    print_name(out, "metadata");
    buf_add_byte(out, '{');
    if (input->live) {
        print_members_but(out, json_member(input->live, "metadata"), replaced);
    } else {
        print_text(out, "name", input->external_secret->target);
        print_text(out, "namespace", input->external_secret->namespace);
    }
    print_labels(input, out);
    print_annotations(input, out);
    print_owners(input, out);
    buf_add_byte(out, '}');
}

/* The API server leaves out what is empty. */
static void print_data(const struct build_input *input, struct buf *out)
{
    const struct data_map *data = input->data;
    if (data->count == 0 && input->live && !json_member(input->live, "data")) {
        return;
    }
    print_name(out, "data");
    buf_add_byte(out, '{');
    for (size_t i = 0; i < data->count; i++) {
        buf_add_str(out, i ? "," : "");
        encode_json_string(out, data->entries[i].key);
        buf_add_str(out, ":\"");
        encode_base64(out, secret_buf_view(&data->entries[i].value));
        buf_add_byte(out, '"');
    }
    buf_add_byte(out, '}');
}

bool build_manifest(const struct build_input *input, struct secret_buf *ret, struct err *err)
{
    static const char *const replaced[] = {"apiVersion", "kind", "metadata", "data", NULL};
    static const char *const replaced_immutable[] = {"apiVersion", "kind",      "metadata",
                                                     "data",       "immutable", NULL};
    secret_buf_init(ret, LIMIT_KUBE_BODY_BYTES);
    struct buf *out = &ret->bytes;
    buf_add_str(out, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"");
    print_metadata(input, out);
    print_data(input, out);
    if (input->external_secret->immutable) {
        print_members_but(out, input->live, replaced_immutable);
        print_name(out, "immutable");
        buf_add_str(out, "true");
    } else {
        print_members_but(out, input->live, replaced);
    }
    buf_add_byte(out, '}');
    return secret_buf_check(ret, "manifest", err);
}

/* Comparing */

/* Members that both have are equal, and what only one of them has is named in `ignored`. */
static bool equal_but(const struct json *a, const struct json *b, const char *const *ignored)
{
    JSON_FOR_EACH (member, a) {
        if (!is_any_of(json_key(member), ignored) &&
            !json_equal(member, json_member_sv(b, json_key(member)))) {
            return false;
        }
    }
    JSON_FOR_EACH (member, b) {
        if (!is_any_of(json_key(member), ignored) && !json_member_sv(a, json_key(member))) {
            return false;
        }
    }
    return true;
}

bool build_equals_live(const struct secret_buf *manifest, const struct json *live)
{
    static const char *const top[] = {"apiVersion", "kind", "metadata", NULL};
    static const char *const metadata[] = {"managedFields", NULL};
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    CLEANUP(secret_buf_done) struct secret_buf copy = {0};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *wanted = NULL;
    struct err ignored;
    secret_buf_init(&copy, LIMIT_KUBE_BODY_BYTES);
    secret_buf_add(&copy, secret_buf_view(manifest));
    return json_parse(&doc, copy.bytes.data, copy.bytes.len, &limits, &wanted, &ignored) &&
           equal_but(wanted, live, top) &&
           equal_but(json_member(wanted, "metadata"), json_member(live, "metadata"), metadata);
}
