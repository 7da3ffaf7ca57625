/* SPDX-License-Identifier: Apache-2.0 */
/* A remote secret that is taken apart, in any bytes at all. Whatever base/json takes for an object
 * is taken here too, with the same keys; and what is taken keeps its bytes. */
#include "base/json.h"
#include "base/limits.h"
#include "externalsecret/extract.h"
#include "fuzz.h"

static void compare(struct str_view payload, bool taken, const struct data_map *map)
{
    char *text = mem_dup(payload.data, payload.len);
    struct json_doc doc = {0};
    const struct json *root = NULL;
    struct err ignored = {0};
    const struct json_limits limits = {.max_nodes = 10000, .max_depth = LIMIT_JSON_DEPTH};
    if (json_parse(&doc, text, payload.len, &limits, &root, &ignored)) {
        FUZZ_CHECK(taken == (json_is(root, JSON_OBJECT) || json_is(root, JSON_NULL)));
        size_t count = 0;
        JSON_FOR_EACH (member, root) {
            count++;
            if (!taken) {
                continue;
            }
            const struct data_entry *entry = data_map_get(map, json_key(member));
            FUZZ_CHECK(entry);
            FUZZ_CHECK(!json_is(member, JSON_STRING) ||
                       sv_equal(secret_buf_view(&entry->value), json_string(member)));
        }
        FUZZ_CHECK(!taken || count == map->count);
    }
    json_doc_done(&doc);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str_view payload = sv_make((const char *)data, size);
    struct data_map map = {0};
    struct err err = {0};
    bool taken = extract_object(payload, &map, &err);
    FUZZ_CHECK(taken || err.kind == ERR_INVALID || err.kind == ERR_TOO_BIG);
    FUZZ_CHECK(taken || map.count == 0);
    if (size) {
        compare(payload, taken, &map);
    }
    data_map_done(&map);
    return 0;
}
