/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/adopt.h"

#include "check_main.h"
#include "external_secret_text.h"

#define OWNER(api_version, kind, name, uid, controller)                                            \
    "{'apiVersion':'" api_version "','kind':'" kind "','name':'" name "','uid':'" uid              \
    "'" controller "}"
#define CONTROLLER ",'controller':true"

static const struct {
    const char *metadata;
    enum adoption adoption;
    const char *why;
} secrets[] = {
    {"", ADOPT_FOREIGN, "nobody's"},
    {",'ownerReferences':[]", ADOPT_FOREIGN, "nobody's"},
    /* A label is no proof. */
    {",'labels':{'reconcile.external-secrets.io/managed':'true',"
     "'reconcile.external-secrets.io/created-by':"
     "'0000000000000000000000000000000000000000000000000000000f'}",
     ADOPT_FOREIGN, "nobody's"},
    {",'ownerReferences':[" OWNER("external-secrets.io/v1", "ExternalSecret", "db", "es-uid",
                                  CONTROLLER) "]",
     ADOPT_REPLACE, NULL},
    {",'ownerReferences':[" OWNER("external-secrets.io/v1beta1", "ExternalSecret", "db", "es-uid",
                                  CONTROLLER) "]",
     ADOPT_REPLACE, NULL},
    /* A predecessor of the same name. */
    {",'ownerReferences':[" OWNER("external-secrets.io/v1", "ExternalSecret", "db", "other-uid",
                                  CONTROLLER) "]",
     ADOPT_REPLACE, NULL},
    {",'ownerReferences':[" OWNER("v1", "ConfigMap", "x", "u", "") "," OWNER(
         "external-secrets.io/v1", "ExternalSecret", "db", "es-uid", CONTROLLER) "]",
     ADOPT_REPLACE, NULL},
    /* An owner that does not control. */
    {",'ownerReferences':[" OWNER("external-secrets.io/v1", "ExternalSecret", "db", "es-uid",
                                  "") "]",
     ADOPT_FOREIGN, "nobody's"},
    {",'ownerReferences':[" OWNER("external-secrets.io/v1", "ExternalSecret", "db", "es-uid",
                                  ",'controller':false") "]",
     ADOPT_FOREIGN, "nobody's"},
    /* Others. */
    {",'ownerReferences':[" OWNER("external-secrets.io/v1", "ExternalSecret", "db2", "es-uid",
                                  CONTROLLER) "]",
     ADOPT_OWNED, "ExternalSecret db2"},
    {",'ownerReferences':[" OWNER("cert-manager.io/v1", "Certificate", "db", "es-uid",
                                  CONTROLLER) "]",
     ADOPT_FOREIGN, "Certificate db"},
    {",'ownerReferences':[" OWNER("evil.example/v1", "ExternalSecret", "db", "es-uid",
                                  CONTROLLER) "]",
     ADOPT_FOREIGN, "ExternalSecret db"},
    {",'ownerReferences':[" OWNER("external-secrets.io/v1", "PushSecret", "db", "es-uid",
                                  CONTROLLER) "]",
     ADOPT_FOREIGN, "PushSecret db"},
};

START_TEST(tells_whose_it_is)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of("", ",'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]");
    char text[1024];
    (void)snprintf(text, sizeof text, "{'metadata':{'name':'db','namespace':'prod'%s}}",
                   secrets[_i].metadata);
    CLEANUP(json_text_done) struct json_text json = json_text_of(text);
    struct err err = {0};
    ck_assert_int_eq(adopt_decide(external_secret, json.root, &err), secrets[_i].adoption);
    if (secrets[_i].why) {
        ck_assert_int_eq(err.kind, ERR_DENIED);
        ck_assert_ptr_nonnull(strstr(err.message, "prod/db"));
        ck_assert_ptr_nonnull(strstr(err.message, secrets[_i].why));
    } else {
        ck_assert_int_eq(err.kind, ERR_NONE);
    }
}
END_TEST

START_TEST(creates_what_is_not_there)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret =
        external_secret_of("", ",'data':[{'secretKey':'a','remoteRef':{'key':'k'}}]");
    struct err err = {0};
    ck_assert_int_eq(adopt_decide(external_secret, NULL, &err), ADOPT_CREATE);
}
END_TEST

#define WRITTEN(fields)                                                                            \
    ",'managedFields':[{'manager':'externalsecrets.external-secrets.io/db','operation':'Update',"  \
    "'fieldsV1':{" fields "}}]"
#define MANAGED_LABELS ",'labels':{'reconcile.external-secrets.io/managed':'true'}"

/* By policy, for Secrets with the keys a and b. */
static const struct {
    const char *policy;
    const char *metadata;
    enum adoption adoption;
} policies[] = {
    /* What this ExternalSecret made without controlling it. */
    {"Orphan", MANAGED_LABELS WRITTEN("'f:data':{'.':{},'f:a':{}},'f:type':{}"), ADOPT_REPLACE},
    {"Orphan", MANAGED_LABELS WRITTEN("'f:data':{'f:a':{},'f:b':{}}"), ADOPT_REPLACE},
    {"Owner", MANAGED_LABELS WRITTEN("'f:data':{'.':{},'f:a':{}},'f:type':{}"), ADOPT_REPLACE},
    /* What it only merged into, what another manager made, what is no longer managed. */
    {"Orphan", MANAGED_LABELS WRITTEN("'f:data':{'f:a':{}}"), ADOPT_FOREIGN},
    {"Owner", MANAGED_LABELS WRITTEN("'f:data':{'f:a':{}}"), ADOPT_FOREIGN},
    {"Orphan", MANAGED_LABELS, ADOPT_FOREIGN},
    {"Orphan", WRITTEN("'f:data':{'f:a':{},'f:b':{}},'f:type':{}"), ADOPT_FOREIGN},
    {"Orphan", "", ADOPT_FOREIGN},
    /* Written by it, but somebody else's by now. */
    {"Orphan",
     MANAGED_LABELS WRITTEN("'f:type':{}") ",'ownerReferences':[" OWNER(
         "cert-manager.io/v1", "Certificate", "db", "u", CONTROLLER) "]",
     ADOPT_FOREIGN},
    {"Orphan",
     ",'ownerReferences':[" OWNER("external-secrets.io/v1", "ExternalSecret", "db", "u",
                                  CONTROLLER) "]",
     ADOPT_REPLACE},
    /* To add keys is what was asked for, whose ever it is; another ExternalSecret would fight. */
    {"Merge", "", ADOPT_MERGE},
    {"CreateOrMerge", "", ADOPT_MERGE},
    {"Merge",
     ",'ownerReferences':[" OWNER("cert-manager.io/v1", "Certificate", "db", "u", CONTROLLER) "]",
     ADOPT_MERGE},
    {"Merge",
     ",'ownerReferences':[" OWNER("external-secrets.io/v1", "ExternalSecret", "db2", "u",
                                  CONTROLLER) "]",
     ADOPT_OWNED},
    {"None", "", ADOPT_NONE},
};

static struct external_secret *with_policy(const char *policy)
{
    char text[200];
    (void)snprintf(text, sizeof text,
                   ",'target':{'creationPolicy':'%s'},'data':[{'secretKey':'a','remoteRef':"
                   "{'key':'k'}}]",
                   policy);
    return external_secret_of("", text);
}

START_TEST(goes_by_the_creation_policy)
{
    CLEANUP(external_secret_release_ptr)
    struct external_secret *external_secret = with_policy(policies[_i].policy);
    char text[1024];
    (void)snprintf(text, sizeof text,
                   "{'metadata':{'name':'db','namespace':'prod'%s},'data':{'a':'','b':''}}",
                   policies[_i].metadata);
    CLEANUP(json_text_done) struct json_text json = json_text_of(text);
    struct err err = {0};
    ck_assert_int_eq(adopt_decide(external_secret, json.root, &err), policies[_i].adoption);
}
END_TEST

START_TEST(makes_what_is_not_there_by_the_creation_policy)
{
    static const struct {
        const char *policy;
        enum adoption adoption;
    } made[] = {{"Owner", ADOPT_CREATE},
                {"Orphan", ADOPT_CREATE},
                {"CreateOrMerge", ADOPT_CREATE},
                {"Merge", ADOPT_MISSING},
                {"None", ADOPT_NONE}};
    for (size_t i = 0; i < ARRAY_LEN(made); i++) {
        CLEANUP(external_secret_release_ptr)
        struct external_secret *external_secret = with_policy(made[i].policy);
        struct err err = {0};
        ck_assert_int_eq(adopt_decide(external_secret, NULL, &err), made[i].adoption);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("adopt");
    TCase *tcase = tcase_create("adopt");
    tcase_add_loop_test(tcase, tells_whose_it_is, 0, ARRAY_LEN(secrets));
    tcase_add_test(tcase, creates_what_is_not_there);
    tcase_add_loop_test(tcase, goes_by_the_creation_policy, 0, ARRAY_LEN(policies));
    tcase_add_test(tcase, makes_what_is_not_there_by_the_creation_policy);
    suite_add_tcase(suite, tcase);
    return suite;
}
