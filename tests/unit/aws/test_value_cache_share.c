/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/value_cache_share.h"

#include "check_main.h"

/* Entries as a share sees them: a size, and whether they are refusals. */
static struct value_cache_refusal refusal;
static struct value_cache_entry value[3] = {{.bytes = 10}, {.bytes = 20}, {.bytes = 30}};
static struct value_cache_entry refused[2] = {{.bytes = 5, .refusal = &refusal},
                                              {.bytes = 5, .refusal = &refusal}};

static void add(struct value_cache_share *share, struct value_cache_entry *entry)
{
    value_cache_share_add(share, &entry->in_all, entry);
}

START_TEST(counts_what_comes_and_goes)
{
    struct value_cache_share share = {0};
    add(&share, &value[0]);
    add(&share, &refused[0]);
    add(&share, &value[1]);
    ck_assert_uint_eq(share.entries.count, 3);
    ck_assert_uint_eq(share.refusals.count, 1);
    ck_assert_uint_eq(share.bytes, 35);
    value_cache_share_remove(&share, &refused[0].in_all, &refused[0]);
    ck_assert_uint_eq(share.entries.count, 2);
    ck_assert_uint_eq(share.refusals.count, 0);
    ck_assert_uint_eq(share.bytes, 30);
    value_cache_share_remove(&share, &value[0].in_all, &value[0]);
    value_cache_share_remove(&share, &value[1].in_all, &value[1]);
    ck_assert_uint_eq(share.entries.count, 0);
    ck_assert_uint_eq(share.bytes, 0);
}
END_TEST

/* Bounds in entries, refusals and bytes beside two values and a refusal (35 bytes), and who goes
 * for a value of 30 bytes and for a refusal of 5: the value (v) or the refusal (r) used first, or
 * nobody
 * (-). */
static const struct {
    struct value_cache_bounds bounds;
    char for_value;
    char for_refusal;
} BOUNDS[] = {
    {{.entries = 4, .refusals = 2, .bytes = 65}, '-', '-'},
    {{.entries = 3, .refusals = 2, .bytes = 65}, 'v', 'v'},
    {{.entries = 4, .refusals = 1, .bytes = 65}, '-', 'r'},
    {{.entries = 4, .refusals = 2, .bytes = 64}, 'v', '-'},
    {{.entries = 4, .refusals = 2, .bytes = 40}, 'v', '-'},
    {{.entries = 4, .refusals = 2, .bytes = 39}, 'v', 'v'},
    {{.entries = 3, .refusals = 1, .bytes = 39}, 'v', 'r'},
};

static char who_goes(const struct value_cache_entry *entry)
{
    if (!entry) {
        return '-';
    }
    ck_assert(entry == &value[0] || entry == &refused[0]);
    return entry == &value[0] ? 'v' : 'r';
}

START_TEST(gives_up_the_oldest_where_a_bound_is_met)
{
    struct value_cache_share share = {0};
    add(&share, &value[0]);
    add(&share, &refused[0]);
    add(&share, &value[1]);
    const struct value_cache_bounds *bounds = &BOUNDS[_i].bounds;
    ck_assert_int_eq(who_goes(value_cache_share_surplus(&share, bounds, &value[2])),
                     BOUNDS[_i].for_value);
    ck_assert_int_eq(who_goes(value_cache_share_surplus(&share, bounds, &refused[1])),
                     BOUNDS[_i].for_refusal);
}
END_TEST

START_TEST(what_was_used_is_no_longer_the_oldest)
{
    const struct value_cache_bounds bounds = {.entries = 2, .refusals = 2, .bytes = 1000};
    struct value_cache_share share = {0};
    add(&share, &value[0]);
    add(&share, &value[1]);
    ck_assert_ptr_eq(value_cache_share_surplus(&share, &bounds, &value[2]), &value[0]);
    value_cache_share_touch(&share, &value[0].in_all);
    ck_assert_ptr_eq(value_cache_share_surplus(&share, &bounds, &value[2]), &value[1]);
}
END_TEST

START_TEST(keeps_the_name_of_its_namespace)
{
    char name[] = "shop";
    struct value_cache_share *share = value_cache_share_new(sv_of(name));
    name[0] = 'x';
    ck_assert_str_eq(share->namespace, "shop");
    ck_assert_uint_eq(share->entries.count, 0);
    value_cache_share_free(share);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("value_cache_share");
    TCase *tcase = tcase_create("value_cache_share");
    tcase_add_test(tcase, counts_what_comes_and_goes);
    tcase_add_loop_test(tcase, gives_up_the_oldest_where_a_bound_is_met, 0, ARRAY_LEN(BOUNDS));
    tcase_add_test(tcase, what_was_used_is_no_longer_the_oldest);
    tcase_add_test(tcase, keeps_the_name_of_its_namespace);
    suite_add_tcase(suite, tcase);
    return suite;
}
