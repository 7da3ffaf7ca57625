/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/serving_cert.h"

#include "base/encode.h"
#include "base/limits.h"
#include "base/memory_file.h"
#include "crypto/random.h"
#include "webhook/agenda.h"
#include "webhook/clients.h"
#include "webhook/thread.h"

enum {
    CALL_DEADLINE_MS = 5000,
    RETRY_MS = 1000,
    RETRY_MAX_MS = 10000,
    /* Somebody may put an old configuration back, or delete the Secret while nobody watches. */
    RECHECK_MS = 60000,
    SEGMENT_RANDOM_BYTES = 16,
    SEGMENT_BYTES = 2 * SEGMENT_RANDOM_BYTES + 1,
    DNS_NAMES = 3,
};

static const char ADOPT[] = "adopt";
static const char PUBLISH[] = "publish";

struct cert_keeper {
    struct cert_keeper_options options;
    struct clients_options client_options;
    struct clients *clients; /* the agenda's thread, as are the next four */
    struct agenda *agenda;
    struct buf ca_pem;
    struct memory_file ca_file;
    struct buf adopted; /* resourceVersion of the Secret in force */
    int64_t retry_ms;
    pthread_mutex_t mutex;
    char segment[SEGMENT_BYTES];          /* guarded; "" before the first */
    char previous_segment[SEGMENT_BYTES]; /* guarded */
    bool published;                       /* guarded */
};

static void look(void *context, const char *key);

struct cert_keeper *cert_keeper_new(const struct cert_keeper_options *options)
{
    struct cert_keeper *keeper = mem_alloc(sizeof *keeper);
    keeper->options = *options;
    keeper->client_options =
        (struct clients_options){.config = options->config, .clock = options->clock};
    keeper->retry_ms = RETRY_MS;
    buf_init(&keeper->ca_pem, LIMIT_PEM_BYTES);
    buf_init(&keeper->adopted, LIMIT_NAME_BYTES);
    memory_file_init(&keeper->ca_file);
    mutex_init(&keeper->mutex);
    keeper->agenda = agenda_new(&(struct agenda_options){
        .name = "certificate", .clock = options->clock, .look = look, .context = keeper});
    return keeper;
}

void cert_keeper_start(struct cert_keeper *keeper)
{
    agenda_look_in(keeper->agenda, sv_of(ADOPT), 0);
    agenda_start(keeper->agenda);
}

void cert_keeper_secret_changed(struct cert_keeper *keeper)
{
    agenda_look_in(keeper->agenda, sv_of(ADOPT), 0);
}

bool cert_keeper_knows_segment(struct cert_keeper *keeper, struct str_view segment)
{
    pthread_mutex_lock(&keeper->mutex);
    bool known = segment.len == SEGMENT_BYTES - 1 &&
                 (secret_equal(segment, sv_of(keeper->segment)) ||
                  secret_equal(segment, sv_of(keeper->previous_segment)));
    pthread_mutex_unlock(&keeper->mutex);
    return known;
}

bool cert_keeper_is_published(struct cert_keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    bool published = keeper->published;
    pthread_mutex_unlock(&keeper->mutex);
    return published;
}

void cert_keeper_free(struct cert_keeper *keeper)
{
    if (!keeper) {
        return;
    }
    agenda_free(keeper->agenda);
    clients_stop(keeper->clients);
    memory_file_done(&keeper->ca_file);
    buf_done(&keeper->ca_pem);
    buf_done(&keeper->adopted);
    pthread_mutex_destroy(&keeper->mutex);
    free(keeper);
}

static int64_t deadline(const struct cert_keeper *keeper)
{
    return clock_monotonic_ms(keeper->options.clock) + CALL_DEADLINE_MS;
}

static void add_field(struct secret_buf *manifest, const char *name, struct str_view bytes)
{
    struct buf *out = &manifest->bytes;
    buf_printf(out, "%s\"%s\":\"", out->data[out->len - 1] == '{' ? "" : ",", name);
    encode_base64(out, bytes);
    buf_add_byte(out, '"');
}

/* CA, leaf, key and segment as one Secret manifest. */
static bool make_manifest(const struct cert_keeper *keeper, struct secret_buf *manifest,
                          struct err *err)
{
    CLEANUP(buf_done) struct buf ca_pem;
    CLEANUP(buf_done) struct buf cert_pem;
    CLEANUP(buf_done) struct buf segment;
    CLEANUP(secret_buf_done) struct secret_buf ca_key_pem;
    CLEANUP(secret_buf_done) struct secret_buf key_pem;
    char names[DNS_NAMES][2 * LIMIT_NAME_BYTES + 8];
    const char *const dns_names[DNS_NAMES] = {names[0], names[1], names[2]};
    const struct cert_keeper_options *options = &keeper->options;
    int64_t now = clock_wall_ms(options->clock);
    unsigned char random[SEGMENT_RANDOM_BYTES];
    buf_init(&ca_pem, LIMIT_PEM_BYTES);
    buf_init(&cert_pem, LIMIT_PEM_BYTES);
    buf_init(&segment, SEGMENT_BYTES);
    secret_buf_init(&ca_key_pem, LIMIT_PEM_BYTES);
    secret_buf_init(&key_pem, LIMIT_PEM_BYTES);
    (void)snprintf(names[0], sizeof names[0], "%s.%s.svc", options->service, options->namespace);
    (void)snprintf(names[1], sizeof names[1], "%s.%s", options->service, options->namespace);
    (void)snprintf(names[2], sizeof names[2], "%s.%s.svc.cluster.local", options->service,
                   options->namespace);
    if (!cert_authority_make(now, &ca_pem, &ca_key_pem, err) ||
        !serving_cert_make(buf_view(&ca_pem), secret_buf_view(&ca_key_pem), dns_names, DNS_NAMES,
                           now, &cert_pem, &key_pem, err)) {
        return false;
    }
    random_bytes(random, sizeof random);
    encode_hex(&segment, sv_make((const char *)random, sizeof random));
    struct buf *out = &manifest->bytes;
    buf_add_str(out, "{\"apiVersion\":\"v1\",\"kind\":\"Secret\",\"type\":\"kubernetes.io/tls\","
                     "\"metadata\":{\"name\":");
    encode_json_string(out, sv_of(options->secret));
    buf_add_str(out, ",\"labels\":{\"app.kubernetes.io/managed-by\":\"keyturn\"}},\"data\":{");
    add_field(manifest, "ca.crt", buf_view(&ca_pem));
    add_field(manifest, "ca.key", secret_buf_view(&ca_key_pem));
    add_field(manifest, "tls.crt", buf_view(&cert_pem));
    add_field(manifest, "tls.key", secret_buf_view(&key_pem));
    add_field(manifest, "path", buf_view(&segment));
    buf_add_str(out, "}}");
    return secret_buf_check(manifest, "the certificate Secret", err);
}

static bool decode_field(const struct json *object, const char *name, struct buf *ret,
                         struct err *err)
{
    struct str_view text = json_string(json_path(object, "data", name, NULL));
    if (text.len == 0) {
        return err_set(err, ERR_INVALID, "the certificate Secret has no '%s'", name);
    }
    return decode_base64(ret, text, err) || err_wrap(err, "'%s' of the certificate Secret", name);
}

static bool is_segment(struct str_view text)
{
    if (text.len != SEGMENT_BYTES - 1) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (!strchr("0123456789abcdef", text.data[i]) || !text.data[i]) {
            return false;
        }
    }
    return true;
}

static void adopt_segment(struct cert_keeper *keeper, struct str_view segment)
{
    pthread_mutex_lock(&keeper->mutex);
    if (!sv_is(segment, keeper->segment)) {
        memcpy(keeper->previous_segment, keeper->segment, SEGMENT_BYTES);
        memcpy(keeper->segment, segment.data, segment.len);
        keeper->segment[segment.len] = '\0';
    }
    keeper->published = false;
    pthread_mutex_unlock(&keeper->mutex);
}

/* A Secret that is not usable changes nothing: the last good certificate stays in force. */
static bool adopt_object(struct cert_keeper *keeper, const struct json *object, struct err *err)
{
    CLEANUP(buf_done) struct buf ca_pem;
    CLEANUP(buf_done) struct buf cert_pem;
    CLEANUP(buf_done) struct buf segment;
    CLEANUP(secret_buf_done) struct secret_buf key_pem;
    struct serving_cert *cert = NULL;
    buf_init(&ca_pem, LIMIT_PEM_BYTES);
    buf_init(&cert_pem, LIMIT_PEM_BYTES);
    buf_init(&segment, SEGMENT_BYTES + 2);
    secret_buf_init(&key_pem, LIMIT_PEM_BYTES);
    if (!decode_field(object, "ca.crt", &ca_pem, err) ||
        !decode_field(object, "tls.crt", &cert_pem, err) ||
        !decode_field(object, "tls.key", &key_pem.bytes, err) ||
        !decode_field(object, "path", &segment, err)) {
        return false;
    }
    if (!is_segment(buf_view(&segment))) {
        return err_set(err, ERR_INVALID,
                       "'path' of the certificate Secret is not 32 lower-case hex digits");
    }
    if (!memory_file_write(&keeper->ca_file, buf_view(&ca_pem), err) ||
        !serving_cert_parse(buf_view(&cert_pem), secret_buf_view(&key_pem), &cert, err)) {
        return false;
    }
    cert_holder_set(keeper->options.holder, cert);
    serving_cert_release(cert);
    buf_clear(&keeper->ca_pem);
    buf_add(&keeper->ca_pem, buf_view(&ca_pem));
    adopt_segment(keeper, buf_view(&segment));
    return true;
}

static bool adopt_response(struct cert_keeper *keeper, struct kube_response *response,
                           struct err *err)
{
    CLEANUP(json_doc_done) struct json_doc document = {0};
    const struct json_limits limits = {.max_nodes = 10000, .max_depth = LIMIT_JSON_DEPTH};
    const struct json *object = NULL;
    struct buf *body = &response->body.bytes;
    if (!json_parse(&document, body->data, body->len, &limits, &object, err)) {
        return false;
    }
    /* The watch tells of every list and of our own writes, too. */
    struct str_view version = json_string(json_path(object, "metadata", "resourceVersion", NULL));
    if (version.len && sv_equal(version, buf_view(&keeper->adopted))) {
        return true;
    }
    if (!adopt_object(keeper, object, err)) {
        return false;
    }
    buf_clear(&keeper->adopted);
    buf_add(&keeper->adopted, version);
    return true;
}

/* Reads the Secret; creates it when there is none, and reads again when somebody was faster. */
static bool adopt(struct cert_keeper *keeper, struct err *err)
{
    const struct kube_client *client = &keeper->clients->kube;
    const struct kube_target target = {.resource = &kube_secrets,
                                       .namespace = sv_of(keeper->options.namespace),
                                       .name = sv_of(keeper->options.secret)};
    const struct kube_target collection = {.resource = target.resource,
                                           .namespace = target.namespace};
    for (int attempt = 0;; attempt++) {
        CLEANUP(kube_response_done) struct kube_response response = {0};
        CLEANUP(kube_response_done) struct kube_response created = {0};
        CLEANUP(secret_buf_done) struct secret_buf manifest = {0};
        if (kube_get(client, &target, deadline(keeper), &response, err)) {
            return adopt_response(keeper, &response, err);
        }
        if (err->kind != ERR_MISSING) {
            return false;
        }
        secret_buf_init(&manifest, 8 * (size_t)LIMIT_TOKEN_BYTES);
        if (!make_manifest(keeper, &manifest, err)) {
            return false;
        }
        if (kube_create(client, &collection, SV("keyturn"), secret_buf_view(&manifest),
                        deadline(keeper), &created, err)) {
            return adopt_response(keeper, &created, err);
        }
        if (err->kind != ERR_CONFLICT || attempt > 0) {
            return false;
        }
    }
}

/* Through the Service, with the very CA that the API server will be told. */
static bool reach_self(struct cert_keeper *keeper, struct err *err)
{
    CLEANUP(http_response_done) struct http_response response = {0};
    char url[2 * LIMIT_NAME_BYTES + 32];
    (void)snprintf(url, sizeof url, "https://%s.%s.svc/healthz", keeper->options.service,
                   keeper->options.namespace);
    const struct http_request request = {
        .method = "GET",
        .url = url,
        .tls = {.ca_file = memory_file_path(&keeper->ca_file)},
        .connect_to = keeper->options.service_address,
        .no_proxy = true,
        .deadline_ms = deadline(keeper),
        .max_answer = 4096,
    };
    if (!http_send(keeper->clients->kube.transport, &request, &response, err)) {
        return err_wrap(err, "reach myself through the Service");
    }
    if (response.status != 200) {
        return err_set(err, ERR_UNAVAILABLE, "the Service answered %u to /healthz",
                       response.status);
    }
    return true;
}

/* One element of `webhooks` that has to change; false when it is right already. */
static bool write_webhook(const struct json *webhook, struct str_view bundle, const char *path,
                          struct buf *out)
{
    const struct json *client = json_member(webhook, "clientConfig");
    if (json_string_is(json_path(client, "service", "path", NULL), path) &&
        sv_equal(json_string(json_member(client, "caBundle")), bundle)) {
        return false;
    }
    if (out->data[out->len - 1] != '[') {
        buf_add_byte(out, ',');
    }
    buf_add_str(out, "{\"name\":");
    encode_json_string(out, json_string(json_member(webhook, "name")));
    buf_add_str(out, ",\"clientConfig\":{\"caBundle\":\"");
    buf_add(out, bundle);
    buf_printf(out, "\",\"service\":{\"path\":\"%s\"}}}", path);
    return true;
}

/* Appends the patch; false when the configuration is as it should be. */
static bool write_patch(struct cert_keeper *keeper, const struct json *configuration,
                        const char *route, struct buf *out)
{
    CLEANUP(buf_done) struct buf bundle;
    char path[SEGMENT_BYTES + 16];
    bool wanted = false;
    (void)snprintf(path, sizeof path, "/%s/%s", route, keeper->segment);
    buf_init(&bundle, 2 * (size_t)LIMIT_PEM_BYTES);
    encode_base64(&bundle, buf_view(&keeper->ca_pem));
    buf_add_str(out, "{\"metadata\":{\"resourceVersion\":");
    encode_json_string(out,
                       json_string(json_path(configuration, "metadata", "resourceVersion", NULL)));
    buf_add_str(out, "},\"webhooks\":[");
    JSON_FOR_EACH (webhook, json_member(configuration, "webhooks")) {
        wanted |= write_webhook(webhook, buf_view(&bundle), path, out);
    }
    buf_add_str(out, "]}");
    return wanted;
}

/* `route` is where its webhooks lead to. */
static bool publish_in(struct cert_keeper *keeper, const struct kube_resource *resource,
                       const char *route, struct err *err)
{
    CLEANUP(kube_response_done) struct kube_response response = {0};
    CLEANUP(kube_response_done) struct kube_response patched = {0};
    CLEANUP(json_doc_done) struct json_doc document = {0};
    CLEANUP(buf_done) struct buf patch;
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = LIMIT_JSON_DEPTH};
    const struct json *configuration = NULL;
    const struct kube_target target = {.resource = resource,
                                       .name = sv_of(keeper->options.configuration)};
    buf_init(&patch, LIMIT_KUBE_BODY_BYTES);
    if (!kube_get(&keeper->clients->kube, &target, deadline(keeper), &response, err)) {
        return false;
    }
    struct buf *body = &response.body.bytes;
    if (!json_parse(&document, body->data, body->len, &limits, &configuration, err)) {
        return false;
    }
    return !write_patch(keeper, configuration, route, &patch) ||
           kube_patch(&keeper->clients->kube, &target, KUBE_PATCH_STRATEGIC, SV("keyturn"),
                      buf_view(&patch), deadline(keeper), &patched, err);
}

static bool publish(struct cert_keeper *keeper, struct err *err)
{
    return reach_self(keeper, err) && publish_in(keeper, &kube_mutating_webhooks, "mutate", err) &&
           (!keeper->options.validates ||
            publish_in(keeper, &kube_validating_webhooks, "validate", err));
}

static void retry(struct cert_keeper *keeper, const char *step, const struct err *err)
{
    struct log_line line = log_begin(keeper->options.log, LOG_WARN, "certificate");
    log_str(&line, "step", sv_of(step));
    log_int(&line, "retry_ms", keeper->retry_ms);
    log_err(&line, err);
    log_end(&line);
    agenda_look_in(keeper->agenda, sv_of(step), keeper->retry_ms);
    keeper->retry_ms = keeper->retry_ms * 2 < RETRY_MAX_MS ? keeper->retry_ms * 2 : RETRY_MAX_MS;
}

static void note_published(struct cert_keeper *keeper)
{
    pthread_mutex_lock(&keeper->mutex);
    bool first = !keeper->published;
    keeper->published = true;
    pthread_mutex_unlock(&keeper->mutex);
    if (first) {
        struct log_line line = log_begin(keeper->options.log, LOG_INFO, "published");
        log_str(&line, "configuration", sv_of(keeper->options.configuration));
        log_end(&line);
    }
    keeper->retry_ms = RETRY_MS;
    agenda_look_in(keeper->agenda, sv_of(ADOPT), RECHECK_MS);
}

static void look(void *context, const char *key)
{
    struct cert_keeper *keeper = context;
    struct err err;
    if (!keeper->clients) {
        keeper->clients = clients_start(&keeper->client_options);
    }
    if (strcmp(key, ADOPT) == 0) {
        if (adopt(keeper, &err)) {
            keeper->retry_ms = RETRY_MS;
            agenda_look_in(keeper->agenda, sv_of(PUBLISH), 0);
        } else {
            retry(keeper, ADOPT, &err);
        }
    } else if (publish(keeper, &err)) {
        note_published(keeper);
    } else {
        retry(keeper, PUBLISH, &err);
    }
}
