/* SPDX-License-Identifier: Apache-2.0 */
#include "aws_side.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "base/limits.h"
#include "die.h"
#include "world/world.h"

/* Tokens of STS have some thousand bytes, and each call signs and sends them. */
#define TOKEN_64 "IQoJb3JpZ2luX2VjEHYaCXVzLWVhc3QtMSJHMEUCIQDw0Y8Pv1JvW3n5cXo4aB7k"
#define TOKEN_256 TOKEN_64 TOKEN_64 TOKEN_64 TOKEN_64
#define TOKEN TOKEN_256 TOKEN_256 TOKEN_256 TOKEN_256

static const char STORE[] =
    "{\"metadata\":{\"name\":\"aws\",\"uid\":\"store\",\"resourceVersion\":\"1\","
    "\"generation\":1},\"spec\":{\"provider\":{\"aws\":{\"service\":\"SecretsManager\","
    "\"region\":\"us-east-1\"}}}}";

static const char *read_variable(void *context, const char *name)
{
    const struct aws_side *side = context;
    const struct {
        const char *name;
        const char *value;
    } variables[] = {
        {"AWS_ENDPOINT_URL", side->url},
        {"AWS_CA_BUNDLE", side->ca_file},
        {"AWS_REGION", "us-east-1"},
        {"AWS_ACCESS_KEY_ID", "ASIAIOSFODNN7EXAMPLE"},
        {"AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"},
        {"AWS_SESSION_TOKEN", TOKEN},
    };
    for (size_t i = 0; i < ARRAY_LEN(variables); i++) {
        if (strcmp(variables[i].name, name) == 0) {
            return variables[i].value;
        }
    }
    return NULL;
}

static struct store *decode_store(void)
{
    const struct json_limits limits = {.max_nodes = 64, .max_depth = LIMIT_JSON_DEPTH};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(mem_free_ptr) char *text = str_dup(STORE);
    const struct json *root = NULL;
    struct store *store = NULL;
    struct err err = {0};
    if (!json_parse(&doc, text, strlen(text), &limits, &root, &err) ||
        !store_decode(root, true, &store, &err) || store->unsupported.len) {
        die("store", err.message);
    }
    return store;
}

void aws_side_init(struct aws_side *side, const struct clock *clock, int64_t port,
                   const char *ca_file)
{
    struct err err = {0};
    /* As process_signals() does; libcurl is told to leave signals alone. */
    (void)signal(SIGPIPE, SIG_IGN);
    if (!http_global_init(&err)) {
        die("libcurl", err.message);
    }
    int nowhere = open("/dev/null", O_WRONLY | O_CLOEXEC);
    *side = (struct aws_side){
        .nowhere = {.fd = nowhere, .level = LOG_INFO, .clock = clock},
        .metrics = metrics_new(),
        .world = world_new(),
        .store = decode_store(),
        .environment = {.get = read_variable, .context = side},
        .ca_file = ca_file,
    };
    (void)snprintf(side->url, sizeof side->url, "https://127.0.0.1:%lld", (long long)port);
    world_put_store(side->world, store_retain(side->store));
    const struct aws_services_options options = {
        .clock = clock,
        .log = &side->nowhere,
        .metrics = side->metrics,
        .environment = &side->environment,
        .session_name = "bench",
    };
    if (!aws_services_new(&options, &side->services, &err)) {
        die("AWS", err.message);
    }
    side->clients =
        (struct clients_options){.clock = clock, .aws = side->services, .world = side->world};
}

void aws_side_done(struct aws_side *side)
{
    aws_services_free(side->services);
    store_release(side->store);
    world_free(side->world);
    metrics_free(side->metrics);
    (void)close(side->nowhere.fd);
    http_global_done();
}
