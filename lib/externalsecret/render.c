/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/render.h"

#include "base/limits.h"
#include "base/yaml11.h"
#include "externalsecret/decode.h"

enum {
    FIELD_BYTES = 400, /* a path with the name of a key in it */
    SHOWN_BYTES = 80,
    /* Of the effort: bytes of YAML, and entries that are moved for a new one. */
    YAML_BYTES_A_STEP = 4,
    MOVES_A_STEP = 64,
    YAML_NODES = 65536,
    YAML_DEPTH = 64,
};

void rendered_done(struct rendered *rendered)
{
    data_map_done(&rendered->data);
    data_map_done(&rendered->labels);
    data_map_done(&rendered->annotations);
}

/* What is being rendered, and where it goes. */
struct rendering {
    const struct render_input *input;
    struct rendered *ret;
    size_t *bytes; /* of all that has been rendered, also what was replaced since */
    struct effort *effort;
    struct err *err;
};

static struct data_map *map_of(struct rendered *rendered, enum template_target target)
{
    return target == TEMPLATE_LABELS        ? &rendered->labels
           : target == TEMPLATE_ANNOTATIONS ? &rendered->annotations
                                            : &rendered->data;
}

static void copy_pairs(const struct string_pair *pairs, size_t count, struct data_map *map)
{
    for (size_t i = 0; i < count; i++) {
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
        secret_buf_add(&value, pairs[i].value);
        data_map_put(map, pairs[i].key, &value);
    }
}

/* Each text has a ceiling of its own, and there may be thousands of them. */
static bool count_bytes(const struct rendering *rendering, size_t more)
{
    *rendering->bytes += more;
    return *rendering->bytes <= LIMIT_REMOTE_BYTES ||
           err_set(rendering->err, ERR_TOO_BIG, "its templates render more than %d bytes together",
                   LIMIT_REMOTE_BYTES);
}

static bool put(const struct rendering *rendering, struct data_map *map, struct str_view key,
                struct secret_buf *value)
{
    if (!effort_spend(rendering->effort, 1 + map->count / MOVES_A_STEP, rendering->err)) {
        return false;
    }
    data_map_put(map, key, value);
    return true;
}

static bool run_text(const struct rendering *rendering, const struct template *template,
                     struct secret_buf *ret)
{
    return template_render(template, rendering->input->fetched, rendering->effort, ret,
                           rendering->err) &&
           secret_buf_check(ret, "what it renders", rendering->err) &&
           count_bytes(rendering, ret->bytes.len);
}

/* One text to its bytes; `ret` is initialised here. A byte that is parsed is a step. */
static enum template_verdict render_text(const struct rendering *rendering, struct str_view text,
                                         struct secret_buf *ret)
{
    struct template *template = NULL;
    secret_buf_init(ret, LIMIT_SECRET_DATA_BYTES);
    if (!effort_spend(rendering->effort, 1 + text.len, rendering->err)) {
        return TEMPLATE_BROKEN;
    }
    enum template_verdict verdict = template_parse(text, &template, rendering->err);
    if (verdict == TEMPLATE_FINE && !run_text(rendering, template, ret)) {
        verdict = TEMPLATE_BROKEN;
    }
    template_free(template);
    return verdict;
}

/* `key` stays, the text is the template of its value. */
static enum template_verdict render_value(const struct rendering *rendering, struct str_view key,
                                          struct str_view text, enum decoding_strategy decoding,
                                          struct data_map *map)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    enum template_verdict verdict = render_text(rendering, text, &value);
    if (verdict != TEMPLATE_FINE) {
        return verdict;
    }
    return decode_value(decoding, &value, rendering->err) && put(rendering, map, key, &value)
               ? TEMPLATE_FINE
               : TEMPLATE_BROKEN;
}

/* A member of the YAML: what Go puts into a map[string]string, where null is no text at all. */
static bool take_member(const struct rendering *rendering, const struct json *member,
                        enum decoding_strategy decoding, struct data_map *map)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, json_string(member));
    return count_bytes(rendering, json_key(member).len + value.bytes.len) &&
           decode_value(decoding, &value, rendering->err) &&
           put(rendering, map, json_key(member), &value);
}

static bool take_yaml(const struct rendering *rendering, struct str_view text,
                      enum decoding_strategy decoding, struct data_map *map)
{
    struct err *err = rendering->err;
    const struct json_limits limits = {.max_nodes = YAML_NODES, .max_depth = YAML_DEPTH};
    CLEANUP(yaml11_doc_done) struct yaml11_doc doc = {0};
    const struct json *root = NULL;
    if (!effort_spend(rendering->effort, text.len / YAML_BYTES_A_STEP, err)) {
        return false;
    }
    if (!yaml11_parse_strings(&doc, text, &limits, &root, err)) {
        return err_wrap(err, "what it renders is no YAML map of keys and texts");
    }
    JSON_FOR_EACH (member, root) {
        if (!take_member(rendering, member, decoding, map)) {
            return false;
        }
    }
    return true;
}

/* The text is the template of a YAML map of keys and values. */
static enum template_verdict render_map(const struct rendering *rendering, struct str_view text,
                                        enum decoding_strategy decoding, struct data_map *map)
{
    CLEANUP(secret_buf_done) struct secret_buf yaml = {0};
    enum template_verdict verdict = render_text(rendering, text, &yaml);
    if (verdict == TEMPLATE_FINE && !take_yaml(rendering, secret_buf_view(&yaml), decoding, map)) {
        return TEMPLATE_BROKEN;
    }
    return verdict;
}

/* templateFrom */

static enum template_verdict render_item(const struct rendering *rendering,
                                         const struct external_secret_template_from *from,
                                         const struct template_from_item *item,
                                         const struct data_map *object)
{
    const struct data_entry *entry = data_map_get(object, item->key);
    if (!entry) {
        (void)err_set(rendering->err, ERR_MISSING, "%s %.*s has no such key",
                      from->kind == TEMPLATE_FROM_SECRET ? "Secret" : "ConfigMap",
                      SV_ARG(from->name));
        return TEMPLATE_BROKEN;
    }
    struct data_map *map = map_of(rendering->ret, from->target);
    struct str_view text = secret_buf_view(&entry->value);
    enum template_verdict verdict =
        item->keys_and_values ? render_map(rendering, text, from->decoding, map)
                              : render_value(rendering, item->key, text, from->decoding, map);
    if (verdict != TEMPLATE_FINE && from->kind == TEMPLATE_FROM_SECRET) {
        /* Names in it may be quoted, and here they are of a value. */
        (void)err_set(rendering->err, rendering->err->kind,
                      "the template in it is no good, or cannot be rendered");
    }
    return verdict;
}

static enum template_verdict render_object(const struct rendering *rendering,
                                           const struct external_secret_template_from *from)
{
    const struct render_input *input = rendering->input;
    CLEANUP(data_map_done) struct data_map object = {0};
    enum template_verdict verdict = TEMPLATE_FINE;
    if (!input->source) {
        (void)err_set(rendering->err, ERR_INVALID, "ConfigMaps and Secrets cannot be read here");
        return TEMPLATE_FOREIGN;
    }
    if (!input->source->read(input->source->context, from->kind, input->external_secret->namespace,
                             from->name, input->deadline_ms, &object, rendering->err)) {
        return TEMPLATE_BROKEN;
    }
    for (size_t i = 0; verdict == TEMPLATE_FINE && i < from->item_count; i++) {
        verdict = render_item(rendering, from, &from->items[i], &object);
        if (verdict != TEMPLATE_FINE) {
            (void)err_wrap(rendering->err, "items[%zu].key %.*s", i,
                           SV_ARG(sv_first(from->items[i].key, SHOWN_BYTES)));
        }
    }
    return verdict;
}

static enum template_verdict render_from(const struct rendering *rendering, size_t index)
{
    const struct external_secret_template_from *from =
        &rendering->input->external_secret->template.from[index];
    if (from->kind == TEMPLATE_FROM_NOTHING) {
        return TEMPLATE_FINE;
    }
    enum template_verdict verdict = from->kind == TEMPLATE_FROM_LITERAL
                                        ? render_map(rendering, from->literal, from->decoding,
                                                     map_of(rendering->ret, from->target))
                                        : render_object(rendering, from);
    if (verdict != TEMPLATE_FINE) {
        (void)err_wrap(rendering->err, "spec.target.template.templateFrom[%zu]", from->index);
    }
    return verdict;
}

/* The rest of the template */

static enum template_verdict render_pairs(const struct rendering *rendering, const char *where,
                                          const struct string_pair *pairs, size_t count,
                                          enum template_target target)
{
    enum template_verdict verdict = TEMPLATE_FINE;
    for (size_t i = 0; verdict == TEMPLATE_FINE && i < count; i++) {
        verdict = render_value(rendering, pairs[i].key, pairs[i].value, DECODING_NONE,
                               map_of(rendering->ret, target));
        if (verdict != TEMPLATE_FINE) {
            (void)err_wrap(rendering->err, "spec.target.template.%s[%.*s]", where,
                           SV_ARG(sv_first(pairs[i].key, SHOWN_BYTES)));
        }
    }
    return verdict;
}

static enum template_verdict render_template(const struct rendering *rendering)
{
    const struct external_secret_template *template = &rendering->input->external_secret->template;
    enum template_verdict verdict = TEMPLATE_FINE;
    if (template->merge || (template->data_count == 0 && template->from_count == 0)) {
        data_map_copy(rendering->input->fetched, &rendering->ret->data);
    }
    for (size_t i = 0; verdict == TEMPLATE_FINE && i < template->from_count; i++) {
        verdict = render_from(rendering, i);
    }
    if (verdict == TEMPLATE_FINE) {
        verdict =
            render_pairs(rendering, "data", template->data, template->data_count, TEMPLATE_DATA);
    }
    if (verdict == TEMPLATE_FINE) {
        verdict = render_pairs(rendering, "metadata.labels", template->labels,
                               template->label_count, TEMPLATE_LABELS);
    }
    return verdict == TEMPLATE_FINE
               ? render_pairs(rendering, "metadata.annotations", template->annotations,
                              template->annotation_count, TEMPLATE_ANNOTATIONS)
               : verdict;
}

/* A Secret of such a type is, or gets, a credential of the cluster itself. The operator refuses
 * them as well (2.4.1). */
static bool check_type(const struct external_secret *external_secret,
                       const struct rendered *rendered, struct err *err)
{
    struct str_view type = external_secret->template.type;
    bool account = sv_is(type, "kubernetes.io/service-account-token") &&
                   data_map_get(&rendered->annotations, SV("kubernetes.io/service-account.name"));
    if (account || sv_is(type, "bootstrap.kubernetes.io/token")) {
        return err_set(err, ERR_DENIED, "spec.target.template.type: no %.*s is made from templates",
                       SV_ARG(type));
    }
    return true;
}

enum template_verdict render(const struct render_input *input, struct rendered *ret,
                             struct err *err)
{
    const struct external_secret *external_secret = input->external_secret;
    size_t bytes = 0;
    struct effort effort = effort_of(LIMIT_EFFORT_STEPS);
    const struct rendering rendering = {
        .input = input, .ret = ret, .bytes = &bytes, .effort = &effort, .err = err};
    if (!external_secret->has_template) {
        data_map_copy(input->fetched, &ret->data);
        copy_pairs(external_secret->labels, external_secret->label_count, &ret->labels);
        copy_pairs(external_secret->annotations, external_secret->annotation_count,
                   &ret->annotations);
        return TEMPLATE_FINE;
    }
    enum template_verdict verdict = render_template(&rendering);
    return verdict == TEMPLATE_FINE && !check_type(external_secret, ret, err) ? TEMPLATE_BROKEN
                                                                              : verdict;
}
