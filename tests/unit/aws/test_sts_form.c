/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/sts_form.h"

#include "base/json.h"
#include "bytes.h"
#include "check_main.h"

#define ARN "arn:aws:iam::123456789012:role/x"

static struct secret_buf form;
static struct err err;

static void setup(void)
{
    secret_buf_init(&form, LIMIT_STS_FORM_BYTES);
    err = (struct err){0};
}

static void teardown(void)
{
    secret_buf_done(&form);
}

/* The body of a golden vector, without the duration that is not asked for here. */
static char *vector_body(const char *id)
{
    size_t len = 0;
    CLEANUP(mem_free_ptr) char *data = test_data("aws/sigv4-vectors.json", &len);
    const struct json_limits limits = {.max_nodes = 100000, .max_depth = 16};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json *root = NULL;
    ck_assert(json_parse(&doc, data, len, &limits, &root, &err));
    JSON_FOR_EACH (vector, json_member(root, "vectors")) {
        if (json_string_is(json_member(vector, "id"), id)) {
            struct str_view body = json_string(json_member(vector, "body"));
            static const char duration[] = "&DurationSeconds=900";
            char *text = sv_dup(body);
            char *cut = strstr(text, duration);
            if (cut) {
                memmove(cut, cut + strlen(duration), strlen(cut + strlen(duration)) + 1);
            }
            return text;
        }
    }
    ck_abort_msg("no vector %s", id);
}

static const struct sts_tag vector_tags[] = {{BYTES("esoNamespace"), BYTES("my ns/\xc3\xa9")},
                                             {BYTES("k2"), BYTES("v2")}};
static const struct str_view vector_transitive[] = {BYTES("esoNamespace")};

static const struct {
    const char *id;
    struct sts_role role;
} vectors[] = {
    {"sts-assume",
     {.arn = BYTES("arn:aws-cn:iam::123456789012:role/x"), .session_name = BYTES("keyturn")}},
    {"sts-assume-chained",
     {.arn = BYTES("arn:aws:iam::210987654321:role/hop2"), .session_name = BYTES("keyturn-ns-sa")}},
    {"sts-assume-tags",
     {.arn = BYTES("arn:aws:iam::123456789012:role/p/x"),
      .session_name = BYTES("keyturn@ns=a,b.c-d"),
      .external_id = BYTES("a:b/c=d+e"),
      .tags = vector_tags,
      .tag_count = 2,
      .transitive_keys = vector_transitive,
      .transitive_count = 1}},
};

START_TEST(assume_role_is_the_body_of_the_golden_vectors)
{
    CLEANUP(mem_free_ptr) char *expected = vector_body(vectors[_i].id);
    ck_assert(sts_form_assume_role(&vectors[_i].role, &form, &err));
    ck_assert_str_eq(form.bytes.data, expected);
    ck_assert(form.bytes.wipe);
}
END_TEST

START_TEST(web_identity_is_a_form_with_the_token)
{
    ck_assert(
        sts_form_web_identity(SV(ARN), SV("keyturn-ns-sa"), SV("eyJ.e30_-.c2ln=="), &form, &err));
    ck_assert_str_eq(form.bytes.data,
                     "Action=AssumeRoleWithWebIdentity&Version=2011-06-15"
                     "&RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Fx"
                     "&RoleSessionName=keyturn-ns-sa&WebIdentityToken=eyJ.e30_-.c2ln%3D%3D");
}
END_TEST

static char longest[20001];

/* `len` times 'a'. */
static struct str_view as(size_t len)
{
    memset(longest, 'a', sizeof longest - 1);
    return sv_make(longest, len);
}

static bool accepts_role(struct str_view arn, struct str_view session_name,
                         struct str_view external_id)
{
    const struct sts_role role = {
        .arn = arn, .session_name = session_name, .external_id = external_id};
    buf_clear(&form.bytes);
    err = (struct err){0};
    return sts_form_assume_role(&role, &form, &err);
}

static void refused(const char *message)
{
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, message), "%s, not %s", err.message, message);
    ck_assert_uint_eq(form.bytes.len, 0);
}

START_TEST(session_names_have_2_to_64_characters)
{
    ck_assert(accepts_role(SV(ARN), as(2), SV("")));
    ck_assert(accepts_role(SV(ARN), as(64), SV("")));
    ck_assert(!accepts_role(SV(ARN), as(1), SV("")));
    refused("the session name has 1 characters, 2 to 64 are possible");
    ck_assert(!accepts_role(SV(ARN), as(65), SV("")));
    refused("the session name has 65 characters, 2 to 64 are possible");
    ck_assert(!accepts_role(SV(ARN), SV(""), SV("")));
    refused("the session name has 0 characters");
}
END_TEST

START_TEST(external_ids_have_2_to_1224_characters_or_are_left_out)
{
    ck_assert(accepts_role(SV(ARN), SV("name"), SV("")));
    ck_assert_ptr_null(strstr(form.bytes.data, "ExternalId"));
    ck_assert(accepts_role(SV(ARN), SV("name"), as(2)));
    ck_assert_ptr_nonnull(strstr(form.bytes.data, "&ExternalId=aa"));
    ck_assert(accepts_role(SV(ARN), SV("name"), as(1224)));
    ck_assert(!accepts_role(SV(ARN), SV("name"), as(1)));
    refused("the external id has 1 characters, 2 to 1224 are possible");
    ck_assert(!accepts_role(SV(ARN), SV("name"), as(1225)));
    refused("the external id has 1225 characters");
}
END_TEST

static const struct {
    struct str_view arn, session_name, external_id;
    const char *message;
} malformed[] = {
    {BYTES(""), BYTES("name"), BYTES(""), "the role ARN does not begin with"},
    {BYTES("role/x-and-much-behind-it"), BYTES("name"), BYTES(""), "the role ARN does not begin"},
    {BYTES("arn:aws:iam::1:r/xy"), BYTES("name"), BYTES(""), "the role ARN has 19 characters"},
    {BYTES(ARN "\n"), BYTES("name"), BYTES(""), "the role ARN has a character"},
    {BYTES(ARN " x"), BYTES("name"), BYTES(""), "the role ARN has a character"},
    {BYTES(ARN "\0x"), BYTES("name"), BYTES(""), "the role ARN has a character"},
    {BYTES(ARN "\xc3\xa9"), BYTES("name"), BYTES(""), "the role ARN has a character"},
    {BYTES(ARN), BYTES("na me"), BYTES(""), "the session name has a character"},
    {BYTES(ARN), BYTES("na/me"), BYTES(""), "the session name has a character"},
    {BYTES(ARN), BYTES("na:me"), BYTES(""), "the session name has a character"},
    {BYTES(ARN), BYTES("name\0"), BYTES(""), "the session name has a character"},
    {BYTES(ARN), BYTES("nam\xc3\xa9"), BYTES(""), "the session name has a character"},
    {BYTES(ARN), BYTES("name"), BYTES("a b"), "the external id has a character"},
    {BYTES(ARN), BYTES("name"), BYTES("a&b=c"), "the external id has a character"},
    {BYTES(ARN), BYTES("name"), BYTES("ab\xc3\xa9"), "the external id has a character"},
};

START_TEST(refuses_what_sts_would_refuse)
{
    ck_assert(
        !accepts_role(malformed[_i].arn, malformed[_i].session_name, malformed[_i].external_id));
    refused(malformed[_i].message);
}
END_TEST

START_TEST(role_arns_have_20_to_2048_characters)
{
    CLEANUP(mem_free_ptr) char *arn = mem_alloc(2050);
    memset(arn, 'a', 2049);
    memcpy(arn, "arn:", 4);
    ck_assert(accepts_role(sv_make(arn, 20), SV("name"), SV("")));
    ck_assert(accepts_role(sv_make(arn, 2048), SV("name"), SV("")));
    ck_assert(!accepts_role(sv_make(arn, 2049), SV("name"), SV("")));
    refused("the role ARN has 2049 characters, 20 to 2048 are possible");
}
END_TEST

static bool accepts_tags(const struct sts_tag *tags, size_t count)
{
    const struct sts_role role = {
        .arn = SV(ARN), .session_name = SV("name"), .tags = tags, .tag_count = count};
    buf_clear(&form.bytes);
    err = (struct err){0};
    return sts_form_assume_role(&role, &form, &err);
}

START_TEST(tags_have_bounds_in_characters)
{
    CLEANUP(buf_done) struct buf accents = {0};
    buf_init(&accents, 1000);
    for (int i = 0; i < 257; i++) {
        buf_add_str(&accents, "\xc3\xa9");
    }
    struct str_view key = buf_view(&accents);
    struct sts_tag tag = {sv_first(key, 256), sv_first(key, 512)};
    ck_assert(accepts_tags(&tag, 1));
    tag.key = sv_first(key, 258);
    ck_assert(!accepts_tags(&tag, 1));
    refused("the key of a session tag has 129 characters, 1 to 128 are possible");
    tag = (struct sts_tag){SV("k"), key};
    ck_assert(!accepts_tags(&tag, 1));
    refused("the value of a session tag has 257 characters, 0 to 256 are possible");
    tag = (struct sts_tag){SV(""), SV("v")};
    ck_assert(!accepts_tags(&tag, 1));
    refused("the key of a session tag has 0 characters");
    tag = (struct sts_tag){SV("k"), SV("")};
    ck_assert(accepts_tags(&tag, 1));
    ck_assert_ptr_nonnull(strstr(form.bytes.data, "&Tags.member.1.Key=k&Tags.member.1.Value="));
}
END_TEST

START_TEST(tags_have_certain_characters)
{
    struct sts_tag tag = {SV("A z_0.:/=+-@"), SV("A z_0.:/=+-@")};
    ck_assert(accepts_tags(&tag, 1));
    tag.key = SV("a*");
    ck_assert(!accepts_tags(&tag, 1));
    refused("the key of a session tag has a character");
    tag = (struct sts_tag){SV("k"), SV("a\tb")};
    ck_assert(!accepts_tags(&tag, 1));
    refused("the value of a session tag has a character");
}
END_TEST

START_TEST(tags_are_distinct_whatever_their_case)
{
    const struct sts_tag tags[] = {
        {SV("team"), SV("a")}, {SV("x"), SV("b")}, {SV("TEAM"), SV("a")}};
    ck_assert(accepts_tags(tags, 2));
    ck_assert(!accepts_tags(tags, 3));
    refused("two session tags are called TEAM");
}
END_TEST

START_TEST(there_are_at_most_50_tags)
{
    char names[STS_TAGS_MAX + 1][8];
    struct sts_tag tags[STS_TAGS_MAX + 1];
    struct str_view keys[STS_TAGS_MAX + 1];
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        (void)snprintf(names[i], sizeof names[i], "k%zu", i + 1);
        tags[i] = (struct sts_tag){sv_of(names[i]), SV("v")};
        keys[i] = sv_of(names[i]);
    }
    struct sts_role role = {.arn = SV(ARN),
                            .session_name = SV("name"),
                            .tags = tags,
                            .tag_count = STS_TAGS_MAX,
                            .transitive_keys = keys,
                            .transitive_count = STS_TAGS_MAX};
    ck_assert(sts_form_assume_role(&role, &form, &err));
    ck_assert_ptr_nonnull(strstr(form.bytes.data, "&Tags.member.50.Key=k50&Tags.member.50.Value=v"
                                                  "&TransitiveTagKeys.member.1=k1"));
    ck_assert_ptr_nonnull(strstr(form.bytes.data, "&TransitiveTagKeys.member.50=k50"));
    buf_clear(&form.bytes);
    role.tag_count++;
    ck_assert(!sts_form_assume_role(&role, &form, &err));
    refused("more than 50 session tags");
    role.tag_count = 0;
    role.transitive_count++;
    ck_assert(!sts_form_assume_role(&role, &form, &err));
    refused("more than 50 session tags");
    keys[0] = SV("k*");
    role.transitive_count = 1;
    ck_assert(!sts_form_assume_role(&role, &form, &err));
    refused("the key of a session tag has a character");
}
END_TEST

static bool accepts_token(struct str_view token)
{
    buf_clear(&form.bytes);
    return sts_form_web_identity(SV(ARN), SV("name"), token, &form, &err);
}

START_TEST(tokens_have_4_to_20000_characters_of_a_jwt)
{
    ck_assert(accepts_token(as(4)));
    ck_assert(accepts_token(as(20000)));
    ck_assert(!accepts_token(as(3)));
    refused("the web identity token has 3 characters, 4 to 20000 are possible");
    ck_assert(!accepts_token(SV("")));
    refused("the web identity token has 0 characters");
    longest[20000] = 'a';
    ck_assert(!accepts_token(sv_make(longest, 20001)));
    refused("the web identity token has 20001 characters");
    ck_assert(!accepts_token(SV("hunter2\n")));
    refused("the web identity token has a character");
    ck_assert_ptr_null(strstr(err.message, "hunter2"));
    ck_assert(!sts_form_web_identity(SV("x"), SV("name"), SV("token"), &form, &err));
    refused("the role ARN");
}
END_TEST

/* Every bound at its most, four bytes a character. */
START_TEST(the_largest_form_is_below_the_ceiling)
{
    CLEANUP(buf_done) struct buf wide = {0};
    buf_init(&wide, 4096);
    for (int i = 0; i < 256; i++) {
        buf_add_str(&wide, "\xf0\x9d\x92\xb3");
    }
    char keys[STS_TAGS_MAX][513];
    struct sts_tag tags[STS_TAGS_MAX];
    struct str_view transitive[STS_TAGS_MAX];
    for (size_t i = 0; i < STS_TAGS_MAX; i++) {
        memcpy(keys[i], wide.data, 512);
        keys[i][511] = (char)(0x80 + i);
        tags[i] = (struct sts_tag){sv_make(keys[i], 512), buf_view(&wide)};
        transitive[i] = tags[i].key;
    }
    CLEANUP(mem_free_ptr) char *arn = mem_alloc(2049);
    memset(arn, '/', 2048);
    memcpy(arn, "arn:", 4);
    CLEANUP(mem_free_ptr) char *external_id = mem_alloc(1225);
    memset(external_id, '/', 1224);
    const struct sts_role role = {.arn = sv_of(arn),
                                  .session_name = as(64),
                                  .external_id = sv_of(external_id),
                                  .tags = tags,
                                  .tag_count = STS_TAGS_MAX,
                                  .transitive_keys = transitive,
                                  .transitive_count = STS_TAGS_MAX};
    ck_assert_msg(sts_form_assume_role(&role, &form, &err), "%s", err.message);
    ck_assert_uint_gt(form.bytes.len, LIMIT_STS_FORM_BYTES / 2);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("sts_form");
    TCase *tcase = tcase_create("sts_form");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_loop_test(tcase, assume_role_is_the_body_of_the_golden_vectors, 0,
                        ARRAY_LEN(vectors));
    tcase_add_test(tcase, web_identity_is_a_form_with_the_token);
    tcase_add_test(tcase, session_names_have_2_to_64_characters);
    tcase_add_test(tcase, external_ids_have_2_to_1224_characters_or_are_left_out);
    tcase_add_loop_test(tcase, refuses_what_sts_would_refuse, 0, ARRAY_LEN(malformed));
    tcase_add_test(tcase, role_arns_have_20_to_2048_characters);
    tcase_add_test(tcase, tags_have_bounds_in_characters);
    tcase_add_test(tcase, tags_have_certain_characters);
    tcase_add_test(tcase, tags_are_distinct_whatever_their_case);
    tcase_add_test(tcase, there_are_at_most_50_tags);
    tcase_add_test(tcase, tokens_have_4_to_20000_characters_of_a_jwt);
    tcase_add_test(tcase, the_largest_form_is_below_the_ceiling);
    suite_add_tcase(suite, tcase);
    return suite;
}
