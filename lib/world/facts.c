/* SPDX-License-Identifier: Apache-2.0 */
#include "world/facts.h"

#include "refs/names.h"

enum {
    FEW_FACTS = 8,
};

void facts_init(struct facts *facts, struct str_view namespace)
{
    *facts = (struct facts){.namespace = sv_dup(namespace)};
}

void facts_done(struct facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->items[i].name);
        secret_release(facts->items[i].secret);
    }
    free(facts->items);
    free(facts->namespace);
    *facts = (struct facts){0};
}

static struct str_view name_of(const struct fact *fact)
{
    return sv_make(fact->name, fact->name_len);
}

static int compare_views(const void *a, const void *b)
{
    const struct str_view *left = a;
    const struct str_view *right = b;
    return sv_compare(*left, *right);
}

static int compare_facts(const void *a, const void *b)
{
    const struct fact *left = a;
    const struct fact *right = b;
    return sv_compare(name_of(left), name_of(right));
}

/* Sorted and distinct; returns how many. */
static size_t valid_names(const struct secret_ref_list *refs, struct str_view *names)
{
    size_t count = 0;
    for (size_t i = 0; i < refs->count; i++) {
        if (name_is_dns_subdomain(refs->items[i].secret)) {
            names[count++] = refs->items[i].secret;
        }
    }
    qsort(names, count, sizeof *names, compare_views);
    size_t distinct = 0;
    for (size_t i = 0; i < count; i++) {
        if (distinct == 0 || !sv_equal(names[i], names[distinct - 1])) {
            names[distinct++] = names[i];
        }
    }
    return distinct;
}

void facts_add_names(struct facts *facts, const struct secret_ref_list *refs)
{
    CLEANUP(mem_free_ptr) struct str_view *names = mem_alloc_array(refs->count, sizeof *names);
    size_t known = facts->count;
    size_t count = valid_names(refs, names);
    struct fact *items = mem_resize_array(facts->items, known + count, sizeof *items);
    facts->items = items;
    size_t total = known;
    for (size_t i = 0; i < count; i++) {
        /* Only the old ones are looked through: they are still the sorted front of the array. */
        if (!facts_find(facts, names[i])) {
            items[total++] = (struct fact){.name = sv_dup(names[i]), .name_len = names[i].len};
        }
    }
    facts->count = total;
    if (known > 0) {
        qsort(items, total, sizeof *items, compare_facts);
    }
}

struct fact *facts_find(const struct facts *facts, struct str_view name)
{
    size_t low = 0;
    size_t high = facts->count;
    /* Of a few, equal length alone tells nearly always. */
    for (size_t i = 0; high <= FEW_FACTS && i < high; i++) {
        if (sv_equal(name, name_of(&facts->items[i]))) {
            return &facts->items[i];
        }
    }
    if (high <= FEW_FACTS) {
        return NULL;
    }
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = sv_compare(name, name_of(&facts->items[middle]));
        if (order == 0) {
            return &facts->items[middle];
        }
        if (order < 0) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return NULL;
}

void facts_set(struct facts *facts, struct str_view name, enum presence presence,
               struct secret *secret)
{
    struct fact *fact = facts_find(facts, name);
    if (!fact) {
        return;
    }
    struct secret *old = fact->secret;
    fact->presence = presence;
    fact->secret = presence == PRESENCE_PRESENT ? secret_retain(secret) : NULL;
    secret_release(old);
}

enum presence facts_presence(const struct facts *facts, const struct secret_ref *ref)
{
    const struct fact *fact = facts_find(facts, ref->secret);
    if (!fact) {
        return name_is_dns_subdomain(ref->secret) ? PRESENCE_UNKNOWN : PRESENCE_ABSENT;
    }
    if (fact->presence != PRESENCE_PRESENT || !ref->key.data) {
        return fact->presence;
    }
    return secret_find_key(fact->secret, ref->key) ? PRESENCE_PRESENT : PRESENCE_ABSENT;
}
