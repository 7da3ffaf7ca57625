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
     ADOPT_FOREIGN, "ExternalSecret db2"},
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

Suite *suite(void)
{
    Suite *suite = suite_create("adopt");
    TCase *tcase = tcase_create("adopt");
    tcase_add_loop_test(tcase, tells_whose_it_is, 0, ARRAY_LEN(secrets));
    tcase_add_test(tcase, creates_what_is_not_there);
    suite_add_tcase(suite, tcase);
    return suite;
}
