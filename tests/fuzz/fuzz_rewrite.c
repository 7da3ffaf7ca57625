/* SPDX-License-Identifier: Apache-2.0 */
/* Values to be merged, in any bytes at all: each line but the first is one, under the keys "a" to
 * "z"; the first holds "i" for conflictPolicy Ignore and, behind it, the priority list. What is
 * merged into one object and then taken apart is what is taken apart at once. */
#include "base/limits.h"
#include "externalsecret/rewrite.h"
#include "fuzz.h"

enum {
    MOST_KEYS = 26,
};

static void put(struct data_map *map, struct str_view key, struct str_view text)
{
    struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, text);
    data_map_put(map, key, &value);
}

static void put_lines(struct data_map *map, struct str_view lines)
{
    static const char keys[MOST_KEYS] = "abcdefghijklmnopqrstuvwxyz";
    struct str_view line = {0};
    for (size_t i = 0; i < MOST_KEYS && sv_split(&lines, '\n', &line); i++) {
        put(map, sv_make(&keys[i], 1), line);
    }
}

static bool merge(const struct external_secret_rewrite *rewrite, struct data_map *map)
{
    struct err err = {0};
    bool done = rewrite_apply(rewrite, 1, NULL, map, &err);
    FUZZ_CHECK(done || err.kind == ERR_INVALID || err.kind == ERR_TOO_BIG);
    return done;
}

static void check_same(const struct data_map *a, const struct data_map *b)
{
    FUZZ_CHECK(a->count == b->count);
    for (size_t i = 0; i < a->count; i++) {
        FUZZ_CHECK(sv_equal(a->entries[i].key, b->entries[i].key));
        FUZZ_CHECK(
            sv_equal(secret_buf_view(&a->entries[i].value), secret_buf_view(&b->entries[i].value)));
    }
}

/* `map` holds what strategy JSON made; the inputs are taken out first. */
static void check_json(struct data_map *map, const struct data_map *extracted)
{
    struct data_map alone = {0};
    struct data_entry *json = data_map_get(map, SV("into"));
    FUZZ_CHECK(json);
    data_map_put(&alone, SV("into"), &json->value);
    const struct external_secret_rewrite extract = {.kind = REWRITE_MERGE};
    FUZZ_CHECK(merge(&extract, &alone));
    check_same(&alone, extracted);
    data_map_done(&alone);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str_view lines = sv_make((const char *)data, size);
    struct str_view first = {0};
    struct str_view priority[MOST_KEYS];
    struct data_map extracted = {0};
    struct data_map inserted = {0};
    struct external_secret_rewrite rewrite = {.kind = REWRITE_MERGE, .priority = priority};
    (void)sv_split(&lines, '\n', &first);
    rewrite.conflict_ignored = sv_starts_with(first, SV("i"));
    for (size_t i = 1; i < first.len && i <= MOST_KEYS; i++) {
        priority[rewrite.priority_count++] = sv_first(sv_from(first, i), 1);
    }
    put_lines(&extracted, lines);
    put_lines(&inserted, lines);
    bool done = merge(&rewrite, &extracted);
    rewrite.json = true;
    rewrite.into = SV("into");
    FUZZ_CHECK(merge(&rewrite, &inserted) == done);
    if (done) {
        check_json(&inserted, &extracted);
    }
    data_map_done(&extracted);
    data_map_done(&inserted);
    return 0;
}
