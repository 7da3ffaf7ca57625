/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/value_cache_entry.h"

#include "cached_values.h"

#define NAME "shop/db"
#define ARN ARN_OF("shop/db-AbCdEf")

static struct aead *aead;

static void set_up(void)
{
    bool locked = false;
    aead = aead_new(&locked);
}

static void tear_down(void)
{
    aead_free(aead);
}

static struct value_cache_entry *make(const struct value_cache_key *key, const char *name,
                                      const char *arn)
{
    CLEANUP(buf_done) struct buf composed;
    CLEANUP(remote_value_done) struct remote_value value = value_of(SV("value"), "v1", name, arn);
    ck_assert(value_cache_key_compose(key, &composed));
    return value_cache_entry_new(aead, key, buf_view(&composed), &value, 1000);
}

/* Keys that differ in one thing, or in where one part ends. */
static size_t different_keys(struct value_cache_key keys[16])
{
    size_t count = 0;
    keys[count++] = key_of("a", NAME);
    keys[count++] = key_of("b", NAME);
    keys[count] = keys[0];
    keys[count++].service = ENDPOINT_SSM;
    keys[count] = keys[0];
    keys[count++].region = SV("eu-central-2");
    keys[count] = keys[0];
    keys[count++].region = SV("eu-central-1s");
    keys[count - 1].key = SV("hop/db");
    keys[count] = keys[0];
    keys[count++].key = SV("shop/dB");
    keys[count] = keys[0];
    keys[count++].key = SV("shop/db\0");
    keys[count] = keys[0];
    keys[count++].version = SV("AWSCURRENT");
    keys[count] = keys[0];
    keys[count++].key = SV("shop/dbA");
    keys[count - 1].version = SV("WSCURRENT");
    keys[count] = keys[0];
    keys[count++].key = SV("");
    keys[count - 1].version = SV(NAME);
    return count;
}

START_TEST(no_two_keys_are_composed_alike)
{
    struct value_cache_key keys[16];
    size_t count = different_keys(keys);
    ck_assert_uint_eq(count, 10);
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            CLEANUP(buf_done) struct buf a;
            CLEANUP(buf_done) struct buf b;
            ck_assert(value_cache_key_compose(&keys[i], &a));
            ck_assert(value_cache_key_compose(&keys[j], &b));
            ck_assert_int_eq(sv_equal(buf_view(&a), buf_view(&b)), i == j);
        }
    }
}
END_TEST

START_TEST(composes_the_longest_key_there_is_and_none_longer)
{
    char text[VALUE_CACHE_KEY_BYTES];
    memset(text, 'k', sizeof text);
    struct value_cache_key key = key_of("a", NAME);
    key.key = sv_make(text, 2048);
    key.version = sv_make(text, 256);
    CLEANUP(buf_done) struct buf longest;
    ck_assert(value_cache_key_compose(&key, &longest));
    ck_assert_uint_eq(longest.len, SHA256_BYTES + 1 + 4 + 12 + 4 + 2048 + 4 + 256);
    key.key = sv_make(text, sizeof text);
    CLEANUP(buf_done) struct buf longer;
    ck_assert(!value_cache_key_compose(&key, &longer));
}
END_TEST

START_TEST(opens_for_its_own_key_only)
{
    struct value_cache_key keys[16];
    size_t count = different_keys(keys);
    CLEANUP(value_cache_entry_release_ptr)
    struct value_cache_entry *entry = make(&keys[_i], NAME, ARN);
    for (size_t i = 0; i < count; i++) {
        CLEANUP(remote_value_done) struct remote_value opened = {0};
        struct err err = {0};
        ck_assert_int_eq(value_cache_entry_open(entry, aead, &keys[i], &opened, &err),
                         i == (size_t)_i);
        ck_assert_int_eq(opened.has_string, i == (size_t)_i);
        ck_assert_int_eq(err.kind, i == (size_t)_i ? ERR_NONE : ERR_INTERNAL);
    }
}
END_TEST

START_TEST(opens_for_its_alias_with_the_same_identity_only)
{
    const struct value_cache_key key = key_of("a", NAME);
    CLEANUP(value_cache_entry_release_ptr) struct value_cache_entry *entry = make(&key, NAME, ARN);
    struct value_cache_key alias = key_of("a", ARN);
    CLEANUP(buf_done) struct buf composed;
    ck_assert(value_cache_key_compose(&alias, &composed));
    ck_assert(sv_equal(value_cache_entry_alias(entry), buf_view(&composed)));

    CLEANUP(remote_value_done) struct remote_value opened = {0};
    struct err err = {0};
    ck_assert(value_cache_entry_open(entry, aead, &alias, &opened, &err));
    ck_assert(sv_is(secret_buf_view(&opened.string), "value"));
    struct value_cache_key other = key_of("b", ARN);
    ck_assert(!value_cache_entry_open(entry, aead, &other, &opened, &err));
    other = alias;
    other.version = SV("AWSPREVIOUS");
    ck_assert(!value_cache_entry_open(entry, aead, &other, &opened, &err));
    other = alias;
    other.region = SV("us-east-1");
    ck_assert(!value_cache_entry_open(entry, aead, &other, &opened, &err));
}
END_TEST

/* What is asked for, what it resolves to, and whether the ARN is an alias for it. */
static const struct {
    const char *key;
    const char *version;
    const char *name;
    const char *arn;
    bool alias;
} ALIASES[] = {
    {NAME, "", NAME, ARN, true},
    /* Another version than the current one. */
    {NAME, "AWSPREVIOUS", NAME, ARN, false},
    /* By ARN: the account may be another. */
    {ARN, "", NAME, ARN, false},
    {ARN_OF("shop/db"), "", NAME, ARN, false},
    {ARN, "", ARN, ARN, false},
    /* Parameter Store: the version is in the name. */
    {"shop/db:3", "", "shop/db", "arn:aws:ssm:eu-central-1:111122223333:parameter/shop/db", false},
    {"shop/db", "", "shop/db", "arn:aws:ssm:eu-central-1:111122223333:parameter/shop/db", true},
    /* Not told, or no ARN. */
    {NAME, "", NULL, ARN, false},
    {NAME, "", NAME, NULL, false},
    {NAME, "", NAME, "", false},
    {NAME, "", NAME, "other", false},
};

START_TEST(the_arn_is_an_alias_for_the_current_version_by_its_name)
{
    struct value_cache_key key = key_of("a", ALIASES[_i].key);
    key.version = sv_of(ALIASES[_i].version);
    CLEANUP(value_cache_entry_release_ptr)
    struct value_cache_entry *entry = make(&key, ALIASES[_i].name, ALIASES[_i].arn);
    ck_assert_int_eq(entry->alias != NULL, ALIASES[_i].alias);
}
END_TEST

static const struct {
    const char *asked;
    const char *name;
    const char *arn;
    const char *by_name;
    const char *by_arn;
    bool matches;
} NAMED[] = {
    {NAME, NAME, ARN, NAME, "", true},
    {NAME, NAME, ARN, "", ARN, true},
    {NAME, NAME, ARN, "", ARN_OF("shop/db"), true},
    {NAME, NAME, ARN, "other", ARN, true},
    {ARN, NAME, ARN, NAME, "", true},
    {ARN, NAME, ARN, "", ARN, true},
    {ARN, NAME, ARN, "", ARN_OF("shop/db"), true},
    {ARN_OF("shop/db"), NAME, ARN, "", ARN, true},
    /* Refusals have no name and no ARN. */
    {NAME, NULL, NULL, NAME, "", true},
    {ARN, NULL, NULL, "", ARN, true},
    {ARN, NULL, NULL, "", ARN_OF("shop/db"), true},
    {ARN_OF("shop/db"), NULL, NULL, "", ARN, true},
    {NAME, NULL, NULL, "", ARN, false},
    /* Nothing asked for matches nothing. */
    {NAME, NAME, ARN, "", "", false},
    {"", NULL, NULL, "", "", false},
    {NAME, NULL, NULL, "", "x", false},
    /* Neighbours. */
    {NAME, NAME, ARN, "shop/d", "", false},
    {NAME, NAME, ARN, "shop/db2", "", false},
    {NAME, NAME, ARN, "", ARN_OF("shop/db-XyZ123"), false},
    {NAME, NAME, ARN, "", ARN_OF("shop/d"), false},
    {NAME, NAME, ARN, "", ARN_OF("shop/db-AbCdE"), false},
    {NAME, NAME, ARN, "", ARN_OF("shop/db-AbCdEfG"), false},
    {NAME, NAME, ARN, "", "arn:aws:secretsmanager:eu-central-1:999900001111:secret:shop/db", false},
    /* "-config" looks like a suffix. */
    {ARN_OF("app-config"), "app-config", ARN_OF("app-config-AbCdEf"), "", ARN_OF("app-XyZ123"),
     false},
    {"app", "app", ARN_OF("app-XyZ123"), "", ARN_OF("app-config-AbCdEf"), false},
    {"app-config", "app-config", ARN_OF("app-config-AbCdEf"), "app", "", false},
    /* Not six letters and digits. */
    {ARN_OF("shop/db-Ab_dEf"), NULL, NULL, "", ARN_OF("shop/db"), false},
    {"arn:", NULL, NULL, "", "arn", false},
};

START_TEST(is_of_a_secret_by_name_and_arn)
{
    const struct value_cache_key key = key_of("a", NAMED[_i].asked);
    CLEANUP(value_cache_entry_release_ptr)
    struct value_cache_entry *entry = make(&key, NAMED[_i].name, NAMED[_i].arn);
    struct str_view name = sv_of(NAMED[_i].by_name);
    struct str_view arn = sv_of(NAMED[_i].by_arn);
    ck_assert_int_eq(value_cache_entry_is_of(entry, ENDPOINT_SECRETS_MANAGER, name, arn),
                     NAMED[_i].matches);
    ck_assert(!value_cache_entry_is_of(entry, ENDPOINT_SSM, name, arn));
}
END_TEST

START_TEST(a_parameter_has_no_suffix)
{
    struct value_cache_key key = key_of("a", "/app-config");
    key.service = ENDPOINT_SSM;
    const char *arn = "arn:aws:ssm:eu-central-1:111122223333:parameter/app-config";
    CLEANUP(value_cache_entry_release_ptr)
    struct value_cache_entry *entry = make(&key, "/app-config", arn);
    ck_assert(value_cache_entry_is_of(entry, ENDPOINT_SSM, SV(""), sv_of(arn)));
    ck_assert(!value_cache_entry_is_of(entry, ENDPOINT_SSM, SV(""),
                                       SV("arn:aws:ssm:eu-central-1:111122223333:parameter/app")));
}
END_TEST

START_TEST(has_its_own_identity)
{
    const struct value_cache_key key = key_of("a", NAME);
    CLEANUP(value_cache_entry_release_ptr) struct value_cache_entry *entry = make(&key, NAME, ARN);
    struct identity_key a = identity_of("a");
    struct identity_key b = identity_of("b");
    ck_assert(value_cache_entry_has_identity(entry, &a));
    ck_assert(!value_cache_entry_has_identity(entry, &b));
}
END_TEST

START_TEST(lives_as_long_as_somebody_holds_it)
{
    const struct value_cache_key key = key_of("a", NAME);
    struct value_cache_entry *entry = make(&key, NAME, ARN);
    ck_assert_ptr_eq(value_cache_entry_retain(entry), entry);
    value_cache_entry_release(entry);
    CLEANUP(remote_value_done) struct remote_value opened = {0};
    struct err err = {0};
    ck_assert(value_cache_entry_open(entry, aead, &key, &opened, &err));
    value_cache_entry_release(entry);
    value_cache_entry_release(NULL);
}
END_TEST

START_TEST(a_refusal_keeps_what_was_answered)
{
    const struct value_cache_key key = key_of("a", NAME);
    CLEANUP(buf_done) struct buf composed;
    ck_assert(value_cache_key_compose(&key, &composed));
    struct value_cache_refusal refusal = {
        .error = {.class = SERVICE_DENIED, .code = "AccessDeniedException"},
        .until_ms = 31000,
    };
    err_set(&refusal.err, ERR_DENIED, "denied");
    CLEANUP(value_cache_entry_release_ptr)
    struct value_cache_entry *entry =
        value_cache_entry_new_refusal(&key, buf_view(&composed), &refusal, 1000);
    memset(&refusal, 0, sizeof refusal);
    ck_assert_str_eq(entry->refusal->error.code, "AccessDeniedException");
    ck_assert_str_eq(entry->refusal->err.message, "denied");
    ck_assert_int_eq(entry->refusal->until_ms, 31000);
    ck_assert_uint_ge(entry->bytes, sizeof *entry + sizeof *entry->refusal + composed.len);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("value_cache_entry");
    TCase *tcase = tcase_create("value_cache_entry");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, no_two_keys_are_composed_alike);
    tcase_add_test(tcase, composes_the_longest_key_there_is_and_none_longer);
    tcase_add_loop_test(tcase, opens_for_its_own_key_only, 0, 10);
    tcase_add_test(tcase, opens_for_its_alias_with_the_same_identity_only);
    tcase_add_loop_test(tcase, the_arn_is_an_alias_for_the_current_version_by_its_name, 0,
                        ARRAY_LEN(ALIASES));
    tcase_add_loop_test(tcase, is_of_a_secret_by_name_and_arn, 0, ARRAY_LEN(NAMED));
    tcase_add_test(tcase, a_parameter_has_no_suffix);
    tcase_add_test(tcase, has_its_own_identity);
    tcase_add_test(tcase, lives_as_long_as_somebody_holds_it);
    tcase_add_test(tcase, a_refusal_keeps_what_was_answered);
    suite_add_tcase(suite, tcase);
    return suite;
}
