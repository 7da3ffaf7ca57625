/* SPDX-License-Identifier: Apache-2.0 */
/* The program's own request path without a cluster, for measurements.
 *
 *   bench_server noop|full --ca FILE --secrets FILE
 *
 * `full` answers reviews as `keyturn serve` does: server, decision, one log line (to /dev/null),
 * metrics; the world holds the Secrets of FILE, a List of core/v1 Secrets. `noop` is the same
 * server with a handler that reads the body and answers a constant. */
#include <fcntl.h>
#include <unistd.h>

#include "base/file.h"
#include "base/limits.h"
#include "die.h"
#include "flags.h"
#include "objects/secret.h"
#include "serving.h"
#include "webhook/answer.h"

struct bench {
    struct serving serving;
    struct log nowhere; /* a line for each decision */
    struct policy policy;
    struct metrics *metrics;
    struct world *world;
    struct answerer *answerer;
    bool full;
};

static void load_world(struct bench *bench, const char *secrets_file)
{
    static const unsigned char installation_key[INSTALLATION_KEY_BYTES] = {1, 2, 3};
    struct fingerprint_keys keys;
    struct err err = {0};
    fingerprint_keys_derive(installation_key, &keys);
    world_set_keys(bench->world, &keys);

    CLEANUP(secret_buf_done) struct secret_buf text;
    secret_buf_init(&text, LIMIT_ELEMENT_BYTES);
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = LIMIT_REVIEW_NODES,
                                       .max_depth = LIMIT_JSON_DEPTH};
    const struct json *list = NULL;
    if (!file_read_secret(secrets_file, &text, &err) ||
        !json_parse(&doc, text.bytes.data, text.bytes.len, &limits, &list, &err)) {
        die(secrets_file, err.message);
    }
    JSON_FOR_EACH (item, json_member(list, "items")) {
        struct secret *secret = NULL;
        if (!secret_decode(item, &keys.digest, &secret, &err)) {
            die(secrets_file, err.message);
        }
        (void)world_put_secret(bench->world, secret);
    }
    fingerprint_keys_wipe(&keys);
    for (int table = 0; table < WORLD_TABLES; table++) {
        world_set_synced(bench->world, (enum world_table)table, true);
    }
}

static unsigned bench_check(void *context, struct server_request *request)
{
    (void)context;
    if (!sv_is(request->path, "/mutate")) {
        return 404;
    }
    return sv_is(request->method, "POST") ? 0 : 405;
}

static void bench_handle(void *context, struct server_request *request)
{
    struct bench *bench = context;
    if (bench->full) {
        answer_review(bench->answerer, request);
        return;
    }
    server_answer(request, 200, "application/json",
                  SV("{\"kind\":\"AdmissionReview\",\"apiVersion\":\"admission.k8s.io/v1\","
                     "\"response\":{\"uid\":\"\",\"allowed\":true}}"));
}

static void bench_done(void *context, struct server_request *request)
{
    (void)context;
    answer_done(request);
}

static void bench_init(struct bench *bench)
{
    const struct clock *clock = bench->serving.clock;
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    bench->nowhere = (struct log){.fd = nowhere, .level = LOG_INFO, .clock = clock};
    bench->policy = policy_builtin();
    bench->metrics = metrics_new();
    bench->world = world_new();
    const struct answerer_options options = {
        .world = bench->world,
        .policy = &bench->policy,
        .budget = &bench->serving.budget,
        .clock = clock,
        .log = &bench->nowhere,
        .metrics = bench->metrics,
    };
    bench->answerer = answerer_new(&options);
    answerer_set_gates_supported(bench->answerer, true);
}

static void bench_free(struct bench *bench)
{
    answerer_free(bench->answerer);
    world_free(bench->world);
    metrics_free(bench->metrics);
    (void)close(bench->nowhere.fd);
}

int main(int argc, char **argv)
{
    static struct bench bench;
    const char *ca_file = NULL;
    const char *secrets_file = NULL;
    const struct flag flags[] = {
        {.name = "--ca", .text = &ca_file},
        {.name = "--secrets", .text = &secrets_file},
    };
    flags_read(argv + (argc > 1 ? 2 : 1), flags, ARRAY_LEN(flags));
    if (!ca_file || !secrets_file) {
        die("usage", "bench_server noop|full --ca FILE --secrets FILE");
    }
    bench.full = strcmp(argv[1], "full") == 0;
    serving_init(&bench.serving);
    bench_init(&bench);
    load_world(&bench, secrets_file);
    serving_start(
        &bench.serving, ca_file,
        &(struct server_options){
            .check = bench_check, .handle = bench_handle, .done = bench_done, .context = &bench});
    serving_wait(&bench.serving);
    int status = serving_stop(&bench.serving);
    bench_free(&bench);
    return status;
}
