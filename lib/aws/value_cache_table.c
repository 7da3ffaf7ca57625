/* SPDX-License-Identifier: Apache-2.0 */
/* Values and refusals lie in tables of their own, by the same keys: a refusal that says nothing
 * about the value (a wrong request) stands before it for a while and then leaves it as it was.
 *
 * To expire walks over everything, which takes half a millisecond for 10,000 entries (measured), to
 * drop an identity likewise: both are rare, and an index by name would have to be kept at every
 * put. */
#include "aws/value_cache_table.h"

enum {
    PERCENT = 100,
    REFUSALS_PERCENT = 10, /* aws.md §7.2 */
};

/* At least 1, so that there is always something to give up. */
static size_t percent_of(size_t whole, unsigned percent)
{
    size_t part = whole / PERCENT * percent + whole % PERCENT * percent / PERCENT;
    return part ? part : 1;
}

static void release_entry(void *entry)
{
    value_cache_entry_release(entry);
}

void value_cache_table_init(struct value_cache_table *table,
                            const struct value_cache_options *options)
{
    unsigned share = options->namespace_share;
    struct value_cache_bounds bounds = {
        .entries = options->max_entries,
        .refusals = percent_of(options->max_entries, REFUSALS_PERCENT),
        .bytes = options->max_bytes,
    };
    *table = (struct value_cache_table){
        .hard_ms = options->hard_ms,
        .bounds = bounds,
        .namespace_bounds =
            {
                .entries = percent_of(bounds.entries, share),
                .refusals = percent_of(bounds.refusals, share),
                .bytes = percent_of(bounds.bytes, share),
            },
    };
    table_init_borrowing(&table->values, release_entry);
    table_init_borrowing(&table->refusals, release_entry);
    table_init_borrowing(&table->aliases, NULL);
    table_init(&table->namespaces, value_cache_share_free);
}

void value_cache_table_done(struct value_cache_table *table)
{
    table_done(&table->aliases);
    table_done(&table->values);
    table_done(&table->refusals);
    table_done(&table->namespaces);
    *table = (struct value_cache_table){0};
}

static struct table *table_of(struct value_cache_table *table,
                              const struct value_cache_entry *entry)
{
    return entry->refusal ? &table->refusals : &table->values;
}

void value_cache_table_discard(struct value_cache_table *table, struct value_cache_entry *entry)
{
    struct value_cache_share *share = entry->share;
    value_cache_share_remove(&table->all, &entry->in_all, entry);
    value_cache_share_remove(share, &entry->in_share, entry);
    entry->share = NULL;
    if (share->entries.count == 0) {
        table_erase(&table->namespaces, sv_of(share->namespace));
    }
    /* A later name that was answered with the same ARN has taken the alias over. */
    if (entry->alias && table_get(&table->aliases, value_cache_entry_alias(entry)) == entry) {
        table_erase(&table->aliases, value_cache_entry_alias(entry));
    }
    table_erase(table_of(table, entry), value_cache_entry_key(entry));
}

static void discard_key(struct value_cache_table *table, const struct table *in,
                        struct str_view key)
{
    struct value_cache_entry *entry = table_get(in, key);
    if (entry) {
        value_cache_table_discard(table, entry);
    }
}

void value_cache_table_purge(struct value_cache_table *table, struct str_view key)
{
    discard_key(table, &table->values, key);
    discard_key(table, &table->aliases, key);
}

/* Who has to go for `coming`. A namespace over its share gives up what is its own. Below its share
 * it may still come when the cache is full, and then what was used least recently goes, whoever's
 * it is. */
static struct value_cache_entry *find_surplus(const struct value_cache_table *table,
                                              struct str_view namespace,
                                              const struct value_cache_entry *coming)
{
    struct value_cache_entry *own = NULL;
    const struct value_cache_share *share = table_get(&table->namespaces, namespace);
    if (share) {
        own = value_cache_share_surplus(share, &table->namespace_bounds, coming);
    }
    return own ? own : value_cache_share_surplus(&table->all, &table->bounds, coming);
}

static void make_room(struct value_cache_table *table, struct str_view namespace,
                      const struct value_cache_entry *coming)
{
    struct value_cache_entry *surplus = find_surplus(table, namespace, coming);
    while (surplus) {
        value_cache_table_discard(table, surplus);
        table->evictions++;
        surplus = find_surplus(table, namespace, coming);
    }
}

static struct value_cache_share *share_of(struct value_cache_table *table,
                                          struct str_view namespace)
{
    struct value_cache_share *share = table_get(&table->namespaces, namespace);
    if (!share) {
        share = value_cache_share_new(namespace);
        table_put(&table->namespaces, namespace, share);
    }
    return share;
}

static void add(struct value_cache_table *table, struct str_view namespace,
                struct value_cache_entry *entry)
{
    entry->share = share_of(table, namespace);
    value_cache_share_add(&table->all, &entry->in_all, entry);
    value_cache_share_add(entry->share, &entry->in_share, entry);
    table_put(table_of(table, entry), value_cache_entry_key(entry), entry);
    if (entry->alias) {
        table_put(&table->aliases, value_cache_entry_alias(entry), entry);
    }
}

static bool has_younger(const struct table *in, struct str_view key, int64_t asked_ms)
{
    const struct value_cache_entry *entry = table_get(in, key);
    return entry && entry->since_ms > asked_ms;
}

bool value_cache_table_has_younger(const struct value_cache_table *table, struct str_view key,
                                   int64_t asked_ms)
{
    return has_younger(&table->values, key, asked_ms) ||
           has_younger(&table->refusals, key, asked_ms);
}

void value_cache_table_keep(struct value_cache_table *table, struct str_view namespace,
                            struct value_cache_entry *entry)
{
    discard_key(table, &table->refusals, value_cache_entry_key(entry));
    if (!entry->refusal) {
        discard_key(table, &table->values, value_cache_entry_key(entry));
    }
    if (entry->bytes > table->namespace_bounds.bytes) {
        value_cache_entry_release(entry);
        return;
    }
    make_room(table, namespace, entry);
    add(table, namespace, entry);
}

/* NULL: nothing there that is younger than the hard time. */
static struct value_cache_entry *look_in(struct value_cache_table *table, const struct table *in,
                                         struct str_view key, int64_t now_ms)
{
    struct value_cache_entry *entry = table_get(in, key);
    if (entry && now_ms - entry->since_ms >= table->hard_ms) {
        value_cache_table_discard(table, entry);
        return NULL;
    }
    return entry;
}

struct value_cache_entry *value_cache_table_find(struct value_cache_table *table,
                                                 struct str_view key, int64_t now_ms)
{
    struct value_cache_entry *own = look_in(table, &table->values, key, now_ms);
    struct value_cache_entry *other = look_in(table, &table->aliases, key, now_ms);
    return !own || (other && other->since_ms > own->since_ms) ? other : own;
}

struct value_cache_entry *value_cache_table_find_refusal(struct value_cache_table *table,
                                                         struct str_view key, int64_t now_ms)
{
    struct value_cache_entry *entry = table_get(&table->refusals, key);
    if (entry && entry->refusal->until_ms <= now_ms) {
        value_cache_table_discard(table, entry);
        return NULL;
    }
    return entry;
}

void value_cache_table_touch(struct value_cache_table *table, struct value_cache_entry *entry)
{
    value_cache_share_touch(&table->all, &entry->in_all);
    value_cache_share_touch(entry->share, &entry->in_share);
}

size_t value_cache_table_expire(struct value_cache_table *table, enum endpoint_service service,
                                struct str_view name, struct str_view arn)
{
    size_t count = 0;
    for (struct list_node *node = table->all.entries.first, *next = NULL; node; node = next) {
        struct value_cache_entry *entry = node->item;
        next = node->next;
        if (!value_cache_entry_is_of(entry, service, name, arn)) {
            continue;
        }
        count++;
        entry->expired = true;
        /* It never stands in for anything. */
        if (entry->refusal) {
            value_cache_table_discard(table, entry);
        }
    }
    return count;
}

bool value_cache_table_drop_identity(struct value_cache_table *table,
                                     const struct identity_key *identity)
{
    bool dropped = false;
    for (struct list_node *node = table->all.entries.first, *next = NULL; node; node = next) {
        struct value_cache_entry *entry = node->item;
        next = node->next;
        if (value_cache_entry_has_identity(entry, identity)) {
            value_cache_table_discard(table, entry);
            dropped = true;
        }
    }
    return dropped;
}
