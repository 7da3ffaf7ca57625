/* SPDX-License-Identifier: Apache-2.0 */
#include "world/name_index.h"

#include "check_main.h"

static bool holds(const struct name_index *index, const char *name, const void *record)
{
    const struct name_set *set = name_index_find(index, sv_of(name));
    for (uint32_t i = 0; set && i < set->count; i++) {
        if (set->items[i] == record) {
            return true;
        }
    }
    return false;
}

START_TEST(finds_all_that_mention_a_name)
{
    struct name_index index;
    int records[40];
    name_index_init(&index);
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        name_index_add(&index, SV("shop/db"), &records[i]);
        if (i % 2) {
            name_index_add(&index, SV("shop/tls"), &records[i]);
        }
    }
    ck_assert_uint_eq(name_index_find(&index, SV("shop/db"))->count, 40);
    ck_assert_uint_eq(name_index_find(&index, SV("shop/tls"))->count, 20);
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        ck_assert(holds(&index, "shop/db", &records[i]));
        ck_assert_int_eq(holds(&index, "shop/tls", &records[i]), i % 2 == 1);
    }
    ck_assert_ptr_null(name_index_find(&index, SV("shop")));
    name_index_done(&index);
}
END_TEST

START_TEST(a_record_stands_once_however_often_it_mentions_a_name)
{
    struct name_index index;
    int record;
    name_index_init(&index);
    name_index_add(&index, SV("a"), &record);
    name_index_add(&index, SV("b"), &record);
    name_index_add(&index, SV("a"), &record);
    ck_assert_uint_eq(name_index_find(&index, SV("a"))->count, 1);
    name_index_remove(&index, SV("a"), &record);
    ck_assert_ptr_null(name_index_find(&index, SV("a")));
    ck_assert(holds(&index, "b", &record));
    name_index_done(&index);
}
END_TEST

START_TEST(removing_leaves_the_others_and_no_empty_sets)
{
    struct name_index index;
    int records[5];
    name_index_init(&index);
    for (size_t i = 0; i < ARRAY_LEN(records); i++) {
        name_index_add(&index, SV("a"), &records[i]);
    }
    static const size_t order[] = {2, 0, 4, 1, 3};
    for (size_t i = 0; i < ARRAY_LEN(order); i++) {
        name_index_remove(&index, SV("a"), &records[order[i]]);
        for (size_t j = 0; j < ARRAY_LEN(order); j++) {
            ck_assert_int_eq(holds(&index, "a", &records[order[j]]), j > i);
        }
    }
    ck_assert_uint_eq(index.table.count, 0);
    name_index_done(&index);
}
END_TEST

START_TEST(removing_what_is_not_there_does_nothing)
{
    struct name_index index;
    int record;
    int other;
    name_index_init(&index);
    name_index_remove(&index, SV("a"), &record);
    name_index_add(&index, SV("a"), &record);
    name_index_remove(&index, SV("a"), &other);
    name_index_remove(&index, SV(""), &record);
    ck_assert(holds(&index, "a", &record));
    name_index_done(&index);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("name_index");
    TCase *tcase = tcase_create("name_index");
    tcase_add_test(tcase, finds_all_that_mention_a_name);
    tcase_add_test(tcase, a_record_stands_once_however_often_it_mentions_a_name);
    tcase_add_test(tcase, removing_leaves_the_others_and_no_empty_sets);
    tcase_add_test(tcase, removing_what_is_not_there_does_nothing);
    suite_add_tcase(suite, tcase);
    return suite;
}
