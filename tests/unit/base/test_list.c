/* SPDX-License-Identifier: Apache-2.0 */
#include "base/list.h"

#include <stdint.h>
#include <string.h>

#include "check_main.h"

enum {
    ITEMS = 8,
    STEPS = 20000,
};

struct thing {
    char name;
    struct list_node node;
    struct list_node other;
};

/* The names from front to back, and that the way back is the same. */
static void assert_order(const struct list *list, const char *expected)
{
    size_t len = strlen(expected);
    ck_assert_uint_eq(list->count, len);
    size_t at = 0;
    for (const struct list_node *node = list->first; node; node = node->next) {
        ck_assert_uint_lt(at, len);
        ck_assert_int_eq(((struct thing *)node->item)->name, expected[at++]);
    }
    ck_assert_uint_eq(at, len);
    for (const struct list_node *node = list->last; node; node = node->previous) {
        ck_assert_uint_gt(at, 0);
        ck_assert_int_eq(((struct thing *)node->item)->name, expected[--at]);
    }
    ck_assert_uint_eq(at, 0);
    const struct thing *last = list_last(list);
    ck_assert_int_eq(last ? last->name : 0, len ? expected[len - 1] : 0);
}

START_TEST(a_zeroed_list_is_empty)
{
    struct list list = {0};
    assert_order(&list, "");
    ck_assert_ptr_null(list_last(&list));
}
END_TEST

START_TEST(what_came_last_is_in_front)
{
    struct thing things[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
    struct list list = {0};
    list_push_front(&list, &things[0].node, &things[0]);
    assert_order(&list, "a");
    list_push_front(&list, &things[1].node, &things[1]);
    list_push_front(&list, &things[2].node, &things[2]);
    assert_order(&list, "cba");
}
END_TEST

/* Of three: the one in front, in the middle, at the end. */
static const char *const WITHOUT[] = {"cb", "ca", "ba"};
static const char *const IN_FRONT[] = {"acb", "bca", "cba"};

START_TEST(leaves_from_anywhere)
{
    struct thing things[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
    struct list list = {0};
    for (int i = 0; i < 3; i++) {
        list_push_front(&list, &things[i].node, &things[i]);
    }
    list_remove(&list, &things[_i].node);
    assert_order(&list, WITHOUT[_i]);
    list_push_front(&list, &things[_i].node, &things[_i]);
    assert_order(&list, IN_FRONT[_i]);
}
END_TEST

START_TEST(comes_to_the_front_from_anywhere)
{
    struct thing things[] = {{.name = 'a'}, {.name = 'b'}, {.name = 'c'}};
    struct list list = {0};
    for (int i = 0; i < 3; i++) {
        list_push_front(&list, &things[i].node, &things[i]);
    }
    list_move_to_front(&list, &things[_i].node);
    assert_order(&list, IN_FRONT[_i]);
}
END_TEST

START_TEST(the_last_one_out_leaves_it_empty)
{
    struct thing thing = {.name = 'a'};
    struct list list = {0};
    list_push_front(&list, &thing.node, &thing);
    list_move_to_front(&list, &thing.node);
    assert_order(&list, "a");
    list_remove(&list, &thing.node);
    assert_order(&list, "");
}
END_TEST

START_TEST(an_item_is_in_two_lists_at_once)
{
    struct thing things[] = {{.name = 'a'}, {.name = 'b'}};
    struct list list = {0};
    struct list other = {0};
    for (int i = 0; i < 2; i++) {
        list_push_front(&list, &things[i].node, &things[i]);
        list_push_front(&other, &things[1 - i].other, &things[1 - i]);
    }
    assert_order(&list, "ba");
    assert_order(&other, "ab");
    list_remove(&list, &things[0].node);
    assert_order(&list, "b");
    assert_order(&other, "ab");
}
END_TEST

/* The same on a string: front is its start. */
static void model_remove(char *model, char name)
{
    char *at = strchr(model, name);
    if (at) {
        memmove(at, at + 1, strlen(at));
    }
}

static void model_push(char *model, char name)
{
    memmove(model + 1, model, strlen(model) + 1);
    model[0] = name;
}

START_TEST(agrees_with_a_string_over_random_steps)
{
    struct thing things[ITEMS] = {0};
    struct list list = {0};
    char model[ITEMS + 1] = "";
    uint64_t random = 88172645463325252u;
    for (int step = 0; step < STEPS; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        struct thing *thing = &things[(random >> 8) % ITEMS];
        thing->name = (char)('a' + (thing - things));
        if (!strchr(model, thing->name)) {
            list_push_front(&list, &thing->node, thing);
            model_push(model, thing->name);
        } else if (random % 2) {
            list_remove(&list, &thing->node);
            model_remove(model, thing->name);
        } else {
            list_move_to_front(&list, &thing->node);
            model_remove(model, thing->name);
            model_push(model, thing->name);
        }
        assert_order(&list, model);
    }
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("list");
    TCase *tcase = tcase_create("list");
    tcase_set_timeout(tcase, 60);
    tcase_add_test(tcase, a_zeroed_list_is_empty);
    tcase_add_test(tcase, what_came_last_is_in_front);
    tcase_add_loop_test(tcase, leaves_from_anywhere, 0, 3);
    tcase_add_loop_test(tcase, comes_to_the_front_from_anywhere, 0, 3);
    tcase_add_test(tcase, the_last_one_out_leaves_it_empty);
    tcase_add_test(tcase, an_item_is_in_two_lists_at_once);
    tcase_add_test(tcase, agrees_with_a_string_over_random_steps);
    suite_add_tcase(suite, tcase);
    return suite;
}
