/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_providers.h"

#include "bytes.h"
#include "sts_scene.h"

#define GOOD STS_ANSWER("AssumeRole", "2026-11-23T13:36:00Z")
#define SECOND                                                                                     \
    "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>ASIASECOND</AccessKeyId>"     \
    "<SecretAccessKey>secret</SecretAccessKey><SessionToken>token2</SessionToken>"                 \
    "<Expiration>2026-11-23T13:06:00Z</Expiration></Credentials></AssumeRoleResult>"               \
    "</AssumeRoleResponse>"

static struct sts_scene scene;
static struct credentials_cache *cache;
static struct credentials *keys;
static struct credentials_provider *base;
static struct credentials_provider *first;
static struct credentials_provider *second;
static struct identity_key base_key;
static struct identity_key first_key;

static struct identity_key key_of(struct str_view name)
{
    struct identity_builder builder;
    identity_begin(&builder);
    identity_add(&builder, name);
    return identity_end(&builder);
}

/* From memory that is gone afterwards. */
static struct credentials_provider *make_second(void)
{
    char text[] = "arn:aws:iam::123456789012:role/second|session2|external|team|red|transitive";
    char *words[6] = {text};
    for (size_t i = 1; i < ARRAY_LEN(words); i++) {
        char *bar = strchr(words[i - 1], '|');
        *bar = '\0';
        words[i] = bar + 1;
    }
    const struct sts_tag tag = {sv_of(words[3]), sv_of(words[4])};
    const struct str_view transitive = sv_of(words[5]);
    const struct sts_role role = {.arn = sv_of(words[0]),
                                  .session_name = sv_of(words[1]),
                                  .external_id = sv_of(words[2]),
                                  .tags = &tag,
                                  .tag_count = 1,
                                  .transitive_keys = &transitive,
                                  .transitive_count = 1};
    struct credentials_provider *made =
        credentials_assume_role(scene.endpoint, cache, &first_key, first, &role);
    memset(text, 'x', sizeof text - 1);
    return made;
}

static void setup(void)
{
    sts_scene_init(&scene);
    cache = credentials_cache_new(scene.thread.clock, fake_random, &scene.fake);
    base_key = key_of(SV("base"));
    first_key = key_of(SV("first"));
    ck_assert(credentials_new(SV("AKIDEXAMPLE"), SV("secret"), SV(""), &keys, &scene.err));
    base = credentials_static(keys);
    const struct sts_role role = {.arn = SV("arn:aws:iam::123456789012:role/first"),
                                  .session_name = SV("session1")};
    first = credentials_assume_role(scene.endpoint, cache, &base_key, base, &role);
    second = make_second();
}

static void teardown(void)
{
    credentials_release(scene.got);
    scene.got = NULL;
    credentials_provider_release(second);
    credentials_cache_free(cache);
    ck_assert_uint_eq(first->references, 1);
    credentials_provider_release(first);
    ck_assert_uint_eq(base->references, 1);
    credentials_provider_release(base);
    ck_assert_uint_eq(keys->references, 1);
    credentials_release(keys);
    sts_scene_done(&scene);
}

/* The key id that a request was signed with. */
static void signed_by(size_t index, const char *id)
{
    const char *authorization = fake_header(&scene.fake.sent[index], "Authorization");
    ck_assert_ptr_nonnull(authorization);
    const char *credential = strstr(authorization, "Credential=");
    ck_assert_ptr_nonnull(credential);
    credential += strlen("Credential=");
    ck_assert_int_eq(strncmp(credential, id, strlen(id)), 0);
    ck_assert_int_eq(credential[strlen(id)], '/');
}

START_TEST(assumes_one_role_after_the_other)
{
    sts_scene_answer(&scene, 0, 200, GOOD);
    sts_scene_answer(&scene, 1, 200, SECOND);
    ck_assert_msg(sts_scene_fetch(&scene, second), "%s", scene.err.message);
    ck_assert_uint_eq(scene.fake.count, 2);
    ck_assert_str_eq(scene.fake.sent[0].body,
                     "Action=AssumeRole&Version=2011-06-15"
                     "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Ffirst"
                     "&RoleSessionName=session1");
    signed_by(0, "AKIDEXAMPLE");
    ck_assert_ptr_null(fake_header(&scene.fake.sent[0], "X-Amz-Security-Token"));
    ck_assert_str_eq(scene.fake.sent[1].body,
                     "Action=AssumeRole&Version=2011-06-15"
                     "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fsecond"
                     "&RoleSessionName=session2&ExternalId=external&Tags.member.1.Key=team"
                     "&Tags.member.1.Value=red&TransitiveTagKeys.member.1=transitive");
    signed_by(1, "ASIAEXAMPLE");
    ck_assert_str_eq(fake_header(&scene.fake.sent[1], "X-Amz-Security-Token"),
                     "hunter2/token&<>==");
    ck_assert_str_eq(scene.got->access_key_id, "ASIASECOND");
    ck_assert_int_eq(scene.got->expires_ms, START_MS + 1800 * 1000);
    ck_assert_str_eq(second->name, "assume role");
}
END_TEST

START_TEST(keeps_the_hops_before_it)
{
    sts_scene_answer(&scene, 0, 200, GOOD);
    sts_scene_answer(&scene, 1, 200, SECOND);
    sts_scene_answer(&scene, 2, 200, SECOND);
    ck_assert(sts_scene_fetch(&scene, second));
    credentials_release(scene.got);
    ck_assert(sts_scene_fetch(&scene, second));
    ck_assert_uint_eq(scene.fake.count, 3);
    signed_by(2, "ASIAEXAMPLE");
    ck_assert_uint_eq(credentials_cache_numbers(cache).identities, 2);
    ck_assert_uint_eq(credentials_cache_numbers(cache).fetches, 2);
}
END_TEST

START_TEST(renews_a_hop_that_is_not_accepted)
{
    sts_scene_answer(&scene, 0, 200, GOOD);
    sts_scene_answer(&scene, 1, 403, STS_ERROR("ExpiredToken"));
    sts_scene_answer(&scene, 2, 200, SECOND);
    sts_scene_answer(&scene, 3, 200, SECOND);
    ck_assert_msg(sts_scene_fetch(&scene, second), "%s", scene.err.message);
    ck_assert_uint_eq(scene.fake.count, 4);
    signed_by(1, "ASIAEXAMPLE");
    signed_by(2, "AKIDEXAMPLE");
    signed_by(3, "ASIASECOND");
}
END_TEST

/* Which of the two calls fails, and how. */
static const struct {
    size_t call;
    unsigned status;
    enum err_kind transport, kind;
    const char *body;
    const char *message;
} failures[] = {
    {0, 403, ERR_NONE, ERR_DENIED, STS_ERROR("AccessDenied"),
     "assume arn:aws:iam::123456789012:role/second: credentials from assume role: assume "
     "arn:aws:iam::123456789012:role/first: AccessDenied"},
    {1, 403, ERR_NONE, ERR_DENIED, STS_ERROR("AccessDenied"),
     "assume arn:aws:iam::123456789012:role/second: AccessDenied"},
    {0, 0, ERR_UNAVAILABLE, ERR_UNAVAILABLE, "",
     "assume arn:aws:iam::123456789012:role/second: credentials from assume role: assume "
     "arn:aws:iam::123456789012:role/first: no answer from STS at"},
    {1, 0, ERR_UNAVAILABLE, ERR_UNAVAILABLE, "",
     "assume arn:aws:iam::123456789012:role/second: no answer from STS at"},
    {0, 200, ERR_NONE, ERR_UNAVAILABLE, "<html/>", "not what STS sends"},
    {1, 200, ERR_NONE, ERR_UNAVAILABLE, "<html/>", "not what STS sends"},
};

START_TEST(a_failing_hop_is_the_failure)
{
    sts_scene_answer(&scene, 0, 200, GOOD);
    scene.fake.steps[failures[_i].call] = (struct fake_step){.status = failures[_i].status,
                                                             .failure = failures[_i].transport,
                                                             .permanent = true,
                                                             .body = sv_of(failures[_i].body)};
    ck_assert(!sts_scene_fetch(&scene, second));
    ck_assert_int_eq(scene.err.kind, failures[_i].kind);
    ck_assert_msg(strstr(scene.err.message, failures[_i].message), "%s", scene.err.message);
    ck_assert_uint_eq(scene.fake.count, failures[_i].call + 1);
    ck_assert_ptr_null(scene.got);
}
END_TEST

START_TEST(a_hop_that_has_just_failed_is_left_alone)
{
    sts_scene_answer(&scene, 0, 403, STS_ERROR("AccessDenied"));
    scene.fake.random_bits = UINT32_MAX;
    ck_assert(!sts_scene_fetch(&scene, second));
    ck_assert(!sts_scene_fetch(&scene, second));
    ck_assert_int_eq(scene.err.kind, ERR_DENIED);
    ck_assert_uint_eq(scene.fake.count, 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("credentials_assume_role");
    TCase *tcase = tcase_create("credentials_assume_role");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, assumes_one_role_after_the_other);
    tcase_add_test(tcase, keeps_the_hops_before_it);
    tcase_add_test(tcase, renews_a_hop_that_is_not_accepted);
    tcase_add_loop_test(tcase, a_failing_hop_is_the_failure, 0, ARRAY_LEN(failures));
    tcase_add_test(tcase, a_hop_that_has_just_failed_is_left_alone);
    suite_add_tcase(suite, tcase);
    return suite;
}
