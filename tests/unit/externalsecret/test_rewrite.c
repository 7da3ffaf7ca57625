/* SPDX-License-Identifier: Apache-2.0 */
#include "externalsecret/rewrite.h"

#include "vectors.h"

enum {
    MOST_REWRITES = 8,
    MOST_PRIORITY = 4,
};

struct rewrites {
    struct external_secret_rewrite all[MOST_REWRITES];
    struct str_view priority[MOST_REWRITES][MOST_PRIORITY];
    size_t count;
};

static void read_merge(const struct json *merge, struct str_view *priority,
                       struct external_secret_rewrite *ret)
{
    ret->kind = REWRITE_MERGE;
    ret->into = json_string(json_member(merge, "into"));
    ret->priority = priority;
    JSON_FOR_EACH (key, json_member(merge, "priority")) {
        ck_assert_uint_lt(ret->priority_count, MOST_PRIORITY);
        priority[ret->priority_count++] = json_string(key);
    }
    ret->priority_may_miss =
        sv_is(json_string(json_member(merge, "priorityPolicy")), "IgnoreNotFound");
    ret->conflict_ignored = sv_is(json_string(json_member(merge, "conflictPolicy")), "Ignore");
    ret->json = sv_is(json_string(json_member(merge, "strategy")), "JSON");
}

/* As in spec.dataFrom[].rewrite. */
static void read_rewrites(const struct json *list, struct rewrites *ret)
{
    JSON_FOR_EACH (element, list) {
        ck_assert_uint_lt(ret->count, MOST_REWRITES);
        struct external_secret_rewrite *rewrite = &ret->all[ret->count];
        rewrite->index = ret->count;
        const struct json *regexp = json_member(element, "regexp");
        const struct json *transform = json_member(element, "transform");
        if (regexp) {
            rewrite->kind = REWRITE_REGEXP;
            rewrite->source = json_string(json_member(regexp, "source"));
            rewrite->target = json_string(json_member(regexp, "target"));
        } else if (transform) {
            rewrite->kind = REWRITE_TRANSFORM;
            rewrite->template = json_string(json_member(transform, "template"));
        } else {
            read_merge(json_member(element, "merge"), ret->priority[ret->count], rewrite);
        }
        ret->count++;
    }
}

/* As the planner does it: nothing is applied that is not fine. */
static bool rewrite(const struct rewrites *rewrites, struct data_map *map, struct err *err)
{
    return rewrite_check(rewrites->all, rewrites->count, "rewrite", NULL, err) == REWRITE_FINE &&
           rewrite_apply(rewrites->all, rewrites->count, NULL, map, err);
}

START_TEST(agrees_with_go)
{
    CLEANUP(vectors_done)
    struct vectors vectors = vectors_load("externalsecret/vectors/rewrite.json");
    size_t count = 0;
    JSON_FOR_EACH (row, vectors.rows) {
        CLEANUP(data_map_done) struct data_map map = vector_map(row, "data");
        CLEANUP(data_map_done) struct data_map want = vector_map(row, "map");
        struct rewrites rewrites = {0};
        struct err err = {0};
        read_rewrites(json_member(row, "rewrite"), &rewrites);
        bool done = rewrite(&rewrites, &map, &err);
        ck_assert_msg(done == !json_is_true(json_member(row, "error")), "row %zu: %s", count,
                      err.message);
        ck_assert_msg(done || err.kind == ERR_INVALID, "row %zu", count);
        if (done) {
            assert_same_map(&map, &want, count);
        }
        count++;
    }
    ck_assert_uint_ge(count, 140);
}
END_TEST

static void put(struct data_map *map, const char *key, const char *text)
{
    CLEANUP(secret_buf_done) struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, sv_of(text));
    data_map_put(map, sv_of(key), &value);
}

static bool has(const struct data_map *map, const char *key, const char *value)
{
    const struct data_entry *entry = data_map_get(map, sv_of(key));
    return entry && sv_is(secret_buf_view(&entry->value), value);
}

static struct external_secret_rewrite regexp(const char *source, const char *target)
{
    return (struct external_secret_rewrite){
        .kind = REWRITE_REGEXP, .source = sv_of(source), .target = sv_of(target)};
}

static struct external_secret_rewrite transform(const char *template)
{
    return (struct external_secret_rewrite){.kind = REWRITE_TRANSFORM, .template = sv_of(template)};
}

/* The first is fine, so that the index is seen. */
static enum rewrite_verdict check_second(struct external_secret_rewrite second, struct err *err)
{
    second.index = 1;
    const struct external_secret_rewrite both[] = {regexp("a", "b"), second};
    return rewrite_check(both, ARRAY_LEN(both), "spec.rewrite", NULL, err);
}

START_TEST(tells_what_is_broken_and_where)
{
    struct err err = {0};
    ck_assert_int_eq(check_second(regexp("ab(", ""), &err), REWRITE_BROKEN);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, "spec.rewrite[1].regexp.source: ") == err.message, "%s",
                  err.message);
    ck_assert_int_eq(check_second(transform("\n{{ nofunction }}"), &err), REWRITE_BROKEN);
    ck_assert_msg(strstr(err.message, "spec.rewrite[1].transform.template: line 2") == err.message,
                  "%s", err.message);
    const struct external_secret_rewrite merge = {.kind = REWRITE_MERGE, .json = true};
    ck_assert_int_eq(check_second(merge, &err), REWRITE_BROKEN);
    ck_assert_msg(strstr(err.message, "spec.rewrite[1].merge: into ") == err.message, "%s",
                  err.message);
}
END_TEST

START_TEST(leaves_to_the_operator_what_it_has_not)
{
    struct err err = {0};
    ck_assert_int_eq(check_second(transform("{{ mustFromJson .value }}"), &err), REWRITE_FOREIGN);
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, "spec.rewrite[1].transform.template: ") == err.message, "%s",
                  err.message);
}
END_TEST

START_TEST(leaves_to_the_operator_what_is_over_a_ceiling)
{
    CLEANUP(mem_free_ptr) char *long_text = mem_alloc(LIMIT_TEMPLATE_TEXT + 2);
    struct err err = {0};
    memset(long_text, 'a', LIMIT_TEMPLATE_TEXT + 1);
    ck_assert_int_eq(check_second(regexp(long_text, ""), &err), REWRITE_FOREIGN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_int_eq(check_second(transform(long_text), &err), REWRITE_FOREIGN);
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
}
END_TEST

START_TEST(judges_the_first_that_is_not_fine)
{
    struct err err = {0};
    const struct external_secret_rewrite foreign_first[] = {transform("{{ mustFromJson .value }}"),
                                                            regexp("(", "")};
    const struct external_secret_rewrite broken_first[] = {foreign_first[1], foreign_first[0]};
    ck_assert_int_eq(rewrite_check(foreign_first, 2, "", NULL, &err), REWRITE_FOREIGN);
    ck_assert_int_eq(rewrite_check(broken_first, 2, "", NULL, &err), REWRITE_BROKEN);
    ck_assert_int_eq(rewrite_check(NULL, 0, "", NULL, &err), REWRITE_FINE);
}
END_TEST

START_TEST(of_keys_that_become_one_keeps_the_last)
{
    const struct external_secret_rewrite rewrites[] = {regexp("^x|y|z$", "k"),
                                                       transform("{{ .value }}{{ .value }}")};
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    put(&map, "y", "second");
    put(&map, "z", "third");
    put(&map, "x", "first");
    put(&map, "a", "other");
    ck_assert_msg(rewrite_apply(rewrites, ARRAY_LEN(rewrites), NULL, &map, &err), "%s",
                  err.message);
    ck_assert_uint_eq(map.count, 2);
    ck_assert(has(&map, "kk", "third"));
    ck_assert(has(&map, "aa", "other"));
}
END_TEST

START_TEST(tells_the_place_of_a_value_that_does_not_merge)
{
    static const struct {
        const char *value;
        const char *message;
    } cases[] = {
        {"hunter2", "the value is no JSON"},
        {"\"hunter2\"", "the value is JSON but no object"},
        {"{\"hunter2\":1e400}", "the value has a number"},
        {"{\"hunter2\":1}", "a member of the value is in an earlier value too"},
    };
    const struct external_secret_rewrite rewrites[] = {regexp("^_", ""),
                                                       {.kind = REWRITE_MERGE, .index = 1}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        CLEANUP(data_map_done) struct data_map map = {0};
        struct err err = {0};
        put(&map, "_a", "{\"hunter2\":1}");
        put(&map, "_db", cases[i].value);
        ck_assert(!rewrite_apply(rewrites, ARRAY_LEN(rewrites), NULL, &map, &err));
        ck_assert_int_eq(err.kind, ERR_INVALID);
        ck_assert_msg(strstr(err.message, "[1].merge: key 2 of 2 (sorted): ") == err.message, "%s",
                      err.message);
        ck_assert_msg(strstr(err.message, cases[i].message), "%s", err.message);
        ck_assert_ptr_null(strstr(err.message, "hunter2"));
    }
}
END_TEST

START_TEST(names_a_priority_key_that_is_absent)
{
    struct str_view priority[] = {SV("a"), SV("gone")};
    const struct external_secret_rewrite merge = {
        .kind = REWRITE_MERGE, .priority = priority, .priority_count = ARRAY_LEN(priority)};
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    put(&map, "a", "{}");
    ck_assert(!rewrite_apply(&merge, 1, NULL, &map, &err));
    ck_assert_msg(strstr(err.message, "[0].merge: priority[1]: there is no key \"gone\""), "%s",
                  err.message);
}
END_TEST

START_TEST(tells_the_place_of_a_key_on_which_a_template_fails)
{
    const struct external_secret_rewrite rewrite =
        transform("{{ if eq .value \"b\" }}{{ fail \"x\" }}{{ end }}");
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    put(&map, "a", "");
    put(&map, "b", "");
    ck_assert(!rewrite_apply(&rewrite, 1, NULL, &map, &err));
    ck_assert_int_eq(err.kind, ERR_INVALID);
    ck_assert_msg(strstr(err.message, "[0].transform.template: key 2 of 2 (sorted): ") ==
                      err.message,
                  "%s", err.message);
}
END_TEST

static void put_numbered(struct data_map *map, int count)
{
    for (int i = 0; i < count; i++) {
        char key[16];
        (void)snprintf(key, sizeof key, "%05d", i);
        put(map, key, "");
    }
}

START_TEST(makes_a_bounded_number_of_names)
{
    const struct external_secret_rewrite four[] = {regexp("^", "a"), regexp("^", "b"),
                                                   regexp("^", "c"), regexp("^", "d")};
    for (int more = 0; more <= 1; more++) {
        CLEANUP(data_map_done) struct data_map map = {0};
        struct err err = {0};
        put_numbered(&map, LIMIT_FIND_SECRETS + more);
        bool done = rewrite_apply(four, ARRAY_LEN(four), NULL, &map, &err);
        ck_assert_int_eq(done, !more);
        ck_assert(done ? has(&map, "dcba00999", "") : err.kind == ERR_TOO_BIG);
    }
}
END_TEST

START_TEST(makes_names_of_a_bounded_length)
{
    CLEANUP(mem_free_ptr) char *target = mem_alloc(LIMIT_REWRITE_NAME_BYTES + 2);
    memset(target, 'n', LIMIT_REWRITE_NAME_BYTES);
    for (int more = 0; more <= 1; more++) {
        target[LIMIT_REWRITE_NAME_BYTES] = more ? 'n' : '\0';
        const struct external_secret_rewrite rewrite = regexp("^a$", target);
        CLEANUP(data_map_done) struct data_map map = {0};
        struct err err = {0};
        put(&map, "a", "v");
        bool done = rewrite_apply(&rewrite, 1, NULL, &map, &err);
        ck_assert_int_eq(done, !more);
        ck_assert(done ? has(&map, target, "v") : err.kind == ERR_TOO_BIG);
    }
}
END_TEST

/* [[...]] of `depth` lists, as the member of an object. */
static char *nested(int depth)
{
    char *text = mem_alloc((size_t)depth * 2 + 8);
    size_t len = (size_t)depth;
    memcpy(text, "{\"a\":", 5);
    memset(text + 5, '[', len);
    memset(text + 5 + len, ']', len);
    text[5 + 2 * len] = '}';
    return text;
}

START_TEST(merges_to_a_bounded_depth)
{
    const struct external_secret_rewrite merge = {.kind = REWRITE_MERGE};
    for (int more = 0; more <= 1; more++) {
        CLEANUP(mem_free_ptr) char *text = nested(LIMIT_JSON_DEPTH - 1 + more);
        CLEANUP(data_map_done) struct data_map map = {0};
        struct err err = {0};
        put(&map, "k", text);
        ck_assert_int_eq(rewrite_apply(&merge, 1, NULL, &map, &err), !more);
        ck_assert_int_eq(err.kind, more ? ERR_TOO_BIG : ERR_NONE);
        ck_assert_int_eq(data_map_get(&map, SV("k")) != NULL, more);
    }
}
END_TEST

/* One value over and over again costs each time, whether or not it has members. */
START_TEST(a_list_of_priorities_costs_what_it_reads)
{
    enum {
        TIMES = 300,
        SPACES = 65536,
    };
    CLEANUP(mem_free_ptr) char *text = mem_alloc(SPACES + 5);
    CLEANUP(mem_free_ptr) struct str_view *priority = mem_alloc_array(TIMES, sizeof *priority);
    memset(text, ' ', SPACES);
    memcpy(text + SPACES, "null", 5);
    for (size_t i = 0; i < TIMES; i++) {
        priority[i] = SV("k");
    }
    struct external_secret_rewrite merge = {
        .kind = REWRITE_MERGE, .priority = priority, .priority_count = TIMES};
    CLEANUP(data_map_done) struct data_map map = {0};
    struct err err = {0};
    put(&map, "k", text);
    ck_assert(!rewrite_apply(&merge, 1, NULL, &map, &err));
    ck_assert_int_eq(err.kind, ERR_TOO_BIG);
    ck_assert_msg(strstr(err.message, "[0].merge: key 1 of 1 (sorted): the value is too large"),
                  "%s", err.message);
    merge.priority_count = 20;
    ck_assert(rewrite_apply(&merge, 1, NULL, &map, &err));
    ck_assert_uint_eq(map.count, 0);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("rewrite");
    TCase *tcase = tcase_create("rewrite");
    tcase_add_test(tcase, agrees_with_go);
    tcase_add_test(tcase, tells_what_is_broken_and_where);
    tcase_add_test(tcase, leaves_to_the_operator_what_it_has_not);
    tcase_add_test(tcase, leaves_to_the_operator_what_is_over_a_ceiling);
    tcase_add_test(tcase, judges_the_first_that_is_not_fine);
    tcase_add_test(tcase, of_keys_that_become_one_keeps_the_last);
    tcase_add_test(tcase, tells_the_place_of_a_value_that_does_not_merge);
    tcase_add_test(tcase, names_a_priority_key_that_is_absent);
    tcase_add_test(tcase, tells_the_place_of_a_key_on_which_a_template_fails);
    tcase_add_test(tcase, makes_a_bounded_number_of_names);
    tcase_add_test(tcase, makes_names_of_a_bounded_length);
    tcase_add_test(tcase, merges_to_a_bounded_depth);
    tcase_add_test(tcase, a_list_of_priorities_costs_what_it_reads);
    suite_add_tcase(suite, tcase);
    return suite;
}
