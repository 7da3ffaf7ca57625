/* SPDX-License-Identifier: Apache-2.0 */
#include "refs/names.h"

#include "check_main.h"

/* A constant initialiser, which SV() is not. */
#define TEXT(literal)                                                                              \
    {                                                                                              \
        (literal), sizeof(literal) - 1                                                             \
    }

struct name_case {
    struct str_view text;
    bool subdomain;
    bool label;
    bool key;
};

static const struct name_case CASES[] = {
    {TEXT("db"), true, true, true},
    {TEXT("a"), true, true, true},
    {TEXT("0"), true, true, true},
    {TEXT("db-1"), true, true, true},
    {TEXT("tls.example.com"), true, false, true},
    {TEXT("DB_PASSWORD"), false, false, true},
    {TEXT("tls.crt"), true, false, true},
    {TEXT(".dockerconfigjson"), false, false, true},
    {TEXT("-x"), false, false, true},
    {TEXT("x-"), false, false, true},
    {TEXT("a..b"), false, false, true},
    {TEXT("a.-b"), false, false, true},
    {TEXT("a.b."), false, false, true},
    {TEXT("."), false, false, false},
    {TEXT(".."), false, false, false},
    {TEXT("..data"), false, false, false},
    {TEXT(""), false, false, false},
    {TEXT("../x"), false, false, false},
    {TEXT("a/b"), false, false, false},
    {TEXT("%2e%2e"), false, false, false},
    {TEXT("a b"), false, false, false},
    {TEXT("a\0b"), false, false, false},
    {TEXT("db\n"), false, false, false},
    {TEXT("\xc3\xbc"), false, false, false},
    {TEXT("a?b"), false, false, false},
    {TEXT("a#b"), false, false, false},
};

START_TEST(tells_names_from_hostile_ones)
{
    const struct name_case *row = &CASES[_i];
    ck_assert_msg(name_is_dns_subdomain(row->text) == row->subdomain, "subdomain %.*s",
                  SV_ARG(row->text));
    ck_assert_msg(name_is_dns_label(row->text) == row->label, "label %.*s", SV_ARG(row->text));
    ck_assert_msg(name_is_secret_key(row->text) == row->key, "key %.*s", SV_ARG(row->text));
}
END_TEST

START_TEST(bounds_lengths)
{
    char text[300];
    memset(text, 'a', sizeof text);
    ck_assert(name_is_dns_label(sv_make(text, 63)));
    ck_assert(!name_is_dns_label(sv_make(text, 64)));
    /* Kubernetes bounds the whole name, not its labels. */
    ck_assert(name_is_dns_subdomain(sv_make(text, 253)));
    ck_assert(!name_is_dns_subdomain(sv_make(text, 254)));
    ck_assert(name_is_secret_key(sv_make(text, 253)));
    ck_assert(!name_is_secret_key(sv_make(text, 254)));
    ck_assert(!name_is_dns_subdomain((struct str_view){0}));
    ck_assert(!name_is_dns_label((struct str_view){0}));
    ck_assert(!name_is_secret_key((struct str_view){0}));
}
END_TEST

static const struct {
    struct str_view text;
    bool key;
    bool value;
} LABELS[] = {
    {TEXT("tier"), true, true},
    {TEXT("A_b.c-d"), true, true},
    {TEXT(""), false, true},
    {TEXT("example.com/tier"), true, false},
    {TEXT("kubernetes.io/metadata.name"), true, false},
    {TEXT("/tier"), false, false},
    {TEXT("example.com/"), false, false},
    {TEXT("Example.com/tier"), false, false},
    {TEXT("a/b/c"), false, false},
    {TEXT("-tier"), false, false},
    {TEXT("tier_"), false, false},
    {TEXT("a b"), false, false},
    {TEXT("a\0b"), false, false},
    {TEXT("\xc3\xbc"), false, false},
};

START_TEST(tells_labels_from_what_kubernetes_refuses)
{
    ck_assert_msg(name_is_label_key(LABELS[_i].text) == LABELS[_i].key, "key %.*s",
                  SV_ARG(LABELS[_i].text));
    ck_assert_msg(name_is_label_value(LABELS[_i].text) == LABELS[_i].value, "value %.*s",
                  SV_ARG(LABELS[_i].text));
}
END_TEST

START_TEST(bounds_labels)
{
    char text[64];
    memset(text, 'a', sizeof text);
    ck_assert(name_is_label_key(sv_make(text, 63)));
    ck_assert(!name_is_label_key(sv_make(text, 64)));
    ck_assert(name_is_label_value(sv_make(text, 63)));
    ck_assert(!name_is_label_value(sv_make(text, 64)));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("refs/names");
    TCase *names = tcase_create("names");
    tcase_add_loop_test(names, tells_names_from_hostile_ones, 0, ARRAY_LEN(CASES));
    tcase_add_test(names, bounds_lengths);
    tcase_add_loop_test(names, tells_labels_from_what_kubernetes_refuses, 0, ARRAY_LEN(LABELS));
    tcase_add_test(names, bounds_labels);
    suite_add_tcase(suite, names);
    return suite;
}
