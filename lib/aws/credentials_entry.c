/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_entry.h"

void credentials_entries_init(struct credentials_entries *entries)
{
    *entries = (struct credentials_entries){0};
    table_init_borrowing(&entries->table, NULL);
}

void credentials_entries_done(struct credentials_entries *entries)
{
    while (entries->oldest) {
        credentials_entry_free(credentials_entries_drop(entries, &entries->oldest->key));
    }
    table_done(&entries->table);
}

static void unlink_entry(struct credentials_entries *entries, struct credentials_entry *entry)
{
    *(entry->newer ? &entry->newer->older : &entries->newest) = entry->older;
    *(entry->older ? &entry->older->newer : &entries->oldest) = entry->newer;
    entry->newer = NULL;
    entry->older = NULL;
}

static void link_newest(struct credentials_entries *entries, struct credentials_entry *entry)
{
    entry->older = entries->newest;
    *(entries->newest ? &entries->newest->newer : &entries->oldest) = entry;
    entries->newest = entry;
}

static struct credentials_entry *make_entry(struct credentials_entries *entries,
                                            const struct identity_key *key,
                                            struct credentials_provider *provider)
{
    struct credentials_entry *entry = mem_alloc(sizeof *entry);
    entry->key = *key;
    entry->references = 1;
    entry->provider = credentials_provider_retain(provider);
    table_put(&entries->table, identity_view(&entry->key), entry);
    return entry;
}

struct credentials_entry *credentials_entries_use(struct credentials_entries *entries,
                                                  const struct identity_key *key,
                                                  struct credentials_provider *provider, size_t max,
                                                  struct credentials_entry **ret_dropped)
{
    struct credentials_entry *entry = table_get(&entries->table, identity_view(key));
    *ret_dropped = NULL;
    if (entry) {
        unlink_entry(entries, entry);
    } else {
        if (entries->table.count >= max) {
            *ret_dropped = credentials_entries_drop(entries, &entries->oldest->key);
        }
        entry = make_entry(entries, key, provider);
    }
    link_newest(entries, entry);
    entry->references++;
    return entry;
}

struct credentials_entry *credentials_entries_drop(struct credentials_entries *entries,
                                                   const struct identity_key *key)
{
    struct credentials_entry *entry = table_take(&entries->table, identity_view(key));
    if (!entry) {
        return NULL;
    }
    unlink_entry(entries, entry);
    return credentials_entry_leave(entry);
}

struct credentials_entry *credentials_entry_leave(struct credentials_entry *entry)
{
    return --entry->references == 0 ? entry : NULL;
}

void credentials_entry_free(struct credentials_entry *entry)
{
    if (entry) {
        credentials_release(entry->state.current);
        credentials_provider_release(entry->provider);
        free(entry);
    }
}
