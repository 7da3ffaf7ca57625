/* SPDX-License-Identifier: Apache-2.0 */
/* A PUT replaces everything, so everything that is not ours is printed again from the tree of the
 * live object; base/json keeps numbers as they were written, so that is exact. managedFields is
 * left out: the API server then keeps its own. Labels and annotations are gathered in the order in
 * which later ones win, sorted, and printed once. */
#include "externalsecret/build.h"

#include "base/encode.h"
#include "base/limits.h"
#include "externalsecret/adopt.h"
#include "externalsecret/fields.h"
#include "externalsecret/keys.h"
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

static void pairs_remove(struct pairs *pairs, struct str_view key)
{
    size_t kept = 0;
    for (size_t i = 0; i < pairs->count; i++) {
        if (!sv_equal(pairs->items[i].pair.key, key)) {
            pairs->items[kept++] = pairs->items[i];
        }
    }
    pairs->count = kept;
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

/* What stays of the live Secret's labels or annotations, then what was rendered. */
static void gather(const struct build_input *input, const char *field,
                   const struct data_map *rendered, struct pairs *ret)
{
    CLEANUP(field_names_done) struct field_names owned = {0};
    char manager[FIELD_MANAGER_BYTES];
    if (!input->keep_content) {
        managed_metadata_manager(input->external_secret->name, manager);
        field_names_collect(input->live, manager, "metadata", field, &owned);
    }
    JSON_FOR_EACH (member, json_path(input->live, "metadata", field, NULL)) {
        if (!field_names_have(&owned, json_key(member))) {
            pairs_add(ret, json_key(member), json_string(member));
        }
    }
    for (size_t i = 0; !input->keep_content && i < rendered->count; i++) {
        pairs_add(ret, rendered->entries[i].key, secret_buf_view(&rendered->entries[i].value));
    }
}

static bool is_owner_policy(const struct external_secret *external_secret)
{
    return external_secret->creation_policy == CREATION_OWNER;
}

static void print_labels(const struct build_input *input, struct buf *out)
{
    const struct external_secret *external_secret = input->external_secret;
    char created_by[SHA3_224_HEX_BYTES];
    CLEANUP(pairs_done) struct pairs labels = {0};
    gather(input, "labels", input->keep_content ? NULL : &input->rendered->labels, &labels);
    if (is_owner_policy(external_secret)) {
        managed_created_by(external_secret->namespace, external_secret->name, created_by);
        pairs_add(&labels, SV(MANAGED_CREATED_BY_LABEL), sv_of(created_by));
    } else {
        pairs_remove(&labels, SV(MANAGED_CREATED_BY_LABEL));
    }
    pairs_add(&labels, SV(MANAGED_LABEL), SV("true"));
    print_pairs(out, "labels", &labels);
}

static void print_annotations(const struct build_input *input, struct buf *out)
{
    char hash[SHA3_224_HEX_BYTES];
    CLEANUP(pairs_done) struct pairs annotations = {0};
    gather(input, "annotations", input->keep_content ? NULL : &input->rendered->annotations,
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

static bool has_text(const struct json *list, struct str_view text)
{
    JSON_FOR_EACH (item, list) {
        if (sv_equal(json_string(item), text)) {
            return true;
        }
    }
    return false;
}

static void print_separator(struct buf *out)
{
    if (out->data[out->len - 1] != '[') {
        buf_add_byte(out, ',');
    }
}

static bool controls(const struct json *reference)
{
    return json_is_true(json_member(reference, "controller"));
}

/* Others stay where they are; ours takes the place of the one that names this ExternalSecret. */
static void print_owned(const struct build_input *input, struct buf *out)
{
    bool written = false;
    JSON_FOR_EACH (reference, json_path(input->live, "metadata", "ownerReferences", NULL)) {
        bool ours = adopt_is_owner(input->external_secret, reference);
        if (!ours) {
            print_separator(out);
            print_json(out, reference);
        } else if (!written) {
            print_separator(out);
            print_owner(input->external_secret, out);
            written = true;
        }
    }
    if (!written) {
        print_separator(out);
        print_owner(input->external_secret, out);
    }
}

/* Whoever is not Owner any more controls it no longer. */
static void print_disowned(const struct build_input *input, struct buf *out)
{
    JSON_FOR_EACH (reference, json_path(input->live, "metadata", "ownerReferences", NULL)) {
        if (!adopt_is_owner(input->external_secret, reference) || !controls(reference)) {
            print_separator(out);
            print_json(out, reference);
        }
    }
}

static void print_owners(const struct build_input *input, struct buf *out)
{
    size_t start = out->len;
    print_name(out, "ownerReferences");
    buf_add_byte(out, '[');
    size_t empty = out->len;
    if (is_owner_policy(input->external_secret)) {
        print_owned(input, out);
    } else {
        print_disowned(input, out);
    }
    if (out->len == empty) {
        buf_truncate(out, start);
    } else {
        buf_add_byte(out, ']');
    }
}

static bool adds_finalizers(const struct build_input *input)
{
    return input->external_secret->template.finalizer_count > 0 && !input->keep_content;
}

/* The live ones and those of the template, which are added and never taken away. */
static void print_finalizers(const struct build_input *input, struct buf *out)
{
    const struct json *live = json_path(input->live, "metadata", "finalizers", NULL);
    const struct external_secret_template *template = &input->external_secret->template;
    print_name(out, "finalizers");
    buf_add_byte(out, '[');
    print_members(out, live);
    for (size_t i = 0; i < template->finalizer_count; i++) {
        if (!has_text(live, template->finalizers[i])) {
            print_separator(out);
            encode_json_string(out, template->finalizers[i]);
        }
    }
    buf_add_byte(out, ']');
}

/* The whole */

static void print_metadata(const struct build_input *input, struct buf *out)
{
    const char *const replaced[] = {"labels",
                                    "annotations",
                                    "ownerReferences",
                                    "managedFields",
                                    adds_finalizers(input) ? "finalizers" : NULL,
                                    NULL};
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
    if (adds_finalizers(input)) {
        print_finalizers(input, out);
    }
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

/* Everything but the metadata of a Secret whose content is new. The type is the template's only,
 * and immutability is never taken back. */
static void print_content(const struct build_input *input, struct buf *out)
{
    const struct external_secret *external_secret = input->external_secret;
    struct str_view type = input->keep_content ? SV("") : external_secret->template.type;
    const char *replaced[] = {"apiVersion", "kind", "metadata", "data", NULL, NULL, NULL};
    size_t count = 4;
    if (type.len > 0) {
        replaced[count++] = "type";
    }
    if (external_secret->immutable) {
        replaced[count++] = "immutable";
    }
    print_data(input, out);
    print_members_but(out, input->live, replaced);
    if (type.len > 0) {
        print_text(out, "type", type);
    }
    if (external_secret->immutable) {
        print_name(out, "immutable");
        buf_add_str(out, "true");
    }
}

bool build_manifest(const struct build_input *input, struct secret_buf *ret, struct err *err)
{
    static const char *const replaced[] = {"apiVersion", "kind", "metadata", NULL};
    secret_buf_init(ret, LIMIT_KUBE_BODY_BYTES);
    struct buf *out = &ret->bytes;
    buf_add_str(out, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\"");
    print_metadata(input, out);
    if (input->only_metadata) {
        print_members_but(out, input->live, replaced);
    } else {
        print_content(input, out);
    }
    buf_add_byte(out, '}');
    return secret_buf_check(ret, "manifest", err);
}

/* Merging */

/* What this ExternalSecret wrote before is written anew, or no longer. */
static void remove_written(const struct external_secret *external_secret, const struct json *live,
                           struct data_map *map)
{
    CLEANUP(field_names_done) struct field_names owned = {0};
    char manager[FIELD_MANAGER_BYTES];
    managed_field_manager(external_secret->name, manager);
    field_names_collect(live, manager, "data", NULL, &owned);
    for (size_t i = 0; i < owned.count; i++) {
        (void)data_map_remove(map, owned.names[i]);
    }
}

bool build_data(const struct external_secret *external_secret, const struct json *live,
                const struct data_map *rendered, struct data_map *ret, struct err *err)
{
    enum creation_policy policy = external_secret->creation_policy;
    if (policy == CREATION_MERGE || policy == CREATION_CREATE_OR_MERGE) {
        if (!data_map_put_json(ret, json_member(live, "data"), err)) {
            return false;
        }
        remove_written(external_secret, live, ret);
    }
    data_map_copy(rendered, ret);
    return keys_check_secret(ret, err) && data_map_check_size(ret, err);
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
