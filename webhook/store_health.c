/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/store_health.h"

#include "objects/object_key.h"
#include "webhook/thread.h"

enum {
    /* Beyond it those go that may be asked by now. */
    STORES_REMEMBERED = 1000,
};

void store_health_init(struct store_health *health)
{
    mutex_init(&health->mutex);
    table_init(&health->probes, free);
}

void store_health_done(struct store_health *health)
{
    table_done(&health->probes);
    pthread_mutex_destroy(&health->mutex);
}

bool store_health_may_ask(struct store_health *health, const struct store *store, int64_t now_ms,
                          struct err *err)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, store->namespace, store->name);
    pthread_mutex_lock(&health->mutex);
    int64_t *next_probe = table_get(&health->probes, buf_view(&key));
    int64_t left = next_probe ? *next_probe - now_ms : 0;
    if (next_probe && left <= 0) {
        *next_probe = now_ms + STORE_PROBE_MS;
    }
    pthread_mutex_unlock(&health->mutex);
    if (left > 0) {
        return err_set(err, ERR_BUSY, "store %.*s did not answer; it is asked again in %lld s",
                       SV_ARG(store->name), (long long)(left + 999) / 1000);
    }
    return true;
}

bool store_health_is_silent(struct store_health *health, const struct store *store)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, store->namespace, store->name);
    pthread_mutex_lock(&health->mutex);
    bool silent = table_get(&health->probes, buf_view(&key)) != NULL;
    pthread_mutex_unlock(&health->mutex);
    return silent;
}

/* Holds the mutex. A store that was deleted while it was silent is never asked again. */
static void make_room(struct store_health *health, int64_t now_ms)
{
    size_t position = 0;
    struct str_view key;
    void *value = NULL;
    if (health->probes.count < STORES_REMEMBERED) {
        return;
    }
    struct table kept;
    table_init(&kept, free);
    while (table_next(&health->probes, &position, &key, &value)) {
        int64_t next_probe = *(const int64_t *)value;
        if (next_probe > now_ms) {
            table_put(&kept, key, mem_dup(&next_probe, sizeof next_probe));
        }
    }
    table_done(&health->probes);
    health->probes = kept;
}

/* Holds the mutex. */
static void give_back(struct store_health *health, struct str_view key, int64_t allowed_ms)
{
    int64_t *next_probe = table_get(&health->probes, key);
    /* Otherwise it has timed out meanwhile. */
    if (next_probe && *next_probe == allowed_ms + STORE_PROBE_MS) {
        *next_probe = allowed_ms;
    }
}

/* Holds the mutex. */
static void fall_silent(struct store_health *health, struct str_view key, int64_t now_ms)
{
    int64_t next_probe = now_ms + STORE_PROBE_MS;
    make_room(health, now_ms);
    table_put(&health->probes, key, mem_dup(&next_probe, sizeof next_probe));
}

void store_health_note(struct store_health *health, const struct store *store, int64_t now_ms,
                       const struct store_outcome *outcome)
{
    CLEANUP(buf_done) struct buf key;
    object_key_write(&key, store->namespace, store->name);
    pthread_mutex_lock(&health->mutex);
    if (outcome->contact == REMOTE_ANSWERED) {
        (void)table_erase(&health->probes, buf_view(&key));
    } else if (outcome->in_vain) {
        fall_silent(health, buf_view(&key), now_ms);
    } else if (outcome->contact == REMOTE_NOT_ASKED) {
        give_back(health, buf_view(&key), outcome->allowed_ms);
    }
    pthread_mutex_unlock(&health->mutex);
}
