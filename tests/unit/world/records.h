/* SPDX-License-Identifier: Apache-2.0 */
/* Records and reference lists for the tests of this directory, made by the real decoders. */
#ifndef TESTS_WORLD_RECORDS_H
#define TESTS_WORLD_RECORDS_H

#include "objects/external_secret.h"
#include "objects/pod.h"
#include "objects/secret.h"
#include "objects/store.h"
#include "objects/workload.h"
#include "quoted_json.h"
#include "refs/secret_ref.h"

static const struct hmac_key TEST_DIGEST_KEY = {.bytes = "0123456789abcdef0123456789abcde"};

/* `data` as 'key':'base64', ... */
static inline struct secret *make_secret(const char *namespace, const char *name, const char *uid,
                                         const char *version, const char *data)
{
    struct json_text json = quoted_json("{'metadata':{'name':'%s','namespace':'%s','uid':'%s',"
                                        "'resourceVersion':'%s'},'data':{%s}}",
                                        name, namespace, uid, version, data);
    struct secret *secret = NULL;
    struct err err = {0};
    ck_assert_msg(secret_decode(json.root, &TEST_DIGEST_KEY, &secret, &err), "%s", err.message);
    json_text_done(&json);
    return secret;
}

/* `metadata` begins with a comma or is empty; so does `spec`, behind a target. */
static inline struct external_secret *make_external_secret(const char *namespace, const char *name,
                                                           const char *target, const char *metadata,
                                                           const char *spec)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'%s','namespace':'%s'%s},'spec':{'target':{'name':'%s'}%s,"
                    "'secretStoreRef':{'name':'store'},"
                    "'data':[{'secretKey':'k','remoteRef':{'key':'r'}}]}}",
                    name, namespace, metadata, target, spec);
    struct external_secret *record = NULL;
    struct err err = {0};
    ck_assert_msg(external_secret_decode(json.root, &record, &err), "%s", err.message);
    json_text_done(&json);
    return record;
}

/* `spec` of the Pod template: 'containers': ... */
static inline struct workload *make_workload(enum workload_kind kind, const char *namespace,
                                             const char *name, const char *metadata,
                                             const char *template_metadata, const char *spec)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'%s','namespace':'%s'%s},'spec':{'selector':{"
                    "'matchLabels':{'app':'x'}},'template':{'metadata':{%s},'spec':{%s}}}}",
                    name, namespace, metadata, template_metadata, spec);
    struct workload *workload = NULL;
    struct err err = {0};
    ck_assert_msg(workload_decode(json.root, kind, &workload, &err), "%s", err.message);
    json_text_done(&json);
    return workload;
}

/* A Deployment whose Pod takes all of each Secret, named with commas between. */
static inline struct workload *make_user(const char *namespace, const char *name,
                                         const char *secrets)
{
    struct buf spec;
    buf_init(&spec, 1024 * 1024);
    buf_add_str(&spec, "'containers':[{'name':'app','envFrom':[");
    struct str_view rest = sv_of(secrets);
    struct str_view secret;
    for (bool first = true; rest.len && sv_split(&rest, ',', &secret); first = false) {
        buf_printf(&spec, "%s{'secretRef':{'name':'%.*s'}}", first ? "" : ",", SV_ARG(secret));
    }
    buf_add_str(&spec, "]}]");
    struct workload *workload = make_workload(KIND_DEPLOYMENT, namespace, name, "", "", spec.data);
    buf_done(&spec);
    return workload;
}

static inline struct pod *make_pod(const char *namespace, const char *name)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'%s','namespace':'%s'},'spec':{}}", name, namespace);
    struct pod *pod = NULL;
    struct err err = {0};
    ck_assert_msg(pod_decode(json.root, &pod, &err), "%s", err.message);
    json_text_done(&json);
    return pod;
}

static inline struct store *make_store(bool cluster, const char *namespace, const char *name)
{
    struct json_text json =
        quoted_json("{'metadata':{'name':'%s','namespace':'%s'},'spec':{'provider':{'fake':{}}}}",
                    name, namespace);
    struct store *store = NULL;
    struct err err = {0};
    ck_assert_msg(store_decode(json.root, cluster, &store, &err), "%s", err.message);
    json_text_done(&json);
    return store;
}

/* Borrows; a key of NULL is the whole Secret. */
static inline struct secret_ref make_ref(const char *secret, const char *key)
{
    return (struct secret_ref){
        .place = REF_ENV,
        .container = REF_CONTAINER,
        .where = SV("app"),
        .secret = sv_of(secret),
        .key = sv_of(key),
        .required = true,
        .rolls = true,
    };
}

#endif
