/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/rotation_hint.h"

#include "base/buf.h"
#include "check_main.h"

#define ARN "arn:aws:secretsmanager:us-west-2:012345678901:secret:mySecret-a1b2c3"
#define PARAMETER_ARN "arn:aws:ssm:us-east-2:111122223333:parameter/golden/ami"
#define VERSION "a1b2c3d4-5678-90ab-cdef-EXAMPLE11111"

/* ' stands for " in what follows. */
static char *event_of(const char *text)
{
    char *event = str_dup(text);
    for (char *at = event; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    return event;
}

#define LABEL(label, resources, detail)                                                            \
    "{'version':'0','id':'6a7e8feb','detail-type':'Secret Label Updated',"                         \
    "'source':'aws.secretsmanager','account':'012345678901','time':'2024-02-06T16:43:48Z',"        \
    "'region':'us-west-2','resources':" resources ",'detail':{'labelUpdated':" label detail "}}"
#define PARAMETER(operation, resources, name)                                                      \
    "{'detail-type':'Parameter Store Change','source':'aws.ssm','resources':" resources            \
    ",'detail':{'operation':" operation ",'type':'SecureString'" name "}}"
#define CALL(event, detail)                                                                        \
    "{'detail-type':'AWS API Call via CloudTrail','source':'aws.secretsmanager','resources':[],"   \
    "'detail':{'eventVersion':'1.08','userIdentity':{'arn':'arn:aws:iam::1:user/alice'},"          \
    "'eventSource':'secretsmanager.amazonaws.com','eventName':'" event "'," detail "}}"

static const struct {
    const char *event;
    enum endpoint_service service;
    const char *arn;
    const char *name;
    const char *version;
} hints[] = {
    {LABEL("'AWSCURRENT'", "['" ARN "']", ",'name':'mySecret','versionId':'" VERSION "'"),
     ENDPOINT_SECRETS_MANAGER, ARN, "mySecret", VERSION},
    {LABEL("'AWSCURRENT'", "['" ARN "']", ""), ENDPOINT_SECRETS_MANAGER, ARN, "", ""},
    {LABEL("'AWSCURRENT'", "[]", ",'name':'rds!db-1'"), ENDPOINT_SECRETS_MANAGER, "", "rds!db-1",
     ""},
    {LABEL("'AWSCURRENT'", "null", ",'name':'a','versionId':17"), ENDPOINT_SECRETS_MANAGER, "", "a",
     ""},
    {LABEL("'AWSCURRENT'", "['" PARAMETER_ARN "']", ",'name':'a'"), ENDPOINT_SECRETS_MANAGER, "",
     "a", ""},
    {LABEL("'AWSCURRENT'", "['" ARN "']", ",'name':'a b','versionId':'a\\u0000'"),
     ENDPOINT_SECRETS_MANAGER, ARN, "", ""},
    {LABEL("'AWSCURRENT'", "['" ARN "']",
           ",'versionId':'01234567890123456789012345678901234567890123456789012345678901234'"),
     ENDPOINT_SECRETS_MANAGER, ARN, "", ""},

    {PARAMETER("'Create'", "['" PARAMETER_ARN "']", ",'name':'/golden/ami'"), ENDPOINT_SSM,
     PARAMETER_ARN, "/golden/ami", ""},
    {PARAMETER("'Update'", "[]", ",'name':'ami'"), ENDPOINT_SSM, "", "ami", ""},
    {PARAMETER("'Delete'", "['" PARAMETER_ARN "']", ""), ENDPOINT_SSM, PARAMETER_ARN, "", ""},

    /* The key of the ARN is spelt in three ways. */
    {CALL("PutSecretValue", "'requestParameters':{'secretId':'mySecret','clientRequestToken':"
                            "'" VERSION "'},'responseElements':{'arn':'" ARN "'}"),
     ENDPOINT_SECRETS_MANAGER, ARN, "mySecret", VERSION},
    {CALL("PutSecretValue", "'requestParameters':{'secretId':'mySecret'},"
                            "'responseElements':{'aRN':'" ARN "'}"),
     ENDPOINT_SECRETS_MANAGER, ARN, "mySecret", ""},
    {CALL("CreateSecret", "'requestParameters':{'name':'mySecret'},"
                          "'responseElements':{'ARN':'" ARN "','name':'mySecret'}"),
     ENDPOINT_SECRETS_MANAGER, ARN, "mySecret", ""},
    {CALL("PutSecretValue", "'requestParameters':{'secretId':'" ARN "'},'responseElements':null"),
     ENDPOINT_SECRETS_MANAGER, ARN, "", ""},
    {CALL("PutSecretValue",
          "'requestParameters':{'secretId':'a','versionStages':['blue','AWSCURRENT']}"),
     ENDPOINT_SECRETS_MANAGER, "", "a", ""},
    {CALL("PutSecretValue", "'requestParameters':{'secretId':'a','versionStages':null}"),
     ENDPOINT_SECRETS_MANAGER, "", "a", ""},
    {CALL("UpdateSecret",
          "'requestParameters':{'secretId':'a','clientRequestToken':'" VERSION "'}"),
     ENDPOINT_SECRETS_MANAGER, "", "a", ""},
    {CALL("UpdateSecretVersionStage", "'requestParameters':{'secretId':'a','versionStage':"
                                      "'AWSCURRENT','moveToVersionId':'" VERSION "'}"),
     ENDPOINT_SECRETS_MANAGER, "", "a", VERSION},
    {CALL("DeleteSecret", "'requestParameters':{'secretId':'a'}"), ENDPOINT_SECRETS_MANAGER, "",
     "a", ""},
    {CALL("RestoreSecret", "'requestParameters':{'secretId':'a'},'errorCode':null"),
     ENDPOINT_SECRETS_MANAGER, "", "a", ""},
    /* Documented as a call, seen as an event of the service. */
    {CALL("RotationSucceeded", "'requestParameters':null,'responseElements':null,"
                               "'additionalEventData':{'SecretId':'" ARN "'}"),
     ENDPOINT_SECRETS_MANAGER, ARN, "", ""},
    {"{'detail-type':'AWS Service Event via CloudTrail','source':'aws.secretsmanager','detail':"
     "{'eventName':'RotationSucceeded','additionalEventData':{'SecretId':'" ARN "'}}}",
     ENDPOINT_SECRETS_MANAGER, ARN, "", ""},
    {"{'detail-type':'AWS API Call via CloudTrail','source':'aws.ssm','detail':"
     "{'eventName':'PutParameter','requestParameters':{'name':'/golden/ami'}}}",
     ENDPOINT_SSM, "", "/golden/ami", ""},
};

START_TEST(says_what_to_look_at)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    struct rotation_hint hint = {0};
    struct err err = {0};
    char *text = event_of(hints[_i].event);
    ck_assert_msg(rotation_hint_read(&doc, text, strlen(text), &hint, &err), "%s", text);
    ck_assert_int_eq(hint.service, hints[_i].service);
    ck_assert(sv_is(hint.arn, hints[_i].arn));
    ck_assert(sv_is(hint.name, hints[_i].name));
    ck_assert(sv_is(hint.version, hints[_i].version));
    free(text);
}
END_TEST

static const char *const no_hints[] = {
    "",
    "hunter2",
    "{}",
    "[]",
    "null",
    "{'detail-type':'Secret Label Updated','source':'aws.secretsmanager'}",
    "{'detail-type':'Secret Label Updated','source':'aws.secretsmanager','detail':'hunter2'}",
    /* Another label, and nothing said about which. */
    LABEL("'blue'", "['" ARN "']", ",'name':'a'"),
    LABEL("'AWSPENDING'", "['" ARN "']", ",'name':'a'"),
    LABEL("['AWSCURRENT']", "['" ARN "']", ",'name':'a'"),
    LABEL("null", "['" ARN "']", ",'name':'a'"),
    /* No secret that could be meant. */
    LABEL("'AWSCURRENT'", "[]", ""),
    LABEL("'AWSCURRENT'", "[17]", ",'name':''"),
    LABEL("'AWSCURRENT'", "['" PARAMETER_ARN "']", ",'name':'hunter2 '"),
    LABEL("'AWSCURRENT'", "['arn:aws:secretsmanager']", ",'name':'arn:aws:s3:::hunter2'"),
    LABEL("'AWSCURRENT'", "['arn:aws:secretsmanager:']", ""),
    /* From another source than it says. */
    "{'detail-type':'Secret Label Updated','source':'hunter2','resources':['" ARN
    "'],'detail':{'labelUpdated':'AWSCURRENT'}}",
    "{'detail-type':'Secret Label Updated','source':'aws.ssm','resources':['" ARN
    "'],'detail':{'labelUpdated':'AWSCURRENT'}}",
    PARAMETER("'LabelParameterVersion'", "['" PARAMETER_ARN "']", ",'name':'a'"),
    PARAMETER("17", "['" PARAMETER_ARN "']", ",'name':'a'"),
    PARAMETER("'Update'", "[]", ""),
    /* Calls that change no current value. */
    CALL("GetSecretValue", "'requestParameters':{'secretId':'a'}"),
    CALL("TagResource", "'requestParameters':{'secretId':'a'}"),
    CALL("RotationFailed", "'additionalEventData':{'SecretId':'" ARN "'}"),
    CALL("PutParameter", "'requestParameters':{'name':'a'}"),
    CALL("PutSecretValue", "'requestParameters':{'secretId':'a'},'errorCode':'AccessDenied'"),
    CALL("PutSecretValue", "'requestParameters':{'secretId':'a','versionStages':['AWSPENDING']}"),
    CALL("UpdateSecretVersionStage", "'requestParameters':{'secretId':'a','versionStage':'blue'}"),
    CALL("PutSecretValue", "'requestParameters':{}"),
    CALL("PutSecretValue", "'requestParameters':null"),
};

START_TEST(anything_else_is_no_hint)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    struct rotation_hint hint = {.version = SV("before")};
    struct err err = {0};
    char *text = event_of(no_hints[_i]);
    size_t len = strlen(text);
    ck_assert(!rotation_hint_read(&doc, text, len, &hint, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_str_eq(err.message, "not an event about a new current value");
    ck_assert(sv_is(hint.version, "before"));
    free(text);
}
END_TEST

START_TEST(a_name_may_not_be_endless)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    CLEANUP(buf_done) struct buf text = {0};
    struct rotation_hint hint = {0};
    struct err err = {0};
    buf_init(&text, 8192);
    buf_add_str(&text, "{\"detail-type\":\"Parameter Store Change\",\"source\":\"aws.ssm\","
                       "\"detail\":{\"operation\":\"Update\",\"name\":\"");
    memset(buf_extend(&text, 2049), 'n', 2049);
    buf_add_str(&text, "\"}}");
    ck_assert(!rotation_hint_read(&doc, text.data, text.len, &hint, &err));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("rotation_hint");
    TCase *tcase = tcase_create("events");
    tcase_add_loop_test(tcase, says_what_to_look_at, 0, ARRAY_LEN(hints));
    tcase_add_loop_test(tcase, anything_else_is_no_hint, 0, ARRAY_LEN(no_hints));
    tcase_add_test(tcase, a_name_may_not_be_endless);
    suite_add_tcase(suite, tcase);
    return suite;
}
