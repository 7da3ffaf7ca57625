/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sts.h"

#include "bytes.h"
#include "sts_scene.h"

#define ARN "arn:aws:iam::123456789012:role/x"

static struct sts_scene scene;
static struct credentials *own;
static struct service_error error;

static const struct sts_role role = {.arn = BYTES(ARN), .session_name = BYTES("keyturn-ns-sa")};

static bool get_own(void *context, const struct credentials_request *asked,
                    struct credentials **ret, struct err *ret_err)
{
    (void)context;
    if (asked->refused) {
        return err_set(ret_err, ERR_DENIED, "no others");
    }
    *ret = credentials_retain(own);
    return true;
}

static const struct credentials_source source = {.get = get_own};

static void setup(void)
{
    sts_scene_init(&scene);
    ck_assert(credentials_new(SV("AKIDEXAMPLE"), SV("wJalrXUtnFEMI/K7MDENG"),
                              SV("AQoDYXdzEPT//token=="), &own, &scene.err));
    error = (struct service_error){0};
}

static void teardown(void)
{
    credentials_release(own);
    sts_scene_done(&scene);
}

static bool assume(void)
{
    return sts_assume_role(scene.endpoint, &source, &role, &scene.request, &scene.got, &scene.err);
}

static bool exchange(void)
{
    return sts_assume_role_with_web_identity(scene.endpoint, SV(ARN), SV("keyturn-ns-sa"),
                                             SV("eyJ.e30.c2ln"), &scene.request, &scene.got, &error,
                                             &scene.err);
}

static void answer(const char *body)
{
    sts_scene_answer(&scene, 0, 200, body);
}

START_TEST(assumes_a_role_with_a_signed_form)
{
    answer(STS_ANSWER("AssumeRole", "2026-11-23T13:36:00Z"));
    ck_assert_msg(assume(), "%s", scene.err.message);
    ck_assert_uint_eq(scene.fake.count, 1);
    const struct fake_sent *sent = &scene.fake.sent[0];
    ck_assert_str_eq(sent->url, "https://sts.eu-north-1.amazonaws.com/");
    ck_assert_str_eq(sent->body, "Action=AssumeRole&Version=2011-06-15"
                                 "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx"
                                 "&RoleSessionName=keyturn-ns-sa");
    ck_assert_str_eq(fake_header(sent, "Content-Type"),
                     "application/x-www-form-urlencoded; charset=utf-8");
    ck_assert_ptr_nonnull(strstr(fake_header(sent, "Authorization"),
                                 "Credential=AKIDEXAMPLE/20261123/eu-north-1/sts/aws4_request"));
    ck_assert_str_eq(fake_header(sent, "X-Amz-Security-Token"), "AQoDYXdzEPT//token==");
    ck_assert_ptr_null(fake_header(sent, "X-Amz-Target"));
    ck_assert_uint_eq(sent->max_answer, LIMIT_STS_ANSWER_BYTES);
    ck_assert_str_eq(scene.got->access_key_id, "ASIAEXAMPLE");
    ck_assert(
        secret_equal(secret_buf_view(&scene.got->secret_access_key), SV("hunter2/secret+key")));
    ck_assert(secret_equal(secret_buf_view(&scene.got->session_token), SV("hunter2/token&<>==")));
    ck_assert_int_eq(scene.got->fetched_ms, START_MS);
    ck_assert_int_eq(scene.got->expires_ms, START_MS + 3600 * 1000);
}
END_TEST

START_TEST(exchanges_a_token_without_a_signature)
{
    answer(STS_ANSWER("AssumeRoleWithWebIdentity", "2026-11-23T13:36:00Z"));
    ck_assert_msg(exchange(), "%s", scene.err.message);
    const struct fake_sent *sent = &scene.fake.sent[0];
    ck_assert_str_eq(sent->url, "https://sts.eu-north-1.amazonaws.com/");
    ck_assert_str_eq(sent->body, "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                                 "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx"
                                 "&RoleSessionName=keyturn-ns-sa&WebIdentityToken=eyJ.e30.c2ln");
    ck_assert_ptr_null(fake_header(sent, "Authorization"));
    ck_assert_ptr_null(fake_header(sent, "X-Amz-Security-Token"));
    ck_assert_str_eq(scene.got->access_key_id, "ASIAEXAMPLE");
    ck_assert_int_eq(scene.got->expires_ms, START_MS + 3600 * 1000);
    ck_assert_int_eq(error.class, SERVICE_OK);
}
END_TEST

static const struct {
    const char *expiration;
    int64_t lifetime_ms;
} expirations[] = {
    {"2026-11-23T13:36:00.536281Z", 3600536},
    {"2026-11-23T14:36:00+01:00", 3600000},
    {"2026-11-23T12:36:01Z", 1000},
};

START_TEST(reads_expirations_with_fractions_and_offsets)
{
    CLEANUP(buf_done) struct buf body = {0};
    buf_init(&body, 4096);
    buf_printf(&body, STS_ANSWER("AssumeRole", "%s"), expirations[_i].expiration);
    answer(body.data);
    ck_assert_msg(assume(), "%s", scene.err.message);
    ck_assert_int_eq(scene.got->expires_ms, START_MS + expirations[_i].lifetime_ms);
}
END_TEST

/* Our clock is two hours ahead: by it, what is answered has expired. */
START_TEST(counts_the_lifetime_by_the_date_of_the_answer)
{
    answer(STS_ANSWER("AssumeRoleWithWebIdentity", "2026-11-23T13:36:00Z"));
    scene.fake.wall_ms += 2 * 3600 * 1000;
    scene.fake.steps[0].headers = "Date: Mon, 23 Nov 2026 12:36:00 GMT\r\n";
    ck_assert_msg(exchange(), "%s", scene.err.message);
    ck_assert_int_eq(scene.got->expires_ms, START_MS + 3600 * 1000);
}
END_TEST

START_TEST(counts_the_lifetime_by_the_clock_of_the_endpoint)
{
    answer(STS_ANSWER("AssumeRoleWithWebIdentity", "2026-11-23T13:36:00Z"));
    scene.fake.wall_ms += 2 * 3600 * 1000;
    ck_assert(service_endpoint_set_clock(scene.endpoint, -2 * 3600 * 1000));
    ck_assert_msg(exchange(), "%s", scene.err.message);
    ck_assert_int_eq(scene.got->expires_ms, START_MS + 3600 * 1000);
}
END_TEST

START_TEST(counts_the_lifetime_from_the_answer)
{
    answer(STS_ANSWER("AssumeRole", "2026-11-23T13:36:00Z"));
    scene.fake.steps[0].takes_ms = 700;
    ck_assert(assume());
    ck_assert_int_eq(scene.got->fetched_ms, START_MS + 700);
    ck_assert_int_eq(scene.got->expires_ms, START_MS + 3600 * 1000);
}
END_TEST

#define CREDENTIALS(fields)                                                                        \
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult>"   \
    "<Credentials>" fields "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
#define ID "<AccessKeyId>ASIAEXAMPLE</AccessKeyId>"
#define SECRET "<SecretAccessKey>hunter2</SecretAccessKey>"
#define TOKEN "<SessionToken>hunter2</SessionToken>"
#define EXPIRATION "<Expiration>2026-11-23T13:36:00Z</Expiration>"

static const struct {
    struct str_view body;
    const char *message;
} unusable[] = {
    {BYTES(""), "not what STS sends"},
    {BYTES("{\"AssumeRoleResponse\":{}}"), "not what STS sends"},
    {BYTES("<html><body>hunter2</body></html>"), "not what STS sends: XML: no AssumeRoleResponse/"},
    {BYTES(STS_ANSWER("AssumeRoleWithWebIdentity", "2026-11-23T13:36:00Z")), "no AssumeRoleResp"},
    {BYTES(CREDENTIALS(SECRET TOKEN EXPIRATION)), "Credentials/AccessKeyId"},
    {BYTES(CREDENTIALS(ID TOKEN EXPIRATION)), "Credentials/SecretAccessKey"},
    {BYTES(CREDENTIALS(ID SECRET EXPIRATION)), "Credentials/SessionToken"},
    {BYTES(CREDENTIALS(ID SECRET TOKEN)), "Credentials/Expiration"},
    {BYTES(CREDENTIALS(ID SECRET "<SessionToken/>" EXPIRATION)), "SessionToken is empty"},
    {BYTES(CREDENTIALS(ID "<SecretAccessKey/>" TOKEN EXPIRATION)), "secret access key"},
    {BYTES(CREDENTIALS(ID ID SECRET TOKEN EXPIRATION)), "once more"},
    {BYTES(CREDENTIALS("<AccessKeyId>A\nB</AccessKeyId>" SECRET TOKEN EXPIRATION)),
     "the access key id is malformed"},
    {BYTES(CREDENTIALS(ID SECRET TOKEN "<Expiration>hunter2</Expiration>")), "no time"},
    {BYTES(CREDENTIALS(ID SECRET TOKEN "<Expiration>1795440960</Expiration>")), "no time"},
    {BYTES(CREDENTIALS(ID SECRET TOKEN EXPIRATION) "<"), "not what STS sends"},
    {BYTES(STS_ANSWER("AssumeRole", "2026-11-23T12:36:00Z")), "have expired"},
    {BYTES(STS_ANSWER("AssumeRole", "1999-01-01T00:00:00Z")), "have expired"},
};

START_TEST(an_answer_that_cannot_be_used_is_a_failure_of_the_service)
{
    scene.fake.steps[0] = (struct fake_step){.status = 200, .body = unusable[_i].body};
    ck_assert(!assume());
    ck_assert_int_eq(scene.err.kind, ERR_UNAVAILABLE);
    ck_assert_msg(strstr(scene.err.message, unusable[_i].message), "%s", scene.err.message);
    ck_assert_ptr_eq(strstr(scene.err.message, "assume " ARN ": "), scene.err.message);
    ck_assert_ptr_null(strstr(scene.err.message, "hunter2"));
    ck_assert_ptr_null(scene.got);
}
END_TEST

START_TEST(an_unusable_answer_to_a_token_is_a_failure_that_passes)
{
    answer(STS_ANSWER("AssumeRole", "2026-11-23T13:36:00Z"));
    ck_assert(!exchange());
    ck_assert_int_eq(scene.err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSIENT);
}
END_TEST

static const struct {
    unsigned status;
    struct str_view body;
    enum service_error_class class;
    enum err_kind kind;
    const char *code;
} refusals[] = {
    {400, BYTES(STS_ERROR("ExpiredTokenException")), SERVICE_CREDENTIAL, ERR_DENIED,
     "ExpiredTokenException"},
    {400, BYTES(STS_ERROR("InvalidIdentityToken")), SERVICE_CREDENTIAL, ERR_DENIED,
     "InvalidIdentityToken"},
    {403, BYTES(STS_ERROR("IDPRejectedClaim")), SERVICE_DENIED, ERR_DENIED, "IDPRejectedClaim"},
    {403, BYTES(STS_ERROR("AccessDenied")), SERVICE_DENIED, ERR_DENIED, "AccessDenied"},
    {400, BYTES(STS_ERROR("ValidationError")), SERVICE_REQUEST, ERR_INVALID, "ValidationError"},
};

START_TEST(names_what_sts_refused)
{
    scene.fake.steps[0] =
        (struct fake_step){.status = refusals[_i].status, .body = refusals[_i].body};
    ck_assert(!exchange());
    ck_assert_uint_eq(scene.fake.count, 1);
    ck_assert_int_eq(scene.err.kind, refusals[_i].kind);
    ck_assert_int_eq(error.class, refusals[_i].class);
    ck_assert_str_eq(error.code, refusals[_i].code);
    ck_assert_ptr_eq(strstr(scene.err.message, "assume " ARN ": "), scene.err.message);
    ck_assert_ptr_nonnull(strstr(scene.err.message, refusals[_i].code));
    ck_assert_ptr_null(strstr(scene.err.message, "private cluster"));
    ck_assert_ptr_null(strstr(scene.err.message, "hunter2"));
}
END_TEST

static const enum err_kind transport_failures[] = {ERR_UNAVAILABLE, ERR_TIMEOUT};

START_TEST(says_what_a_private_cluster_needs_when_nobody_answers)
{
    for (size_t i = 0; i < FAKE_EXCHANGES; i++) {
        scene.fake.steps[i].failure = transport_failures[_i];
        scene.fake.steps[i].permanent = true;
    }
    ck_assert(!exchange());
    ck_assert_int_eq(scene.err.kind, transport_failures[_i]);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert_ptr_nonnull(strstr(scene.err.message,
                                 "no answer from STS at sts.eu-north-1.amazonaws.com "
                                 "(a private cluster needs an STS endpoint)"));
    scene.err = (struct err){0};
    ck_assert(!assume());
    ck_assert_int_eq(scene.err.kind, transport_failures[_i]);
    ck_assert_ptr_nonnull(strstr(scene.err.message, "(a private cluster needs an STS endpoint)"));
}
END_TEST

START_TEST(an_oversized_answer_says_nothing_of_the_network)
{
    scene.fake.steps[0] = (struct fake_step){.failure = ERR_TOO_BIG};
    ck_assert(!assume());
    ck_assert_int_eq(scene.err.kind, ERR_TOO_BIG);
    ck_assert_ptr_null(strstr(scene.err.message, "private cluster"));
}
END_TEST

START_TEST(asks_nobody_what_would_be_refused)
{
    const struct sts_role bad = {.arn = SV(ARN), .session_name = SV("a b")};
    ck_assert(
        !sts_assume_role(scene.endpoint, &source, &bad, &scene.request, &scene.got, &scene.err));
    ck_assert_int_eq(scene.err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(scene.err.message, "the session name"));
    ck_assert(!sts_assume_role_with_web_identity(scene.endpoint, SV(ARN), SV("name"), SV(""),
                                                 &scene.request, &scene.got, &error, &scene.err));
    ck_assert_int_eq(scene.err.kind, ERR_INVALID);
    ck_assert_int_eq(error.class, SERVICE_REQUEST);
    ck_assert_uint_eq(scene.fake.count, 0);
}
END_TEST

/* ---- GetCallerIdentity ---- */

static struct buf arn;

static bool ask_who_we_are(size_t ceiling)
{
    buf_init(&arn, ceiling);
    buf_add_str(&arn, "");
    return sts_get_caller_identity(scene.endpoint, &source, &scene.request, &arn, &error,
                                   &scene.err);
}

#define CALLER(fields)                                                                             \
    "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\n"            \
    "  <GetCallerIdentityResult>" fields "</GetCallerIdentityResult>\n"                            \
    "  <ResponseMetadata><RequestId>c6104cbe</RequestId></ResponseMetadata>\n"                     \
    "</GetCallerIdentityResponse>\n"
#define CALLER_ARN "arn:aws:sts::123456789012:assumed-role/x/keyturn&amp;y"

START_TEST(says_who_the_credentials_are)
{
    answer(CALLER("<Arn>" CALLER_ARN "</Arn><UserId>AROAEXAMPLE:y</UserId><Account>1</Account>"));
    ck_assert_msg(ask_who_we_are(LIMIT_STS_ARN_BYTES), "%s", scene.err.message);
    ck_assert_str_eq(arn.data, "arn:aws:sts::123456789012:assumed-role/x/keyturn&y");
    ck_assert_int_eq(error.class, SERVICE_OK);
    const struct fake_sent *sent = &scene.fake.sent[0];
    ck_assert_str_eq(sent->body, "Action=GetCallerIdentity&Version=2011-06-15");
    ck_assert_ptr_nonnull(strstr(fake_header(sent, "Authorization"),
                                 "Credential=AKIDEXAMPLE/20261123/eu-north-1/sts/aws4_request"));
    buf_done(&arn);
}
END_TEST

static const char *const no_callers[] = {
    "",
    "<html>hunter2</html>",
    CALLER(""),
    CALLER("<Arn>a</Arn><Arn>hunter2</Arn>"),
    STS_ANSWER("AssumeRole", "2026-11-23T13:36:00Z"),
};

START_TEST(an_answer_that_says_nobody_is_a_failure_of_the_service)
{
    answer(no_callers[_i]);
    ck_assert(!ask_who_we_are(LIMIT_STS_ARN_BYTES));
    ck_assert_int_eq(scene.err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSIENT);
    ck_assert_ptr_nonnull(strstr(scene.err.message, "not what STS sends"));
    ck_assert_ptr_null(strstr(scene.err.message, "hunter2"));
    ck_assert_uint_eq(arn.len, 0);
    buf_done(&arn);
}
END_TEST

START_TEST(an_arn_longer_than_there_is_room_for_is_no_answer)
{
    answer(CALLER("<Arn>" CALLER_ARN "</Arn>"));
    ck_assert(!ask_who_we_are(16));
    ck_assert_int_eq(scene.err.kind, ERR_TOO_BIG);
    buf_done(&arn);
}
END_TEST

START_TEST(who_is_not_known_to_sts_is_told_so)
{
    sts_scene_answer(&scene, 0, 403, STS_ERROR("InvalidClientTokenId"));
    ck_assert(!ask_who_we_are(LIMIT_STS_ARN_BYTES));
    ck_assert_int_eq(scene.err.kind, ERR_DENIED);
    ck_assert_int_eq(error.class, SERVICE_CREDENTIAL);
    ck_assert_str_eq(error.code, "InvalidClientTokenId");
    ck_assert_ptr_null(strstr(scene.err.message, "hunter2"));
    ck_assert_uint_eq(scene.fake.count, 1);
    buf_done(&arn);
}
END_TEST

START_TEST(says_what_to_do_when_nobody_says_who_we_are)
{
    scene.fake.steps[0] = (struct fake_step){.failure = ERR_UNAVAILABLE, .permanent = true};
    ck_assert(!ask_who_we_are(LIMIT_STS_ARN_BYTES));
    ck_assert_int_eq(scene.err.kind, ERR_UNAVAILABLE);
    ck_assert_int_eq(error.class, SERVICE_TRANSPORT);
    ck_assert_ptr_nonnull(strstr(scene.err.message, "(a private cluster needs an STS endpoint)"));
    buf_done(&arn);
}
END_TEST

/* ---- session names ---- */

static const struct {
    struct str_view namespace, name;
    const char *session;
} names[] = {
    {BYTES("payments"), BYTES("web"), "keyturn-payments-web"},
    {BYTES("a.b"), BYTES("c_+=,.@-d"), "keyturn-a.b-c_+=,.@-d"},
    {BYTES("a/b c"), BYTES("d\xc3\xa9:\ne"), "keyturn-a-b-c-d----e"},
    {BYTES("a\0b"), BYTES("c"), "keyturn-a-b-c"},
    {BYTES(""), BYTES(""), "keyturn--"},
};

START_TEST(session_names_hold_what_sts_accepts)
{
    char name[STS_SESSION_NAME_BYTES];
    sts_session_name(names[_i].namespace, names[_i].name, name);
    ck_assert_str_eq(name, names[_i].session);
}
END_TEST

START_TEST(long_session_names_stay_apart)
{
    char text[301];
    char fits[STS_SESSION_NAME_BYTES];
    char first[STS_SESSION_NAME_BYTES];
    char second[STS_SESSION_NAME_BYTES];
    char third[STS_SESSION_NAME_BYTES];
    memset(text, 'n', sizeof text);
    sts_session_name(SV("ns"), sv_make(text, 53), fits);
    ck_assert_uint_eq(strlen(fits), 64);
    ck_assert_ptr_eq(strchr(fits + strlen("keyturn-ns-"), '-'), NULL);
    sts_session_name(SV("ns"), sv_make(text, 54), first);
    sts_session_name(SV("ns"), sv_make(text, 253), second);
    text[252] = 'x';
    sts_session_name(SV("ns"), sv_make(text, 253), third);
    ck_assert_uint_eq(strlen(first), 64);
    ck_assert_int_eq(strncmp(first, fits, 55), 0);
    ck_assert_int_eq(first[55], '-');
    ck_assert_uint_eq(strspn(first + 56, "0123456789abcdef"), 8);
    ck_assert_int_eq(strncmp(second, third, 56), 0);
    ck_assert_str_ne(first, second);
    ck_assert_str_ne(second, third);
    sts_session_name(sv_make(text, 253), SV("ns"), first);
    ck_assert_uint_eq(strlen(first), 64);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sts");
    TCase *tcase = tcase_create("sts");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, assumes_a_role_with_a_signed_form);
    tcase_add_test(tcase, exchanges_a_token_without_a_signature);
    tcase_add_loop_test(tcase, reads_expirations_with_fractions_and_offsets, 0,
                        ARRAY_LEN(expirations));
    tcase_add_test(tcase, counts_the_lifetime_by_the_date_of_the_answer);
    tcase_add_test(tcase, counts_the_lifetime_by_the_clock_of_the_endpoint);
    tcase_add_test(tcase, counts_the_lifetime_from_the_answer);
    tcase_add_loop_test(tcase, an_answer_that_cannot_be_used_is_a_failure_of_the_service, 0,
                        ARRAY_LEN(unusable));
    tcase_add_test(tcase, an_unusable_answer_to_a_token_is_a_failure_that_passes);
    tcase_add_loop_test(tcase, names_what_sts_refused, 0, ARRAY_LEN(refusals));
    tcase_add_loop_test(tcase, says_what_a_private_cluster_needs_when_nobody_answers, 0,
                        ARRAY_LEN(transport_failures));
    tcase_add_test(tcase, an_oversized_answer_says_nothing_of_the_network);
    tcase_add_test(tcase, asks_nobody_what_would_be_refused);
    tcase_add_test(tcase, says_who_the_credentials_are);
    tcase_add_loop_test(tcase, an_answer_that_says_nobody_is_a_failure_of_the_service, 0,
                        ARRAY_LEN(no_callers));
    tcase_add_test(tcase, an_arn_longer_than_there_is_room_for_is_no_answer);
    tcase_add_test(tcase, who_is_not_known_to_sts_is_told_so);
    tcase_add_test(tcase, says_what_to_do_when_nobody_says_who_we_are);
    tcase_add_loop_test(tcase, session_names_hold_what_sts_accepts, 0, ARRAY_LEN(names));
    tcase_add_test(tcase, long_session_names_stay_apart);
    suite_add_tcase(suite, tcase);
    return suite;
}
