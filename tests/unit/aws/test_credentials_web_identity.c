/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_providers.h"

#include "sts_scene.h"

#define ACTION "AssumeRoleWithWebIdentity"
#define GOOD STS_ANSWER(ACTION, "2026-11-23T13:36:00Z")

/* Reads "token-1.jwt", "token-2.jwt", ... with what `behind` says behind it. */
struct token_source {
    unsigned reads;
    unsigned releases;
    enum err_kind failure;
    unsigned fails_at; /* which read does */
    const char *text;  /* instead; NULL: as above */
    const char *behind;
    const struct credentials_request *asked;
};

static struct sts_scene scene;
static struct token_source tokens;
static struct credentials_provider *provider;

static bool read_token(void *context, const struct credentials_request *request,
                       struct secret_buf *ret, struct err *err)
{
    struct token_source *source = context;
    source->reads++;
    source->asked = request;
    if (source->reads == source->fails_at) {
        return err_set(err, source->failure, "/var/run/token is not there");
    }
    if (source->text) {
        secret_buf_add(ret, sv_of(source->text));
    } else {
        buf_printf(&ret->bytes, "token-%u.jwt%s", source->reads, source->behind);
    }
    return true;
}

static void release_tokens(void *context)
{
    ((struct token_source *)context)->releases++;
}

static struct credentials_provider *make(struct service_endpoint *endpoint)
{
    char role[] = "arn:aws:iam::123456789012:role/x";
    char session[] = "keyturn-ns-sa";
    const struct web_identity_token token = {read_token, release_tokens, &tokens};
    struct credentials_provider *made =
        credentials_web_identity(endpoint, sv_of(role), sv_of(session), &token);
    memset(role, 'x', sizeof role - 1);
    memset(session, 'x', sizeof session - 1);
    return made;
}

static void setup(void)
{
    sts_scene_init(&scene);
    tokens = (struct token_source){.behind = ""};
    provider = make(scene.endpoint);
}

static void teardown(void)
{
    credentials_provider_release(provider);
    ck_assert_uint_eq(tokens.releases, 1);
    sts_scene_done(&scene);
}

static bool fetch(void)
{
    return sts_scene_fetch(&scene, provider);
}

START_TEST(exchanges_the_token_for_credentials)
{
    sts_scene_answer(&scene, 0, 200, GOOD);
    ck_assert_msg(fetch(), "%s", scene.err.message);
    ck_assert_str_eq(scene.got->access_key_id, "ASIAEXAMPLE");
    ck_assert_int_eq(scene.got->expires_ms, START_MS + 3600 * 1000);
    ck_assert_str_eq(scene.fake.sent[0].body,
                     "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                     "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx"
                     "&RoleSessionName=keyturn-ns-sa&WebIdentityToken=token-1.jwt");
    ck_assert_ptr_eq(tokens.asked, &scene.request);
    ck_assert_str_eq(provider->name, "web identity");
}
END_TEST

START_TEST(reads_the_token_for_each_fetch)
{
    sts_scene_answer(&scene, 0, 200, GOOD);
    sts_scene_answer(&scene, 1, 200, GOOD);
    ck_assert(fetch());
    credentials_release(scene.got);
    ck_assert(fetch());
    ck_assert_str_eq(sts_scene_last_field(&scene, 0), "token-1.jwt");
    ck_assert_str_eq(sts_scene_last_field(&scene, 1), "token-2.jwt");
}
END_TEST

static const char *const line_ends[] = {"\n", "\r\n"};

START_TEST(cuts_one_line_break)
{
    sts_scene_answer(&scene, 0, 200, GOOD);
    tokens.behind = line_ends[_i];
    ck_assert(fetch());
    ck_assert_str_eq(sts_scene_last_field(&scene, 0), "token-1.jwt");
}
END_TEST

static const char *const bad_tokens[] = {
    "", "\n", "hunter2\n\n", " hunter2", "hunter2 ", "hunter2\thunter2", "abc\n",
};

START_TEST(sends_nothing_that_is_no_token)
{
    tokens.text = bad_tokens[_i];
    ck_assert(!fetch());
    ck_assert_int_eq(scene.err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(scene.err.message, "the web identity token"));
    ck_assert_ptr_null(strstr(scene.err.message, "hunter2"));
    ck_assert_uint_eq(scene.fake.count, 0);
    ck_assert_uint_eq(tokens.reads, 1);
}
END_TEST

START_TEST(a_token_of_any_size_stays_bounded)
{
    CLEANUP(mem_free_ptr) char *text = mem_alloc(100001);
    memset(text, 'a', 100000);
    tokens.text = text;
    ck_assert(!fetch());
    ck_assert_int_eq(scene.err.kind, ERR_INVALID);
    ck_assert_uint_eq(scene.fake.count, 0);
}
END_TEST

START_TEST(an_unreadable_token_is_the_failure)
{
    tokens.fails_at = 1;
    tokens.failure = ERR_MISSING;
    ck_assert(!fetch());
    ck_assert_int_eq(scene.err.kind, ERR_MISSING);
    ck_assert_str_eq(scene.err.message, "web identity token: /var/run/token is not there");
    ck_assert_uint_eq(tokens.reads, 1);
    ck_assert_uint_eq(scene.fake.count, 0);
}
END_TEST

static const char *const asking_for_newer[] = {STS_ERROR("ExpiredTokenException"),
                                               STS_ERROR("InvalidIdentityToken")};

START_TEST(reads_a_newer_token_when_asked_to)
{
    sts_scene_answer(&scene, 0, 400, asking_for_newer[_i]);
    sts_scene_answer(&scene, 1, 200, GOOD);
    scene.fake.random_bits = UINT32_MAX;
    ck_assert_msg(fetch(), "%s", scene.err.message);
    ck_assert_str_eq(sts_scene_last_field(&scene, 0), "token-1.jwt");
    ck_assert_str_eq(sts_scene_last_field(&scene, 1), "token-2.jwt");
    ck_assert_uint_eq(scene.fake.pauses, 1);
    ck_assert_int_eq(scene.fake.paused_ms, 100);
}
END_TEST

static const struct {
    const char *error;
    unsigned tries;
} limits[] = {
    {STS_ERROR("ExpiredTokenException"), 2}, {STS_ERROR("InvalidIdentityToken"), 3},
    {STS_ERROR("AccessDenied"), 1},          {STS_ERROR("IDPRejectedClaim"), 1},
    {STS_ERROR("ValidationError"), 1},       {STS_ERROR("RegionDisabledException"), 1},
};

START_TEST(gives_up_after_some_tries)
{
    for (size_t i = 0; i < limits[_i].tries; i++) {
        sts_scene_answer(&scene, i, 400, limits[_i].error);
    }
    ck_assert(!fetch());
    ck_assert_uint_eq(scene.fake.count, limits[_i].tries);
    ck_assert_uint_eq(tokens.reads, limits[_i].tries);
    ck_assert_uint_eq(scene.fake.pauses, limits[_i].tries - 1);
    ck_assert_ptr_null(scene.got);
}
END_TEST

START_TEST(a_token_that_vanishes_meanwhile_is_the_failure)
{
    sts_scene_answer(&scene, 0, 400, asking_for_newer[1]);
    tokens.fails_at = 2;
    tokens.failure = ERR_UNAVAILABLE;
    ck_assert(!fetch());
    ck_assert_int_eq(scene.err.kind, ERR_UNAVAILABLE);
    ck_assert_uint_eq(scene.fake.count, 1);
    ck_assert_uint_eq(tokens.reads, 2);
}
END_TEST

/* The second or third exchange gets no answer. */
START_TEST(a_network_that_fails_meanwhile_is_the_failure)
{
    for (int i = 0; i < _i; i++) {
        sts_scene_answer(&scene, (size_t)i, 400, asking_for_newer[1]);
    }
    scene.fake.steps[_i] = (struct fake_step){.failure = ERR_UNAVAILABLE, .permanent = true};
    ck_assert(!fetch());
    ck_assert_int_eq(scene.err.kind, ERR_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(scene.err.message, "(a private cluster needs an STS endpoint)"));
    ck_assert_uint_eq(scene.fake.count, (unsigned)_i + 1);
    ck_assert_uint_eq(tokens.reads, (unsigned)_i + 1);
    ck_assert_ptr_null(scene.got);
}
END_TEST

START_TEST(does_not_try_again_without_time)
{
    sts_scene_answer(&scene, 0, 400, asking_for_newer[0]);
    scene.fake.steps[0].takes_ms = 7990;
    scene.fake.random_bits = UINT32_MAX;
    ck_assert(!fetch());
    ck_assert_int_eq(scene.err.kind, ERR_DENIED);
    ck_assert_uint_eq(tokens.reads, 1);
    ck_assert_uint_eq(scene.fake.pauses, 0);
}
END_TEST

START_TEST(without_a_region_says_so)
{
    struct credentials_provider *lost = make(NULL);
    ck_assert(!sts_scene_fetch(&scene, lost));
    ck_assert_int_eq(scene.err.kind, ERR_INVALID);
    ck_assert_ptr_nonnull(strstr(scene.err.message, "no AWS region is known"));
    ck_assert_uint_eq(tokens.reads, 0);
    credentials_provider_release(lost);
    ck_assert_uint_eq(tokens.releases, 1);
    tokens.releases = 0;
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_web_identity");
    TCase *tcase = tcase_create("credentials_web_identity");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, exchanges_the_token_for_credentials);
    tcase_add_test(tcase, reads_the_token_for_each_fetch);
    tcase_add_loop_test(tcase, cuts_one_line_break, 0, ARRAY_LEN(line_ends));
    tcase_add_loop_test(tcase, sends_nothing_that_is_no_token, 0, ARRAY_LEN(bad_tokens));
    tcase_add_test(tcase, a_token_of_any_size_stays_bounded);
    tcase_add_test(tcase, an_unreadable_token_is_the_failure);
    tcase_add_loop_test(tcase, reads_a_newer_token_when_asked_to, 0, ARRAY_LEN(asking_for_newer));
    tcase_add_loop_test(tcase, gives_up_after_some_tries, 0, ARRAY_LEN(limits));
    tcase_add_test(tcase, a_token_that_vanishes_meanwhile_is_the_failure);
    tcase_add_loop_test(tcase, a_network_that_fails_meanwhile_is_the_failure, 0, 3);
    tcase_add_test(tcase, does_not_try_again_without_time);
    tcase_add_test(tcase, without_a_region_says_so);
    suite_add_tcase(suite, tcase);
    return suite;
}
