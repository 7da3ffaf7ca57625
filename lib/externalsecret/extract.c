/* SPDX-License-Identifier: Apache-2.0 */
/* The members are sorted before they go into the map, which takes one at its end at once and moves
 * everything for one in front: thousands of keys in the wrong order would cost their square. */
#include "externalsecret/extract.h"

#include "base/limits.h"
#include "externalsecret/json_text.h"

struct member {
    struct str_view key;   /* escaped */
    struct str_view value; /* its text */
    size_t name_start;     /* the key unescaped, in `names` */
    struct str_view name;
};

struct members {
    struct member *all;
    size_t count;
    size_t capacity;
    struct secret_buf names;
};

static void members_done(struct members *members)
{
    free(members->all);
    secret_buf_done(&members->names);
}

static struct member *add_member(struct members *members)
{
    if (members->count == members->capacity) {
        members->capacity = members->capacity ? members->capacity * 2 : 16;
        members->all = mem_resize_array(members->all, members->capacity, sizeof *members->all);
    }
    struct member *member = &members->all[members->count++];
    *member = (struct member){0};
    return member;
}

static bool collect(struct str_view object, struct members *ret, struct err *err)
{
    struct json_text_walk walk = json_text_walk(object);
    struct str_view key;
    struct str_view value;
    secret_buf_init(&ret->names, 3 * object.len);
    while (json_text_next(&walk, &key, &value)) {
        if (ret->count == LIMIT_EXTRACT_KEYS) {
            return err_set(err, ERR_TOO_BIG, "the value has more than %d keys", LIMIT_EXTRACT_KEYS);
        }
        struct member *member = add_member(ret);
        member->key = key;
        member->value = value;
        member->name_start = ret->names.bytes.len;
        json_text_unescape(key, &ret->names.bytes);
        member->name.len = ret->names.bytes.len - member->name_start;
    }
    for (size_t i = 0; i < ret->count; i++) {
        ret->all[i].name.data = ret->names.bytes.data + ret->all[i].name_start;
    }
    return true;
}

/* Equal names stay in the order of the text. */
static int compare_members(const void *left, const void *right)
{
    const struct member *a = left;
    const struct member *b = right;
    int order = sv_compare(a->name, b->name);
    return order ? order : (a->value.data > b->value.data) - (a->value.data < b->value.data);
}

static void read_value(struct str_view text, struct secret_buf *ret)
{
    secret_buf_init(ret, 3 * text.len);
    if (text.data[0] == '"') {
        json_text_unescape(sv_make(text.data + 1, text.len - 2), &ret->bytes);
    } else if (!sv_is(text, "null")) {
        secret_buf_add(ret, text);
    }
}

static void put_last_of_each(const struct members *members, struct data_map *ret)
{
    for (size_t i = 0; i < members->count; i++) {
        const struct member *member = &members->all[i];
        if (i + 1 < members->count && sv_equal(member->name, member[1].name)) {
            continue;
        }
        CLEANUP(secret_buf_done) struct secret_buf value = {0};
        read_value(member->value, &value);
        data_map_put(ret, member->name, &value);
    }
}

bool extract_object(struct str_view payload, struct data_map *ret, struct err *err)
{
    size_t offset = 0;
    if (!json_text_is_valid(payload, JSON_TEXT_DEPTH, &offset)) {
        return err_set(err, ERR_INVALID,
                       "the value is no JSON, which extract takes apart (byte %zu)", offset);
    }
    struct str_view text = json_text_trim(payload);
    if (sv_is(text, "null")) {
        return true;
    }
    if (text.data[0] != '{') {
        return err_set(err, ERR_INVALID,
                       "the value is JSON but no object, which extract takes apart");
    }
    CLEANUP(members_done) struct members members = {0};
    if (!collect(text, &members, err)) {
        return false;
    }
    if (members.count > 1) {
        qsort(members.all, members.count, sizeof *members.all, compare_members);
    }
    put_last_of_each(&members, ret);
    return true;
}
