/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of the value cache: under which key, and a sealed value or a refusal. Constant once
 * made and counted, so that a value is opened while others change the cache; what the cache keeps
 * about it is the cache's, under its lock. */
#ifndef AWS_VALUE_CACHE_ENTRY_H
#define AWS_VALUE_CACHE_ENTRY_H

#include <stdatomic.h>

#include "aws/sealed_value.h"
#include "aws/value_cache.h"
#include "base/list.h"

enum {
    /* Identity, region, a SecretId of 2048 and a VersionStage of 256 bytes leave a third unused. */
    VALUE_CACHE_KEY_BYTES = 4096,
};

struct value_cache_share;

/* Where an entry stands among all of a share, and among the refusals. */
struct value_cache_place {
    struct list_node entry;
    struct list_node refusal;
};

/* What was answered instead of a value, and until when that is remembered. */
struct value_cache_refusal {
    struct service_error error;
    struct err err;
    int64_t until_ms; /* monotonic */
};

struct value_cache_entry {
    _Atomic unsigned users;
    char *key; /* composed; starts with the identity */
    size_t key_len;
    char *alias; /* the same with the ARN in place of the name; NULL: none */
    size_t alias_len;
    enum endpoint_service service;
    struct str_view asked; /* the key as it was asked for, in `key` */
    struct str_view name;  /* as resolved, in `value`; empty: not told */
    struct str_view arn;
    int64_t since_ms; /* monotonic */
    size_t bytes;
    struct sealed_value value;
    struct value_cache_refusal *refusal; /* NULL: there is a value */

    /* Under the cache's lock: */
    struct value_cache_share *share; /* its namespace's; NULL: not in the cache (any more) */
    struct value_cache_place in_all;
    struct value_cache_place in_share;
    bool expired; /* told to be out of date: no hit, but may stand in */
};

/* A key as bytes, no two alike. `ret` is initialised here. False: longer than any that exists. */
MUST_CHECK bool value_cache_key_compose(const struct value_cache_key *key, struct buf *ret);

/* Copies everything; held once. `composed` is what value_cache_key_compose() made of `key`. */
struct value_cache_entry *value_cache_entry_new(struct aead *aead,
                                                const struct value_cache_key *key,
                                                struct str_view composed,
                                                const struct remote_value *value, int64_t now_ms);
struct value_cache_entry *value_cache_entry_new_refusal(const struct value_cache_key *key,
                                                        struct str_view composed,
                                                        const struct value_cache_refusal *refusal,
                                                        int64_t now_ms);
struct value_cache_entry *value_cache_entry_retain(struct value_cache_entry *entry);
/* Accepts NULL. */
void value_cache_entry_release(struct value_cache_entry *entry);
/* For CLEANUP. */
void value_cache_entry_release_ptr(struct value_cache_entry **entry);

static inline struct str_view value_cache_entry_key(const struct value_cache_entry *entry)
{
    return sv_make(entry->key, entry->key_len);
}

static inline struct str_view value_cache_entry_alias(const struct value_cache_entry *entry)
{
    return sv_make(entry->alias, entry->alias_len);
}

/* What `asked` opens, its own key or the alias: with another identity, service, region or version
 * it fails, whatever table the entry was found in. ERR_INTERNAL. */
MUST_CHECK bool value_cache_entry_open(const struct value_cache_entry *entry, struct aead *aead,
                                       const struct value_cache_key *asked,
                                       struct remote_value *ret, struct err *err);

/* Whether it was asked for by, or was answered from, this remote secret. A Secrets Manager ARN
 * matches with and without the "-" and six characters that the service puts behind the name. */
bool value_cache_entry_is_of(const struct value_cache_entry *entry, enum endpoint_service service,
                             struct str_view name, struct str_view arn);
bool value_cache_entry_has_identity(const struct value_cache_entry *entry,
                                    const struct identity_key *identity);

#endif
