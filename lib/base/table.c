/* SPDX-License-Identifier: Apache-2.0 */
/* Open addressing with robin-hood displacement and backward-shift deletion: one array, no
 * tombstones, short probes at a load of 7/8. */
#include "base/table.h"

#include <stdlib.h>
#include <sys/random.h>

enum {
    FIRST_CAPACITY = 16,
};

static uint64_t rotate(uint64_t word, int bits)
{
    return word << bits | word >> (64 - bits);
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* SipHash (Aumasson, Bernstein 2012) with one compression and three finalisation rounds. */
static uint64_t hash_key(const struct table *table, struct str_view key)
{
    uint64_t v[4] = {
        UINT64_C(0x736f6d6570736575) ^ table->seed[0],
        UINT64_C(0x646f72616e646f6d) ^ table->seed[1],
        UINT64_C(0x6c7967656e657261) ^ table->seed[0],
        UINT64_C(0x7465646279746573) ^ table->seed[1],
    };
    size_t at = 0;
    for (; key.len - at >= 8; at += 8) {
        uint64_t word = 0;
        memcpy(&word, key.data + at, sizeof word);
        v[3] ^= word;
        sip_round(v);
        v[0] ^= word;
    }
    uint64_t last = (uint64_t)key.len << 56;
    for (size_t i = 0; at + i < key.len; i++) {
        last |= (uint64_t)(unsigned char)key.data[at + i] << (8 * i);
    }
    v[3] ^= last;
    sip_round(v);
    v[0] ^= last;
    v[2] ^= 0xff;
    sip_round(v);
    sip_round(v);
    sip_round(v);
    return v[0] ^ v[1] ^ v[2] ^ v[3];
}

void table_init(struct table *table, void (*release)(void *value))
{
    *table = (struct table){.release = release};
    if (getrandom(table->seed, sizeof table->seed, 0) != (ssize_t)sizeof table->seed) {
        abort();
    }
}

void table_init_borrowing(struct table *table, void (*release)(void *value))
{
    table_init(table, release);
    table->borrows_keys = true;
}

static void free_key(const struct table *table, struct table_entry *entry)
{
    if (!table->borrows_keys) {
        free((char *)entry->key);
    }
}

void table_done(struct table *table)
{
    for (size_t i = 0; i < table->capacity; i++) {
        struct table_entry *entry = &table->entries[i];
        if (entry->key) {
            free_key(table, entry);
            if (table->release) {
                table->release(entry->value);
            }
        }
    }
    free(table->entries);
    *table = (struct table){0};
}

static struct table_entry *find(const struct table *table, struct str_view key)
{
    if (table->count == 0) {
        return NULL;
    }
    size_t mask = table->capacity - 1;
    size_t slot = (size_t)hash_key(table, key) & mask;
    for (uint32_t distance = 0;; distance++, slot = (slot + 1) & mask) {
        struct table_entry *entry = &table->entries[slot];
        if (!entry->key || entry->distance < distance) {
            return NULL;
        }
        if (sv_equal(sv_make(entry->key, entry->key_len), key)) {
            return entry;
        }
    }
}

/* There is a free slot, and the key is not there yet. */
static void insert(struct table *table, struct table_entry entry)
{
    size_t mask = table->capacity - 1;
    size_t slot = (size_t)hash_key(table, sv_make(entry.key, entry.key_len)) & mask;
    for (entry.distance = 0;; entry.distance++, slot = (slot + 1) & mask) {
        struct table_entry *here = &table->entries[slot];
        if (!here->key) {
            *here = entry;
            table->count++;
            return;
        }
        if (here->distance < entry.distance) {
            struct table_entry displaced = *here;
            *here = entry;
            entry = displaced;
        }
    }
}

static void grow(struct table *table)
{
    struct table_entry *old = table->entries;
    size_t old_capacity = table->capacity;
    table->capacity = old_capacity ? old_capacity * 2 : FIRST_CAPACITY;
    table->entries = mem_alloc_array(table->capacity, sizeof *table->entries);
    table->count = 0;
    for (size_t i = 0; i < old_capacity; i++) {
        if (old[i].key) {
            insert(table, old[i]);
        }
    }
    free(old);
}

void *table_get(const struct table *table, struct str_view key)
{
    const struct table_entry *entry = find(table, key);
    return entry ? entry->value : NULL;
}

void *table_swap(struct table *table, struct str_view key, void *value)
{
    struct table_entry *entry = find(table, key);
    if (entry) {
        void *old = entry->value;
        entry->value = value;
        if (table->borrows_keys) {
            entry->key = key.data;
        }
        return old;
    }
    if (table->count + 1 > table->capacity / 8 * 7) {
        grow(table);
    }
    insert(table, (struct table_entry){
                      .key = table->borrows_keys ? key.data : mem_dup(key.data, key.len),
                      .key_len = (uint32_t)key.len,
                      .value = value,
                  });
    return NULL;
}

void table_put(struct table *table, struct str_view key, void *value)
{
    void *old = table_swap(table, key, value);
    if (old && old != value && table->release) {
        table->release(old);
    }
}

void *table_take(struct table *table, struct str_view key)
{
    struct table_entry *entry = find(table, key);
    if (!entry) {
        return NULL;
    }
    void *value = entry->value;
    free_key(table, entry);
    size_t mask = table->capacity - 1;
    size_t slot = (size_t)(entry - table->entries);
    for (;;) {
        size_t next = (slot + 1) & mask;
        if (!table->entries[next].key || table->entries[next].distance == 0) {
            break;
        }
        table->entries[slot] = table->entries[next];
        table->entries[slot].distance--;
        slot = next;
    }
    table->entries[slot] = (struct table_entry){0};
    table->count--;
    return value;
}

bool table_erase(struct table *table, struct str_view key)
{
    void *value = table_take(table, key);
    if (value && table->release) {
        table->release(value);
    }
    return value != NULL;
}

bool table_next(const struct table *table, size_t *position, struct str_view *key, void **value)
{
    while (*position < table->capacity) {
        const struct table_entry *entry = &table->entries[(*position)++];
        if (entry->key) {
            *key = sv_make(entry->key, entry->key_len);
            *value = entry->value;
            return true;
        }
    }
    return false;
}
