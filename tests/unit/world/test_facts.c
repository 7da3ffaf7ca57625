/* SPDX-License-Identifier: Apache-2.0 */
#include "world/facts.h"

#include "check_main.h"
#include "records.h"

static struct secret_ref_list list_of(struct secret_ref *items, size_t count)
{
    return (struct secret_ref_list){.items = items, .count = count};
}

START_TEST(has_one_unknown_fact_for_each_valid_name)
{
    struct secret_ref refs[] = {make_ref("db", "user"), make_ref("tls", NULL),
                                make_ref("db", "pass"), make_ref("../x", NULL),
                                make_ref("a", "k"),     make_ref("UPPER", NULL)};
    const struct secret_ref_list list = list_of(refs, ARRAY_LEN(refs));
    CLEANUP(facts_done) struct facts facts;
    facts_init(&facts, SV("shop"));
    facts_add_names(&facts, &list);
    ck_assert_str_eq(facts.namespace, "shop");
    ck_assert_uint_eq(facts.count, 3);
    ck_assert_str_eq(facts.items[0].name, "a");
    ck_assert_str_eq(facts.items[1].name, "db");
    ck_assert_str_eq(facts.items[2].name, "tls");
    for (size_t i = 0; i < facts.count; i++) {
        ck_assert_int_eq(facts.items[i].presence, PRESENCE_UNKNOWN);
        ck_assert_int_eq(facts.items[i].described, PRESENCE_UNKNOWN);
        ck_assert_ptr_null(facts.items[i].secret);
        ck_assert_ptr_eq(facts_find(&facts, sv_of(facts.items[i].name)), &facts.items[i]);
    }
    ck_assert_ptr_null(facts_find(&facts, SV("../x")));
    ck_assert_ptr_null(facts_find(&facts, SV("")));
}
END_TEST

START_TEST(adding_more_names_keeps_what_is_known)
{
    struct secret_ref first[] = {make_ref("m", NULL), make_ref("d", NULL)};
    struct secret_ref second[] = {make_ref("z", NULL), make_ref("d", NULL), make_ref("a", NULL)};
    const struct secret_ref_list lists[] = {list_of(first, 2), list_of(second, 3)};
    CLEANUP(facts_done) struct facts facts;
    facts_init(&facts, SV("shop"));
    facts_add_names(&facts, &lists[0]);
    struct secret *secret = make_secret("shop", "d", "u", "1", "");
    facts_set(&facts, SV("d"), PRESENCE_PRESENT, secret);
    facts_add_names(&facts, &lists[1]);
    static const char *const sorted[] = {"a", "d", "m", "z"};
    ck_assert_uint_eq(facts.count, ARRAY_LEN(sorted));
    for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
        ck_assert_str_eq(facts.items[i].name, sorted[i]);
    }
    ck_assert_ptr_eq(facts_find(&facts, SV("d"))->secret, secret);
    secret_release(secret);
}
END_TEST

START_TEST(takes_and_gives_back_references)
{
    struct secret_ref refs[] = {make_ref("db", NULL)};
    const struct secret_ref_list list = list_of(refs, 1);
    struct facts facts;
    facts_init(&facts, SV("shop"));
    facts_add_names(&facts, &list);
    struct secret *secret = make_secret("shop", "db", "u", "1", "");
    facts_set(&facts, SV("db"), PRESENCE_PRESENT, secret);
    ck_assert_uint_eq(atomic_load(&secret->references), 2);
    /* The same one again, which must not die in between. */
    facts_set(&facts, SV("db"), PRESENCE_PRESENT, secret);
    ck_assert_uint_eq(atomic_load(&secret->references), 2);
    facts_set(&facts, SV("db"), PRESENCE_ABSENT, NULL);
    ck_assert_uint_eq(atomic_load(&secret->references), 1);
    ck_assert_ptr_null(facts_find(&facts, SV("db"))->secret);
    facts_set(&facts, SV("other"), PRESENCE_PRESENT, secret);
    ck_assert_uint_eq(atomic_load(&secret->references), 1);
    facts_set(&facts, SV("db"), PRESENCE_PRESENT, secret);
    facts_done(&facts);
    ck_assert_uint_eq(atomic_load(&secret->references), 1);
    ck_assert_uint_eq(facts.count, 0);
    secret_release(secret);
}
END_TEST

static const struct {
    const char *secret;
    const char *key;
    enum presence presence;
} REFERENCES[] = {
    {"db", "user", PRESENCE_PRESENT},    {"db", "pass", PRESENCE_ABSENT},
    {"db", "../user", PRESENCE_ABSENT},  {"db", NULL, PRESENCE_PRESENT},
    {"empty", NULL, PRESENCE_PRESENT},   {"empty", "user", PRESENCE_ABSENT},
    {"gone", NULL, PRESENCE_ABSENT},     {"gone", "user", PRESENCE_ABSENT},
    {"dark", NULL, PRESENCE_UNKNOWN},    {"dark", "user", PRESENCE_UNKNOWN},
    {"unasked", NULL, PRESENCE_UNKNOWN}, {"../db", NULL, PRESENCE_ABSENT},
    {"UPPER", "user", PRESENCE_ABSENT},
};

START_TEST(a_reference_is_present_absent_or_unknown)
{
    struct secret_ref refs[] = {make_ref("db", NULL), make_ref("empty", NULL),
                                make_ref("gone", NULL), make_ref("dark", NULL)};
    const struct secret_ref_list list = list_of(refs, ARRAY_LEN(refs));
    CLEANUP(facts_done) struct facts facts;
    facts_init(&facts, SV("shop"));
    facts_add_names(&facts, &list);
    struct secret *db = make_secret("shop", "db", "u", "1", "'user':'YQ=='");
    struct secret *empty = make_secret("shop", "empty", "u", "1", "");
    facts_set(&facts, SV("db"), PRESENCE_PRESENT, db);
    facts_set(&facts, SV("empty"), PRESENCE_PRESENT, empty);
    facts_set(&facts, SV("gone"), PRESENCE_ABSENT, NULL);
    const struct secret_ref ref = make_ref(REFERENCES[_i].secret, REFERENCES[_i].key);
    ck_assert_int_eq(facts_presence(&facts, &ref), REFERENCES[_i].presence);
    secret_release(db);
    secret_release(empty);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("facts");
    TCase *tcase = tcase_create("facts");
    tcase_add_test(tcase, has_one_unknown_fact_for_each_valid_name);
    tcase_add_test(tcase, adding_more_names_keeps_what_is_known);
    tcase_add_test(tcase, takes_and_gives_back_references);
    tcase_add_loop_test(tcase, a_reference_is_present_absent_or_unknown, 0,
                        (int)ARRAY_LEN(REFERENCES));
    suite_add_tcase(suite, tcase);
    return suite;
}
