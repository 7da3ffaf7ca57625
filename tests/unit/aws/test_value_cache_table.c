/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/value_cache_table.h"

#include "cached_values.h"

enum {
    HARD_MS = 1000,
    MODEL_NAMES = 40,
    MODEL_NAMESPACES = 5,
    MODEL_STEPS = 30000,
};

static struct aead *aead;
static struct value_cache_table table;
static int64_t now_ms;

static void set_up(void)
{
    bool locked = false;
    aead = aead_new(&locked);
    now_ms = 1;
}

static void tear_down(void)
{
    value_cache_table_done(&table);
    aead_free(aead);
}

static void init(size_t max_entries, size_t max_bytes, unsigned share)
{
    const struct value_cache_options options = {
        .max_entries = max_entries,
        .max_bytes = max_bytes,
        .namespace_share = share,
        .hard_ms = HARD_MS,
    };
    value_cache_table_init(&table, &options);
}

static struct value_cache_entry *keep(const char *namespace, const char *name, size_t len)
{
    const struct value_cache_key key = key_of("a", name);
    char *text = mem_alloc(len);
    CLEANUP(buf_done) struct buf composed;
    CLEANUP(remote_value_done)
    struct remote_value value = value_of(sv_make(text, len), "v1", NULL, NULL);
    ck_assert(value_cache_key_compose(&key, &composed));
    struct value_cache_entry *entry =
        value_cache_entry_new(aead, &key, buf_view(&composed), &value, now_ms);
    value_cache_table_keep(&table, sv_of(namespace), entry);
    free(text);
    return entry;
}

static struct value_cache_entry *refuse(const char *namespace, const char *name, int64_t until_ms)
{
    const struct value_cache_key key = key_of("a", name);
    const struct value_cache_refusal refusal = {.until_ms = until_ms};
    CLEANUP(buf_done) struct buf composed;
    ck_assert(value_cache_key_compose(&key, &composed));
    struct value_cache_entry *entry =
        value_cache_entry_new_refusal(&key, buf_view(&composed), &refusal, now_ms);
    value_cache_table_keep(&table, sv_of(namespace), entry);
    return entry;
}

static struct value_cache_entry *find(const char *name)
{
    const struct value_cache_key key = key_of("a", name);
    CLEANUP(buf_done) struct buf composed;
    ck_assert(value_cache_key_compose(&key, &composed));
    return value_cache_table_find(&table, buf_view(&composed), now_ms);
}

static struct value_cache_entry *find_refusal(const char *name)
{
    const struct value_cache_key key = key_of("a", name);
    CLEANUP(buf_done) struct buf composed;
    ck_assert(value_cache_key_compose(&key, &composed));
    return value_cache_table_find_refusal(&table, buf_view(&composed), now_ms);
}

static void touch(const char *name)
{
    struct value_cache_entry *entry = find(name);
    ck_assert_ptr_nonnull(entry);
    value_cache_table_touch(&table, entry);
}

/* Which of the names, of one letter each, have a value. */
static void assert_there(const char *expected)
{
    char there[27];
    size_t count = 0;
    for (char name[] = "a"; name[0] <= 'z'; name[0]++) {
        if (find(name)) {
            there[count++] = name[0];
        }
    }
    there[count] = '\0';
    ck_assert_str_eq(there, expected);
}

START_TEST(what_was_used_least_recently_goes_first)
{
    init(3, 1000000, 100);
    keep("one", "a", 1);
    keep("one", "b", 1);
    keep("one", "c", 1);
    assert_there("abc");
    touch("a");
    keep("one", "d", 1);
    assert_there("acd");
    touch("c");
    touch("a");
    keep("one", "e", 1);
    assert_there("ace");
    keep("one", "f", 1);
    assert_there("aef");
    ck_assert_uint_eq(table.evictions, 3);
}
END_TEST

START_TEST(a_full_cache_gives_up_whoevers_was_used_least_recently)
{
    init(4, 1000000, 50);
    keep("one", "a", 1);
    keep("two", "b", 1);
    keep("one", "c", 1);
    keep("two", "d", 1);
    touch("a");
    keep("three", "e", 1);
    assert_there("acde");
    ck_assert_uint_eq(table.evictions, 1);
}
END_TEST

START_TEST(a_namespace_over_its_share_gives_up_its_own)
{
    init(8, 1000000, 25);
    /* The oldest of all are another's. */
    keep("two", "a", 1);
    keep("two", "b", 1);
    keep("one", "c", 1);
    keep("one", "d", 1);
    touch("c");
    keep("one", "e", 1);
    assert_there("abce");
    keep("one", "f", 1);
    assert_there("abef");
    for (char name[] = "g"; name[0] <= 'z'; name[0]++) {
        keep("one", name, 1);
    }
    assert_there("abyz");
}
END_TEST

START_TEST(a_namespace_over_its_share_of_bytes_gives_up_its_own)
{
    init(1000, 100000, 25);
    keep("two", "a", 20000);
    keep("one", "b", 10000);
    keep("one", "c", 10000);
    assert_there("abc");
    keep("one", "d", 10000);
    assert_there("acd");
    keep("one", "e", 20000);
    assert_there("ae");
    ck_assert_uint_le(table.all.bytes, 50000);
}
END_TEST

START_TEST(the_cache_gives_up_as_many_as_the_bytes_take)
{
    init(1000, 50000, 100);
    keep("one", "a", 10000);
    keep("two", "b", 10000);
    keep("two", "c", 10000);
    keep("three", "d", 10000);
    assert_there("abcd");
    keep("four", "e", 30000);
    assert_there("de");
    ck_assert_uint_le(table.all.bytes, 50000);
}
END_TEST

START_TEST(what_is_too_large_is_not_kept_nor_what_was_there)
{
    init(1000, 100000, 25);
    keep("one", "a", 100);
    keep("one", "b", 100);
    keep("one", "a", 25000);
    assert_there("b");
    keep("one", "a", 24000);
    assert_there("a");
}
END_TEST

START_TEST(replacing_counts_once_and_moves_to_the_namespace_that_asked)
{
    init(100, 1000000, 50);
    keep("one", "a", 1000);
    size_t small = table.all.bytes;
    keep("one", "a", 3000);
    ck_assert_uint_eq(table.all.bytes, small + 2000);
    ck_assert_uint_eq(table.all.entries.count, 1);
    struct value_cache_entry *entry = keep("two", "a", 1000);
    ck_assert_uint_eq(table.all.bytes, small);
    ck_assert_str_eq(entry->share->namespace, "two");
    ck_assert_uint_eq(entry->share->bytes, small);
    ck_assert_ptr_null(table_get(&table.namespaces, SV("one")));
}
END_TEST

START_TEST(refusals_are_a_tenth_and_push_out_refusals)
{
    init(50, 1000000, 100);
    char name[] = "a";
    for (; name[0] <= 'j'; name[0]++) {
        keep("one", name, 1);
    }
    for (name[0] = 'k'; name[0] <= 'z'; name[0]++) {
        refuse("one", name, HARD_MS);
    }
    ck_assert_uint_eq(table.all.refusals.count, 5);
    ck_assert_uint_eq(table.all.entries.count, 15);
    assert_there("abcdefghij");
    for (name[0] = 'k'; name[0] <= 'z'; name[0]++) {
        ck_assert_int_eq(find_refusal(name) != NULL, name[0] >= 'v');
    }
}
END_TEST

START_TEST(a_namespace_has_its_share_of_refusals)
{
    init(200, 1000000, 25);
    refuse("two", "a", HARD_MS);
    for (char name[] = "b"; name[0] <= 'z'; name[0]++) {
        refuse("one", name, HARD_MS);
    }
    ck_assert_uint_eq(table.all.refusals.count, 6);
    ck_assert_ptr_nonnull(find_refusal("a"));
    ck_assert_ptr_null(find_refusal("u"));
    ck_assert_ptr_nonnull(find_refusal("v"));
}
END_TEST

START_TEST(a_refusal_stands_before_a_value_until_it_lapses)
{
    init(100, 1000000, 100);
    keep("one", "a", 1);
    refuse("one", "a", 100);
    ck_assert_uint_eq(table.all.entries.count, 2);
    now_ms = 99;
    ck_assert_ptr_nonnull(find_refusal("a"));
    ck_assert_ptr_nonnull(find("a"));
    now_ms = 100;
    ck_assert_ptr_null(find_refusal("a"));
    ck_assert_ptr_nonnull(find("a"));
    ck_assert_uint_eq(table.all.entries.count, 1);
    ck_assert_uint_eq(table.all.refusals.count, 0);
    refuse("one", "a", HARD_MS);
    keep("one", "a", 1);
    ck_assert_ptr_null(find_refusal("a"));
}
END_TEST

START_TEST(nothing_is_found_at_the_hard_time)
{
    init(100, 1000000, 100);
    keep("one", "a", 1);
    now_ms = HARD_MS;
    assert_there("a");
    now_ms = HARD_MS + 1;
    assert_there("");
    ck_assert_uint_eq(table.all.entries.count, 0);
    ck_assert_uint_eq(table.all.bytes, 0);
    ck_assert_uint_eq(table.namespaces.count, 0);
}
END_TEST

START_TEST(bounds_are_never_none)
{
    init(1, 10000, 0);
    ck_assert_uint_eq(table.bounds.refusals, 1);
    ck_assert_uint_eq(table.namespace_bounds.entries, 1);
    ck_assert_uint_eq(table.namespace_bounds.refusals, 1);
    value_cache_table_done(&table);
    init(1, 10000, 100);
    keep("one", "a", 1);
    keep("two", "b", 1);
    assert_there("b");
    refuse("one", "c", HARD_MS);
    assert_there("");
    ck_assert_uint_eq(table.all.entries.count, 1);
}
END_TEST

START_TEST(what_is_held_outlives_the_table)
{
    init(1, 10000, 100);
    struct value_cache_entry *entry = value_cache_entry_retain(keep("one", "a", 1));
    keep("one", "b", 1);
    ck_assert_ptr_null(entry->share);
    const struct value_cache_key key = key_of("a", "a");
    CLEANUP(remote_value_done) struct remote_value opened = {0};
    struct err err = {0};
    ck_assert(value_cache_entry_open(entry, aead, &key, &opened, &err));
    value_cache_entry_release(entry);
}
END_TEST

/* The rules once more, on an array that is searched. */
struct model_entry {
    bool there;
    int namespace;
    int used;
};

struct model {
    struct model_entry entries[2][MODEL_NAMES]; /* values, refusals */
};

static size_t model_count(const struct model *model, int kind, int namespace)
{
    size_t count = 0;
    for (int i = 0; i < MODEL_NAMES; i++) {
        const struct model_entry *entry = &model->entries[kind][i];
        count += entry->there && (namespace < 0 || entry->namespace == namespace);
    }
    return count;
}

/* The least recently used of a namespace, or of all (-1); among refusals only, or among all. */
static void model_evict(struct model *model, int namespace, bool refusals_only)
{
    struct model_entry *oldest = NULL;
    for (int kind = refusals_only; kind < 2; kind++) {
        for (int i = 0; i < MODEL_NAMES; i++) {
            struct model_entry *entry = &model->entries[kind][i];
            if (entry->there && (namespace < 0 || entry->namespace == namespace) &&
                (!oldest || entry->used < oldest->used)) {
                oldest = entry;
            }
        }
    }
    ck_assert_ptr_nonnull(oldest);
    oldest->there = false;
}

static void model_keep(struct model *model, int kind, int name, int namespace, int step)
{
    model->entries[1][name].there = false;
    if (kind == 0) {
        model->entries[0][name].there = false;
    }
    for (int scope = namespace; scope >= -1; scope = scope < 0 ? -2 : -1) {
        const struct value_cache_bounds *bounds =
            scope < 0 ? &table.bounds : &table.namespace_bounds;
        if (kind == 1 && model_count(model, 1, scope) >= bounds->refusals) {
            model_evict(model, scope, true);
        }
        if (model_count(model, 0, scope) + model_count(model, 1, scope) >= bounds->entries) {
            model_evict(model, scope, false);
        }
    }
    model->entries[kind][name] =
        (struct model_entry){.there = true, .namespace = namespace, .used = step};
}

static void assert_as_model(const struct model *model)
{
    size_t bytes = 0;
    for (const struct list_node *node = table.all.entries.first; node; node = node->next) {
        bytes += ((const struct value_cache_entry *)node->item)->bytes;
    }
    ck_assert_uint_eq(table.all.bytes, bytes);
    ck_assert_uint_eq(table.all.entries.count,
                      model_count(model, 0, -1) + model_count(model, 1, -1));
    ck_assert_uint_eq(table.all.refusals.count, model_count(model, 1, -1));
    for (int i = 0; i < MODEL_NAMES; i++) {
        char name[8];
        (void)snprintf(name, sizeof name, "%d", i);
        ck_assert_int_eq(find(name) != NULL, model->entries[0][i].there);
        ck_assert_int_eq(find_refusal(name) != NULL, model->entries[1][i].there);
    }
}

START_TEST(agrees_with_a_model_over_random_steps)
{
    init(20, 1000000, 40);
    static struct model model;
    uint64_t random = 88172645463325252u;
    for (int step = 1; step <= MODEL_STEPS; step++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        int what = (int)(random >> 8) % 10;
        int at = (int)((random >> 16) % MODEL_NAMES);
        int namespace = (int)((random >> 24) % MODEL_NAMESPACES);
        char name[8];
        char owner[8];
        (void)snprintf(name, sizeof name, "%d", at);
        (void)snprintf(owner, sizeof owner, "n%d", namespace);
        if (what < 4) {
            keep(owner, name, 1);
            model_keep(&model, 0, at, namespace, step);
        } else if (what < 6) {
            refuse(owner, name, HARD_MS);
            model_keep(&model, 1, at, namespace, step);
        } else if (find(name)) {
            touch(name);
            model.entries[0][at].used = step;
        }
        if (step % 100 == 0 || step < 100) {
            assert_as_model(&model);
        }
    }
    ck_assert_uint_gt(table.evictions, MODEL_STEPS / 10);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("value_cache_table");
    TCase *tcase = tcase_create("value_cache_table");
    tcase_set_timeout(tcase, 60);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_was_used_least_recently_goes_first);
    tcase_add_test(tcase, a_full_cache_gives_up_whoevers_was_used_least_recently);
    tcase_add_test(tcase, a_namespace_over_its_share_gives_up_its_own);
    tcase_add_test(tcase, a_namespace_over_its_share_of_bytes_gives_up_its_own);
    tcase_add_test(tcase, the_cache_gives_up_as_many_as_the_bytes_take);
    tcase_add_test(tcase, what_is_too_large_is_not_kept_nor_what_was_there);
    tcase_add_test(tcase, replacing_counts_once_and_moves_to_the_namespace_that_asked);
    tcase_add_test(tcase, refusals_are_a_tenth_and_push_out_refusals);
    tcase_add_test(tcase, a_namespace_has_its_share_of_refusals);
    tcase_add_test(tcase, a_refusal_stands_before_a_value_until_it_lapses);
    tcase_add_test(tcase, nothing_is_found_at_the_hard_time);
    tcase_add_test(tcase, bounds_are_never_none);
    tcase_add_test(tcase, what_is_held_outlives_the_table);
    tcase_add_test(tcase, agrees_with_a_model_over_random_steps);
    suite_add_tcase(suite, tcase);
    return suite;
}
