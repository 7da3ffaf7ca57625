/* SPDX-License-Identifier: Apache-2.0 */
#include "base/table.h"

#include "check_main.h"

enum {
    MODEL_KEYS = 600,
    MODEL_STEPS = 60000,
};

static int released;

static void count_release(void *value)
{
    released++;
    free(value);
}

static int *number(int value)
{
    int *memory = mem_alloc(sizeof *memory);
    *memory = value;
    return memory;
}

START_TEST(finds_what_was_put_and_nothing_else)
{
    struct table table;
    table_init(&table, free);
    ck_assert_ptr_null(table_get(&table, SV("a")));
    table_put(&table, SV("a"), number(1));
    table_put(&table, SV("ab"), number(2));
    table_put(&table, sv_make("a\0b", 3), number(3));
    ck_assert_int_eq(*(int *)table_get(&table, SV("a")), 1);
    ck_assert_int_eq(*(int *)table_get(&table, SV("ab")), 2);
    ck_assert_int_eq(*(int *)table_get(&table, sv_make("a\0b", 3)), 3);
    ck_assert_ptr_null(table_get(&table, sv_make("a\0c", 3)));
    ck_assert_ptr_null(table_get(&table, SV("b")));
    ck_assert_uint_eq(table.count, 3);
    table_done(&table);
}
END_TEST

START_TEST(takes_the_empty_key)
{
    struct table table;
    table_init(&table, free);
    ck_assert_ptr_null(table_get(&table, (struct str_view){0}));
    table_put(&table, (struct str_view){0}, number(7));
    ck_assert_int_eq(*(int *)table_get(&table, SV("")), 7);
    ck_assert(table_erase(&table, SV("")));
    ck_assert_ptr_null(table_get(&table, (struct str_view){0}));
    table_done(&table);
}
END_TEST

START_TEST(copies_its_keys)
{
    struct table table;
    table_init(&table, free);
    char key[] = "shop/db";
    table_put(&table, sv_of(key), number(1));
    memset(key, 'x', sizeof key - 1);
    ck_assert_ptr_nonnull(table_get(&table, SV("shop/db")));
    ck_assert_ptr_null(table_get(&table, sv_of(key)));
    table_done(&table);
}
END_TEST

START_TEST(releases_what_is_replaced_erased_or_left)
{
    struct table table;
    released = 0;
    table_init(&table, count_release);
    table_put(&table, SV("a"), number(1));
    table_put(&table, SV("a"), number(2));
    ck_assert_int_eq(released, 1);
    ck_assert(table_erase(&table, SV("a")));
    ck_assert_int_eq(released, 2);
    ck_assert(!table_erase(&table, SV("a")));
    ck_assert_int_eq(released, 2);
    table_put(&table, SV("b"), number(3));
    table_done(&table);
    ck_assert_int_eq(released, 3);
    ck_assert_uint_eq(table.capacity, 0);
}
END_TEST

START_TEST(putting_the_same_value_again_keeps_it)
{
    struct table table;
    released = 0;
    table_init(&table, count_release);
    int *value = number(1);
    table_put(&table, SV("a"), value);
    table_put(&table, SV("a"), value);
    ck_assert_int_eq(released, 0);
    table_done(&table);
    ck_assert_int_eq(released, 1);
}
END_TEST

START_TEST(take_and_swap_hand_the_value_to_the_caller)
{
    struct table table;
    released = 0;
    table_init(&table, count_release);
    ck_assert_ptr_null(table_take(&table, SV("a")));
    int *first = number(1);
    int *second = number(2);
    ck_assert_ptr_null(table_swap(&table, SV("a"), first));
    ck_assert_ptr_eq(table_swap(&table, SV("a"), second), first);
    ck_assert_ptr_eq(table_take(&table, SV("a")), second);
    ck_assert_ptr_null(table_get(&table, SV("a")));
    ck_assert_uint_eq(table.count, 0);
    ck_assert_int_eq(released, 0);
    free(first);
    free(second);
    table_done(&table);
}
END_TEST

START_TEST(a_borrowed_key_moves_with_its_value)
{
    struct table table;
    released = 0;
    table_init_borrowing(&table, count_release);
    char *first = str_dup("shop/db");
    char *second = str_dup("shop/db");
    table_put(&table, sv_of(first), first);
    table_put(&table, sv_of(second), second);
    ck_assert_int_eq(released, 1);
    /* The first key's memory is gone: only the second's may be looked at. */
    ck_assert_ptr_eq(table_get(&table, SV("shop/db")), second);
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    ck_assert(table_next(&table, &position, &key, &value));
    ck_assert_ptr_eq(key.data, second);
    ck_assert(table_erase(&table, SV("shop/db")));
    ck_assert_int_eq(released, 2);
    table_put(&table, SV("left"), str_dup("left"));
    table_done(&table);
    ck_assert_int_eq(released, 3);
}
END_TEST

START_TEST(walks_every_entry_once)
{
    struct table table;
    table_init(&table, free);
    bool seen[500] = {false};
    char name[16];
    for (int i = 0; i < 500; i++) {
        (void)snprintf(name, sizeof name, "key-%d", i);
        table_put(&table, sv_of(name), number(i));
    }
    size_t position = 0;
    size_t count = 0;
    struct str_view key;
    void *value = NULL;
    while (table_next(&table, &position, &key, &value)) {
        int at = *(int *)value;
        (void)snprintf(name, sizeof name, "key-%d", at);
        ck_assert(sv_is(key, name));
        ck_assert(!seen[at]);
        seen[at] = true;
        count++;
    }
    ck_assert_uint_eq(count, 500);
    table_done(&table);
}
END_TEST

/* The invariants of robin-hood hashing, from the array itself. */
static void assert_sound(const struct table *table)
{
    size_t used = 0;
    for (size_t i = 0; i < table->capacity; i++) {
        const struct table_entry *entry = &table->entries[i];
        const struct table_entry *next = &table->entries[(i + 1) & (table->capacity - 1)];
        used += entry->key != NULL;
        if (next->key) {
            ck_assert_uint_le(next->distance, entry->key ? entry->distance + 1 : 0);
        }
    }
    ck_assert_uint_eq(used, table->count);
}

START_TEST(agrees_with_a_plain_array_over_random_steps)
{
    struct table table;
    table_init(&table, free);
    int model[MODEL_KEYS] = {0};
    size_t count = 0;
    uint64_t random = 88172645463325252u;
    for (int step = 1; step <= MODEL_STEPS; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        size_t at = (size_t)(random >> 8) % MODEL_KEYS;
        char name[24];
        (void)snprintf(name, sizeof name, "%zu", at * at * 7919);
        const int *found = table_get(&table, sv_of(name));
        ck_assert_int_eq(found ? *found : 0, model[at]);
        if (random % 5 < 3) {
            count += model[at] == 0;
            table_put(&table, sv_of(name), number(step));
            model[at] = step;
        } else {
            ck_assert_int_eq(table_erase(&table, sv_of(name)), model[at] != 0);
            count -= model[at] != 0;
            model[at] = 0;
        }
        ck_assert_uint_eq(table.count, count);
        if (step % 1000 == 0) {
            assert_sound(&table);
        }
    }
    table_done(&table);
}
END_TEST

START_TEST(two_tables_have_seeds_of_their_own)
{
    struct table a;
    struct table b;
    table_init(&a, NULL);
    table_init(&b, NULL);
    ck_assert(a.seed[0] != b.seed[0] || a.seed[1] != b.seed[1]);
    table_done(&a);
    table_done(&b);
}
END_TEST

START_TEST(works_without_a_release_function)
{
    struct table table;
    int values[3] = {1, 2, 3};
    table_init(&table, NULL);
    table_put(&table, SV("a"), &values[0]);
    table_put(&table, SV("a"), &values[1]);
    table_put(&table, SV("b"), &values[2]);
    ck_assert(table_erase(&table, SV("a")));
    table_done(&table);
    struct table zeroed = {0};
    table_done(&zeroed);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("table");
    TCase *tcase = tcase_create("table");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, finds_what_was_put_and_nothing_else);
    tcase_add_test(tcase, takes_the_empty_key);
    tcase_add_test(tcase, copies_its_keys);
    tcase_add_test(tcase, releases_what_is_replaced_erased_or_left);
    tcase_add_test(tcase, putting_the_same_value_again_keeps_it);
    tcase_add_test(tcase, take_and_swap_hand_the_value_to_the_caller);
    tcase_add_test(tcase, a_borrowed_key_moves_with_its_value);
    tcase_add_test(tcase, walks_every_entry_once);
    tcase_add_test(tcase, agrees_with_a_plain_array_over_random_steps);
    tcase_add_test(tcase, two_tables_have_seeds_of_their_own);
    tcase_add_test(tcase, works_without_a_release_function);
    suite_add_tcase(suite, tcase);
    return suite;
}
