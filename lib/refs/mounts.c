/* SPDX-License-Identifier: Apache-2.0 */
/* Sorted once and searched by halves, because volumes, items and mounts of a crafted Pod are each
 * many and must not be compared pair by pair. */
#include "refs/mounts.h"

#include "base/limits.h"

/* NULL, which has no elements, for anything that is no array. */
static const struct json *array_member(const struct json *object, const char *name)
{
    const struct json *member = json_member(object, name);
    return json_is(member, JSON_ARRAY) ? member : NULL;
}

static size_t count_mounts(const struct json *containers)
{
    size_t count = 0;
    JSON_FOR_EACH (container, containers) {
        const struct json *list = array_member(container, "volumeMounts");
        count += list ? list->len : 0;
    }
    return count;
}

static void add_mounts(struct mounts *mounts, const struct json *containers)
{
    JSON_FOR_EACH (container, containers) {
        JSON_FOR_EACH (mount, array_member(container, "volumeMounts")) {
            mounts->items[mounts->count++] = (struct mount){
                .volume = json_string(json_member(mount, "name")),
                .sub_path = json_string(json_member(mount, "subPath")),
                .by_expression = json_string(json_member(mount, "subPathExpr")).len > 0,
            };
        }
    }
}

static int compare(const void *left, const void *right)
{
    const struct mount *a = left;
    const struct mount *b = right;
    int order = sv_compare(a->volume, b->volume);
    return order ? order : sv_compare(a->sub_path, b->sub_path);
}

bool mounts_collect(const struct json *pod_spec, struct mounts *ret, struct err *err)
{
    const struct json *init = array_member(pod_spec, "initContainers");
    const struct json *containers = array_member(pod_spec, "containers");
    size_t count = count_mounts(init) + count_mounts(containers);
    if (count > LIMIT_POD_REFS) {
        return err_set(err, ERR_TOO_BIG, "the Pod has %zu volume mounts, limit %d", count,
                       LIMIT_POD_REFS);
    }
    *ret = (struct mounts){.items = mem_alloc_array(count, sizeof(struct mount))};
    add_mounts(ret, init);
    add_mounts(ret, containers);
    if (ret->count > 1) {
        qsort(ret->items, ret->count, sizeof *ret->items, compare);
    }
    return true;
}

void mounts_done(struct mounts *mounts)
{
    free(mounts->items);
    *mounts = (struct mounts){0};
}

/* Index of the first mount that is not before `wanted`. */
static size_t lower_bound(const struct mounts *mounts, const struct mount *wanted)
{
    size_t low = 0;
    size_t high = mounts->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare(&mounts->items[middle], wanted) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct mounts mounts_of(const struct mounts *all, struct str_view volume)
{
    size_t first = lower_bound(all, &(struct mount){.volume = volume});
    size_t end = first;
    while (end < all->count && sv_equal(all->items[end].volume, volume)) {
        end++;
    }
    return (struct mounts){.items = all->items + first, .count = end - first};
}

bool mounts_resolve(const struct mounts *of_volume, struct str_view sub_path)
{
    if (of_volume->count == 0) {
        return false;
    }
    const struct mount wanted = {.volume = of_volume->items[0].volume, .sub_path = sub_path};
    bool found = false;
    for (size_t i = lower_bound(of_volume, &wanted);
         i < of_volume->count && sv_equal(of_volume->items[i].sub_path, sub_path); i++) {
        of_volume->items[i].resolved = true;
        found = true;
    }
    return found;
}
