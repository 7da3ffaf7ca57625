/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/text_pool.h"

#include "check_main.h"

struct views {
    struct str_view namespace;
    struct str_view name;
    struct str_view text;
    struct str_view absent;
    struct str_view empty;
    struct str_view type;
};

static void take(struct views *views, struct text_pool *pool)
{
    text_pool_take_names(pool, &views->namespace, &views->name);
    text_pool_take(pool, &views->text);
    text_pool_take(pool, &views->absent);
    text_pool_take(pool, &views->empty);
    text_pool_take_common(pool, &views->type);
}

START_TEST(counts_first_then_copies_that_much)
{
    char text[] = "shopdbtextOpaque";
    struct views views = {
        .namespace = sv_make(text, 4),
        .name = sv_make(text + 4, 2),
        .text = sv_make(text + 6, 4),
        .empty = SV(""),
        .type = sv_make(text + 10, 6),
    };
    struct text_pool counting = {0};
    take(&views, &counting);
    ck_assert_uint_eq(counting.size, sizeof "shop/db" - 1 + 4);
    ck_assert_ptr_eq(views.text.data, text + 6);
    char block[16] = {0};
    struct text_pool pool = {.at = block};
    take(&views, &pool);
    ck_assert_ptr_eq(pool.at, block + counting.size);
    memset(text, 'X', sizeof text - 1);
    ck_assert_str_eq(block, "shop/dbtext");
    ck_assert_ptr_eq(views.name.data, views.namespace.data + 5);
    ck_assert(sv_is(views.name, "db"));
    ck_assert(sv_is(views.text, "text"));
    ck_assert_ptr_null(views.absent.data);
    ck_assert_ptr_nonnull(views.empty.data);
    /* Common text takes no room but a constant's. */
    ck_assert(sv_is(views.type, "Opaque"));
}
END_TEST

START_TEST(other_text_in_a_common_place_is_copied)
{
    char text[] = "example.com/strange";
    struct str_view view = sv_of(text);
    struct text_pool counting = {0};
    text_pool_take_common(&counting, &view);
    ck_assert_uint_eq(counting.size, sizeof text - 1);
    char block[32];
    struct text_pool pool = {.at = block};
    text_pool_take_common(&pool, &view);
    ck_assert_ptr_eq(view.data, block);
    ck_assert(sv_equal(view, sv_of(text)));
}
END_TEST

START_TEST(an_absent_namespace_becomes_empty)
{
    struct str_view namespace = {0};
    struct str_view name = SV("store");
    char block[16] = {0};
    struct text_pool pool = {.at = block};
    text_pool_take_names(&pool, &namespace, &name);
    ck_assert_str_eq(block, "/store");
    ck_assert_ptr_eq(namespace.data, block);
    ck_assert_uint_eq(namespace.len, 0);
    ck_assert_ptr_eq(name.data, block + 1);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("text_pool");
    TCase *tcase = tcase_create("text_pool");
    tcase_add_test(tcase, counts_first_then_copies_that_much);
    tcase_add_test(tcase, other_text_in_a_common_place_is_copied);
    tcase_add_test(tcase, an_absent_namespace_becomes_empty);
    suite_add_tcase(suite, tcase);
    return suite;
}
