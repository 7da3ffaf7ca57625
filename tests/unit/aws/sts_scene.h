/* SPDX-License-Identifier: Apache-2.0 */
/* STS in eu-north-1 as a script, and a request that has eight seconds. */
#ifndef STS_SCENE_H
#define STS_SCENE_H

#include "aws/credentials_providers.h"
#include "fake_transport.h"
#include "sts_answer.h"

enum {
    START_MS = 1000000,
    DEADLINE_MS = START_MS + 8000,
};

struct sts_scene {
    struct fake_transport fake;
    struct service_thread thread;
    struct service_endpoint *endpoint;
    struct credentials_request request;
    struct credentials *got;
    struct err err;
};

static inline void sts_scene_init(struct sts_scene *scene)
{
    const struct endpoint_config config = {0};
    const struct service_observer observer = {0};
    struct endpoint address;
    *scene = (struct sts_scene){
        /* 2026-11-23T12:36:00Z */
        .fake = {.wall_ms = INT64_C(1795437360000), .monotonic_ms = START_MS},
    };
    scene->thread = fake_thread(&scene->fake);
    ck_assert(endpoint_resolve(&config, ENDPOINT_STS, SV("eu-north-1"), &address, &scene->err));
    scene->endpoint = service_endpoint_new(&address, &observer);
    scene->request = (struct credentials_request){
        .thread = &scene->thread, .urgency = SERVICE_ADMISSION, .deadline_ms = DEADLINE_MS};
}

static inline void sts_scene_done(struct sts_scene *scene)
{
    credentials_release(scene->got);
    service_endpoint_free(scene->endpoint);
    fake_transport_done(&scene->fake);
}

static inline void sts_scene_answer(struct sts_scene *scene, size_t step, unsigned status,
                                    const char *body)
{
    scene->fake.steps[step] = (struct fake_step){.status = status, .body = sv_of(body)};
}

static inline bool sts_scene_fetch(struct sts_scene *scene, struct credentials_provider *provider)
{
    return provider->fetch(provider, &scene->request, &scene->got, &scene->err);
}

/* The value of the last field of what was sent as the `index`-th. */
static inline const char *sts_scene_last_field(const struct sts_scene *scene, size_t index)
{
    ck_assert_uint_lt(index, scene->fake.count);
    const char *equals = strrchr(scene->fake.sent[index].body, '=');
    ck_assert_ptr_nonnull(equals);
    return equals + 1;
}

#endif
