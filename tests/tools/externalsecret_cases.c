/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out one case of tests/data/externalsecret/cases without a cluster:
 *
 *     externalsecret_cases FILE
 *
 * FILE is {"externalSecret", "stores": [...], "namespaceLabels": {}, "remote": [{"service", "name",
 * "version", "text" or "binary" or "missing", "tags"}], "objects": [...], "secrets": {name:
 * Secret}}; tests/oracles/test_externalsecret_cases.py makes it. Prints {"outcome", "condition":
 * {"status", "reason"}, "bound", "message", "secrets": {name: manifest or null}} with what was
 * written or deleted (null). Exit status 1: it cannot be read. */
#include <stdio.h>

#include "base/encode.h"
#include "base/file.h"
#include "base/limits.h"
#include "externalsecret/reconcile.h"

enum {
    STORES_MAX = 8,
    SHOWN_BYTES = 80,
};

/* What the case is made of; the nodes are its own. */
struct scene {
    const struct json *document;
    struct store *stores[STORES_MAX];
    size_t store_count;
    struct secret_buf written; /* the manifest of the target */
    bool removed;
};

static const struct hmac_key DIGEST_KEY = {.bytes = {1}};

/* Stores */

static void read_stores(struct scene *scene)
{
    JSON_FOR_EACH (node, json_member(scene->document, "stores")) {
        bool cluster = json_string_is(json_member(node, "kind"), "ClusterSecretStore");
        struct err ignored;
        if (scene->store_count < STORES_MAX &&
            store_decode(node, cluster, &scene->stores[scene->store_count], &ignored)) {
            scene->store_count++;
        }
    }
}

static bool admits(const struct scene *scene, const struct store *store,
                   const struct external_secret *external_secret, struct err *err)
{
    struct string_pair labels[32];
    size_t count = 0;
    JSON_FOR_EACH (member, json_member(scene->document, "namespaceLabels")) {
        if (count < ARRAY_LEN(labels)) {
            labels[count++] = (struct string_pair){json_key(member), json_string(member)};
        }
    }
    const struct store_namespace namespace = {.name = external_secret->namespace,
                                              .labels_known = true,
                                              .labels = labels,
                                              .label_count = count};
    return store_admits(store, &namespace, err);
}

static struct store *find_store(void *context, const struct external_secret *external_secret,
                                const struct store_ref *ref, struct err *err)
{
    const struct scene *scene = context;
    for (size_t i = 0; i < scene->store_count; i++) {
        struct store *store = scene->stores[i];
        if (store->cluster != ref->cluster || !sv_equal(store->name, ref->name)) {
            continue;
        }
        if (store->controller.len > 0 && !sv_is(store->controller, "default")) {
            (void)err_set(err, ERR_INVALID, "another controller's store");
            return NULL;
        }
        return admits(scene, store, external_secret, err) ? store_retain(store) : NULL;
    }
    (void)err_set(err, ERR_MISSING, "store %.*s does not exist", SV_ARG(ref->name));
    return NULL;
}

/* The remote side */

static const char *service_of(const struct store *store)
{
    return store->provider == PROVIDER_AWS_PARAMETER_STORE ? "parameterStore" : "secretsManager";
}

/* The version that is asked for, or NULL; `*ret_named`: there is something of that name. */
static const struct json *find_remote(const struct scene *scene, const struct store *store,
                                      const struct remote_read *read, bool *ret_named)
{
    CLEANUP(buf_done) struct buf name = {0};
    buf_init(&name, LIMIT_ELEMENT_BYTES);
    buf_add(&name, store->aws.prefix);
    buf_add(&name, read->key);
    *ret_named = false;
    JSON_FOR_EACH (entry, json_member(scene->document, "remote")) {
        struct str_view version = read->metadata ? SV("") : read->version;
        bool named = json_string_is(json_member(entry, "service"), service_of(store)) &&
                     sv_equal(json_string(json_member(entry, "name")), buf_view(&name));
        *ret_named |= named;
        if (named && sv_equal(json_string(json_member(entry, "version")), version)) {
            return entry;
        }
    }
    return NULL;
}

static bool take(const struct json *entry, bool metadata, struct secret_buf *ret, struct err *err)
{
    const struct json *binary = json_member(entry, "binary");
    secret_buf_init(ret, LIMIT_SECRET_DATA_BYTES);
    if (metadata) {
        secret_buf_add(ret, json_string(json_member(entry, "tags")));
    } else if (binary) {
        return decode_base64(&ret->bytes, json_string(binary), err);
    } else {
        secret_buf_add(ret, json_string(json_member(entry, "text")));
    }
    return true;
}

static bool read_all(void *context, const struct remote_request *request, struct remote_read *reads,
                     size_t count, struct err *err)
{
    const struct scene *scene = context;
    for (size_t i = 0; i < count; i++) {
        bool named = false;
        const struct json *entry = find_remote(scene, request->store, &reads[i], &named);
        /* A version that a parameter does not have is a mistake, not a parameter that is missing.
         */
        named &= request->store->provider == PROVIDER_AWS_PARAMETER_STORE;
        if (!entry && reads[i].may_miss && !named) {
            reads[i].missing = true;
            continue;
        }
        if (!entry) {
            return err_set(err, ERR_MISSING, "remote secret %.*s does not exist",
                           SV_ARG(sv_first(reads[i].key, SHOWN_BYTES)));
        }
        if (!take(entry, reads[i].metadata, &reads[i].value, err)) {
            return false;
        }
    }
    return true;
}

/* As webhook/aws_find.h says it: tags exactly and in pairs; of parameters that have a name to go by
 * they do not count. */
static bool has_tags(const struct json *entry, const struct store *store,
                     const struct remote_find *find)
{
    bool counts = store->provider != PROVIDER_AWS_PARAMETER_STORE || !find->name;
    for (size_t i = 0; counts && i < find->tag_count; i++) {
        const struct json *tag = json_member_sv(json_member(entry, "tagList"), find->tags[i].key);
        if (!tag || !sv_equal(json_string(tag), find->tags[i].value)) {
            return false;
        }
    }
    return true;
}

static bool matches(const struct json *entry, const struct store *store,
                    const struct remote_find *find, bool *ret, struct err *err)
{
    struct str_view name = json_string(json_member(entry, "name"));
    *ret = json_string_is(json_member(entry, "service"), service_of(store)) &&
           json_string(json_member(entry, "version")).len == 0 &&
           sv_starts_with(name, find->path) && has_tags(entry, store, find);
    return !*ret || !find->name || regex_matches(find->name, name, NULL, ret, err);
}

static bool find_all(void *context, const struct remote_request *request,
                     const struct remote_find *find, struct data_map *ret, struct err *err)
{
    const struct scene *scene = context;
    if (!find->name && find->tag_count == 0) {
        return err_set(err, ERR_INVALID, "neither name nor tags");
    }
    JSON_FOR_EACH (entry, json_member(scene->document, "remote")) {
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        bool wanted = false;
        if (!matches(entry, request->store, find, &wanted, err)) {
            return false;
        }
        if (wanted && !take(entry, false, &value, err)) {
            return false;
        }
        if (wanted) {
            data_map_put(ret, json_string(json_member(entry, "name")), &value);
        }
    }
    return true;
}

/* The cluster's side */

static bool read_template(void *context, enum template_from_kind kind, struct str_view namespace,
                          struct str_view name, int64_t deadline_ms, struct data_map *ret,
                          struct err *err)
{
    const struct scene *scene = context;
    const char *wanted = kind == TEMPLATE_FROM_SECRET ? "Secret" : "ConfigMap";
    (void)namespace;
    (void)deadline_ms;
    JSON_FOR_EACH (object, json_member(scene->document, "objects")) {
        const struct json *data = json_member(object, "data");
        if (!json_string_is(json_member(object, "kind"), wanted) ||
            !sv_equal(json_string(json_path(object, "metadata", "name", NULL)), name)) {
            continue;
        }
        if (kind == TEMPLATE_FROM_SECRET) {
            return data_map_put_json(ret, data, err);
        }
        JSON_FOR_EACH (member, data) {
            CLEANUP(secret_buf_done) struct secret_buf value = {0};
            secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
            secret_buf_add(&value, json_string(member));
            data_map_put(ret, json_key(member), &value);
        }
        return true;
    }
    return err_set(err, ERR_MISSING, "%s %.*s does not exist", wanted, SV_ARG(name));
}

static bool sink_read(void *context, struct str_view namespace, struct str_view name,
                      int64_t deadline_ms, struct live_secret *ret, struct err *err)
{
    const struct scene *scene = context;
    const struct json *text = json_member_sv(json_member(scene->document, "secrets"), name);
    struct secret_buf body = {0};
    (void)namespace;
    (void)deadline_ms;
    bool written = scene->written.bytes.len > 0;
    if (!text && !written) {
        return true;
    }
    secret_buf_init(&body, LIMIT_KUBE_ANSWER_BYTES);
    secret_buf_add(&body, written ? secret_buf_view(&scene->written) : json_string(text));
    return live_secret_read(&body, &DIGEST_KEY, ret, err);
}

static bool keep(struct scene *scene, const struct secret_buf *manifest)
{
    secret_buf_done(&scene->written);
    secret_buf_init(&scene->written, LIMIT_KUBE_BODY_BYTES);
    secret_buf_add(&scene->written, secret_buf_view(manifest));
    return true;
}

static bool sink_create(void *context, struct str_view namespace, struct str_view field_manager,
                        const struct secret_buf *manifest, int64_t deadline_ms, struct secret **ret,
                        struct err *err)
{
    (void)namespace;
    (void)field_manager;
    (void)deadline_ms;
    (void)ret;
    (void)err;
    return keep(context, manifest);
}

static bool sink_replace(void *context, struct str_view namespace, struct str_view name,
                         struct str_view field_manager, const struct secret_buf *manifest,
                         int64_t deadline_ms, struct secret **ret, struct err *err)
{
    (void)name;
    return sink_create(context, namespace, field_manager, manifest, deadline_ms, ret, err);
}

static bool sink_remove(void *context, struct str_view namespace, struct str_view name,
                        struct str_view uid, struct str_view resource_version, int64_t deadline_ms,
                        struct err *err)
{
    struct scene *scene = context;
    (void)namespace;
    (void)name;
    (void)uid;
    (void)resource_version;
    (void)deadline_ms;
    (void)err;
    scene->removed = true;
    return true;
}

/* The answer */

static void print_member(struct buf *out, const char *name, struct str_view text)
{
    encode_json_string(out, sv_of(name));
    buf_add_byte(out, ':');
    encode_json_string(out, text);
    buf_add_byte(out, ',');
}

static void print_answer(const struct scene *scene, const struct external_secret *external_secret,
                         enum reconcile_outcome outcome, const struct reconcile_report *report,
                         const struct err *err, struct buf *out)
{
    buf_add_byte(out, '{');
    print_member(out, "outcome", sv_of(reconcile_outcome_name(outcome)));
    print_member(out, "status", status_is_ready(report->end) ? SV("True") : SV("False"));
    print_member(out, "reason", sv_of(status_reason(report->end)));
    print_member(out, "message", sv_of(err->message));
    print_member(out, "binding", report->bound ? external_secret->target : SV(""));
    buf_add_str(out, "\"secrets\":{");
    if (scene->removed || scene->written.bytes.len > 0) {
        encode_json_string(out, external_secret->target);
        buf_add_byte(out, ':');
        buf_add(out, scene->removed ? SV("null") : secret_buf_view(&scene->written));
    }
    buf_add_str(out, "}}\n");
}

static bool carry_out(struct scene *scene, struct buf *out, struct err *err)
{
    struct external_secret *external_secret = NULL;
    CLEANUP(reconcile_report_done) struct reconcile_report report = {0};
    struct err failure = {0};
    if (!external_secret_decode(json_member(scene->document, "externalSecret"), &external_secret,
                                err)) {
        return false;
    }
    read_stores(scene);
    const struct store_resolver stores = {.find = find_store, .context = scene};
    const struct secret_source source = {.read = read_all, .find = find_all, .context = scene};
    const struct template_source templates = {.read = read_template, .context = scene};
    const struct secret_sink sink = {.read = sink_read,
                                     .create = sink_create,
                                     .replace = sink_replace,
                                     .remove = sink_remove,
                                     .context = scene};
    const struct reconcile_input input = {.external_secret = external_secret,
                                          .stores = &stores,
                                          .source = &source,
                                          .templates = &templates,
                                          .sink = &sink};
    enum reconcile_outcome outcome = reconcile(&input, &report, &failure);
    print_answer(scene, external_secret, outcome, &report, &failure, out);
    external_secret_release(external_secret);
    return true;
}

static void scene_done(struct scene *scene)
{
    for (size_t i = 0; i < scene->store_count; i++) {
        store_release(scene->stores[i]);
    }
    secret_buf_done(&scene->written);
}

static bool run(const char *path, struct buf *out, struct err *err)
{
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(scene_done) struct scene scene = {0};
    buf_init(&text, 16 * (size_t)LIMIT_ELEMENT_BYTES);
    return file_read(path, &text, err) &&
           json_parse(&doc, text.data, text.len, &limits, &scene.document, err) &&
           carry_out(&scene, out, err);
}

int main(int argc, char **argv)
{
    CLEANUP(buf_done) struct buf out = {0};
    struct err err = {0};
    buf_init(&out, 16 * (size_t)LIMIT_ELEMENT_BYTES);
    if (argc != 2 || !run(argv[1], &out, &err)) {
        (void)fprintf(stderr, "externalsecret_cases: %s\n", argc == 2 ? err.message : "usage");
        return 1;
    }
    (void)fwrite(out.data, 1, out.len, stdout);
    return 0;
}
