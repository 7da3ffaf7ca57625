/* SPDX-License-Identifier: Apache-2.0 */
/* A store and all that may make the identity it reads as, for the tests of
 * webhook/store_identity.c. Included by one test program at a time. */
#ifndef TESTS_WEBHOOK_STORE_SITUATION_H
#define TESTS_WEBHOOK_STORE_SITUATION_H

#include "aws_scene.h"
#include "webhook/store_identity.h"

/* Everything that may make an identity; what is NULL is as in the basis. */
struct situation {
    bool cluster;
    const char *members;   /* of spec.provider.aws, behind the region */
    const char *region;    /* "eu-north-1" */
    const char *store;     /* its name, "store" */
    const char *namespace; /* the ExternalSecret's, "n" */
    const char *uid;       /* of the Secret or ServiceAccount, "u" */
    const char *version;   /* of the Secret, "1" */
    const char *role;      /* of the ServiceAccount */
    const char *audience;  /* of the ServiceAccount */
};

#define ROLE_ARN "arn:aws:iam::123456789012:role/"
#define KEYS(id, secret, token)                                                                    \
    ",'auth':{'secretRef':{'accessKeyIDSecretRef':{'name':" id                                     \
    "},'secretAccessKeySecretRef':{'name':" secret "}" token "}}"
#define TOKEN(name) ",'sessionTokenSecretRef':{'name':" name "}"
#define ACCOUNT(members) ",'auth':{'jwt':{'serviceAccountRef':{" members "}}}"
#define ROLE(members) ",'role':'" ROLE_ARN "r'" members

#define SOME_KEYS KEYS("'keys','key':'id'", "'keys','key':'secret'", "")
#define SOME_ACCOUNT ACCOUNT("'name':'sa'")

static inline const char *situation_text(const char *text, const char *basis)
{
    return text ? text : basis;
}

/* Every Secret and ServiceAccount there is, in whatever namespace. */
static inline void situation_script(const struct situation *situation)
{
    const char *audience = situation->audience ? situation->audience : "";
    pthread_mutex_lock(&api.mutex);
    api_set("GET", "/secrets/", 200,
            "{'metadata':{'namespace':'n','name':'x','uid':'%s','resourceVersion':'%s'}}",
            situation_text(situation->uid, "u"), situation_text(situation->version, "1"));
    api_set("GET", "/serviceaccounts/", 200,
            "{'metadata':{'uid':'%s','annotations':{'eks.amazonaws.com/role-arn':'%s'%s%s%s}}}",
            situation_text(situation->uid, "u"), situation_text(situation->role, ROLE_ARN "irsa"),
            *audience ? ",'eks.amazonaws.com/audience':'" : "", audience, *audience ? "'" : "");
    pthread_mutex_unlock(&api.mutex);
}

static inline struct store *situation_store(const struct situation *situation)
{
    struct store *store =
        aws_scene_store(situation->cluster, situation_text(situation->store, "store"),
                        "SecretsManager", situation_text(situation->members, ""));
    ck_assert_msg(store->unsupported.len == 0, "%.*s", SV_ARG(store->unsupported));
    if (situation->region) {
        store->aws.region = sv_of(situation->region);
    }
    return store;
}

static inline bool situation_find(const struct situation *situation, const struct store *store,
                                  struct store_identity *ret, struct err *err)
{
    const struct store_identity_request request = {
        .services = scene.services,
        .world = scene.world,
        .client = &scene.clients->kube,
        .store = store,
        .namespace = sv_of(situation_text(situation->namespace, "n")),
        .deadline_ms = aws_scene_deadline(),
    };
    return store_identity_find(&request, ret, err);
}

#endif
