/* SPDX-License-Identifier: Apache-2.0 */
/* What leads from stores to AWS, for its tests: a world with stores and ExternalSecrets, AWS
 * services under an environment, the API server and AWS of neighbours.h, and one thread's clients.
 *
 * Keyturn's own keys are in that environment, so that a call which is signed with them where
 * another identity is asked for shows. Everything lies in namespace "n" unless it says otherwise.
 * Included by one test program at a time. */
#ifndef TESTS_WEBHOOK_AWS_SCENE_H
#define TESTS_WEBHOOK_AWS_SCENE_H

#include <fcntl.h>

#include "../aws/fake_environment.h"
#include "../aws/sts_answer.h"
#include "neighbours.h"
#include "quoted_json.h"
#include "webhook/aws_services.h"
#include "world/world.h"

#define OWN_KEY "AKIDKEYTURN"

#define AWS_SCENE_STS(action) STS_ANSWER(action, "2099-01-01T00:00:00Z")

static const struct variable aws_scene_variables[] = {
    {"AWS_ACCESS_KEY_ID", OWN_KEY}, {"AWS_SECRET_ACCESS_KEY", "hunter2"}, {NULL, NULL}};

static struct {
    struct log quiet;
    struct metrics *metrics;
    struct world *world;
    struct kube_config *config;
    struct environment environment;
    struct aws_services *services;
    struct clients_options options;
    struct clients *clients;
} scene;

static inline void aws_scene_begin_at(const struct clock *clock, const struct variable *variables)
{
    struct err err = {0};
    api_begin();
    scene.quiet = (struct log){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .level = LOG_ERROR, .clock = clock_system()};
    scene.metrics = metrics_new();
    scene.world = world_new();
    scene.config = api_config();
    scene.environment = fake_environment(variables);
    ck_assert_msg(aws_services_new(&(struct aws_services_options){.clock = clock,
                                                                  .log = &scene.quiet,
                                                                  .metrics = scene.metrics,
                                                                  .environment = &scene.environment,
                                                                  .session_name = "keyturn-test"},
                                   &scene.services, &err),
                  "%s", err.message);
    scene.options = (struct clients_options){
        .config = scene.config, .clock = clock, .aws = scene.services, .world = scene.world};
    scene.clients = clients_start(&scene.options);
}

static inline void aws_scene_begin_in(const struct variable *variables)
{
    aws_scene_begin_at(clock_system(), variables);
}

static inline void aws_scene_begin(void)
{
    aws_scene_begin_in(aws_scene_variables);
}

static inline void aws_scene_end(void)
{
    clients_stop(scene.clients);
    aws_services_free(scene.services);
    kube_config_free(scene.config);
    world_free(scene.world);
    metrics_free(scene.metrics);
    close(scene.quiet.fd);
    api_end();
}

static inline int64_t aws_scene_deadline(void)
{
    return clock_monotonic_ms(clock_system()) + API_PATIENCE_MS;
}

/* A store called `name`; `members` of spec.provider.aws begin with a comma or are empty. To be
 * released. */
static inline struct store *aws_scene_store(bool cluster, const char *name, const char *service,
                                            const char *members)
{
    struct json_text json = quoted_json(
        "{'metadata':{%s'name':'%s','uid':'u-%s','resourceVersion':'1'},'spec':{'provider':{'aws':{"
        "'service':'%s','region':'eu-north-1'%s}}}}",
        cluster ? "" : "'namespace':'n',", name, name, service, members);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    json_text_done(&json);
    return store;
}

/* A ClusterSecretStore whose conditions admit namespaces labelled admitted=yes. To be released. */
static inline struct store *aws_scene_closed_store(const char *name)
{
    struct json_text json = quoted_json(
        "{'metadata':{'name':'%s','uid':'u-%s','resourceVersion':'1'},'spec':{'conditions':[{"
        "'namespaceSelector':{'matchLabels':{'admitted':'yes'}}}],'provider':{'aws':{'service':"
        "'SecretsManager','region':'eu-north-1'}}}}",
        name, name);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, true, &store, &err), "%s", err.message);
    json_text_done(&json);
    return store;
}

/* `label` 'key':'value'. */
static inline void aws_scene_namespace(const char *name, const char *label)
{
    struct json_text json = quoted_json("{'metadata':{'name':'%s','labels':{%s}}}", name, label);
    struct namespace *namespace = NULL;
    struct err err = {0};
    ck_assert_msg(namespace_decode(json.root, &namespace, &err), "%s", err.message);
    (void)world_put_namespace(scene.world, namespace);
    json_text_done(&json);
}

/* An ExternalSecret of a SecretStore (or, with a namespace other than "n", a ClusterSecretStore) in
 * the world; `data` are elements of spec.data. To be released. */
static inline struct external_secret *aws_scene_external_secret(const char *namespace,
                                                                const char *name, const char *store,
                                                                const char *data)
{
    struct json_text json = quoted_json(
        "{'metadata':{'namespace':'%s','name':'%s','uid':'u-%s','resourceVersion':'1',"
        "'generation':1},'spec':{'secretStoreRef':{'name':'%s','kind':'%s'},'refreshInterval':"
        "'1h','data':[%s]}}",
        namespace, name, name, store,
        strcmp(namespace, "n") == 0 ? "SecretStore" : "ClusterSecretStore", data);
    struct external_secret *decoded = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &decoded, &err), "%s", err.message);
    (void)world_put_external_secret(scene.world, external_secret_retain(decoded));
    json_text_done(&json);
    return decoded;
}

/* As the watch would tell of it. */
static inline void aws_scene_secret(const char *namespace, const char *name, const char *uid,
                                    const char *version)
{
    struct json_text json =
        quoted_json("{'metadata':{'namespace':'%s','name':'%s','uid':'%s','resourceVersion':'%s'}}",
                    namespace, name, uid, version);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, NULL, &secret, &err), "%s", err.message);
    (void)world_put_secret(scene.world, secret);
    json_text_done(&json);
}

/* How many requests there have been of all. */
static inline unsigned api_total(void)
{
    unsigned total = 0;
    for (size_t i = 0; i < api.route_count; i++) {
        total += api.routes[i].count;
    }
    return total;
}

#endif
