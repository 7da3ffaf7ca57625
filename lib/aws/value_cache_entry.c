/* SPDX-License-Identifier: Apache-2.0 */
/* A value is sealed in the context of its key, and opened in that of the key that somebody asks
 * with, not of the one that stands in the entry: so a look-up that went wrong gives nothing away.
 */
#include "aws/value_cache_entry.h"

#include "base/table.h"

enum {
    LENGTH_BYTES = 4,
    SUFFIX_BYTES = 7, /* "-" and six letters and digits (Secrets Manager, CreateSecret: ARN) */
};

/* Each part with its length in front, so that no two keys meet. */
static void add_part(struct buf *key, struct str_view part)
{
    for (int i = LENGTH_BYTES - 1; i >= 0; i--) {
        buf_add_byte(key, (char)(part.len >> (8 * i) & 0xff));
    }
    buf_add(key, part);
}

bool value_cache_key_compose(const struct value_cache_key *key, struct buf *ret)
{
    buf_init(ret, VALUE_CACHE_KEY_BYTES);
    buf_add(ret, identity_view(&key->identity));
    buf_add_byte(ret, (char)key->service);
    add_part(ret, key->region);
    add_part(ret, key->key);
    add_part(ret, key->version);
    return !ret->failed;
}

/* Where the part that was asked for lies in a composed key. */
static struct str_view asked_part(const struct value_cache_key *key, const char *composed)
{
    size_t before = sizeof key->identity.bytes + 1 + LENGTH_BYTES + key->region.len + LENGTH_BYTES;
    return sv_make(composed + before, key->key.len);
}

static bool is_arn(struct str_view text)
{
    return sv_starts_with(text, SV("arn:"));
}

static struct value_cache_entry *entry_new(const struct value_cache_key *key,
                                           struct str_view composed, int64_t now_ms)
{
    struct value_cache_entry *entry = mem_alloc(sizeof *entry);
    atomic_init(&entry->users, 1);
    entry->key = sv_dup(composed);
    entry->key_len = composed.len;
    entry->service = key->service;
    entry->asked = asked_part(key, entry->key);
    entry->since_ms = now_ms;
    /* In two tables, which are less than half filled when they have just grown. */
    entry->bytes = sizeof *entry + 4 * sizeof(struct table_entry) + composed.len;
    return entry;
}

/* The current version, asked for by its plain name, has its ARN for an alias, which is one secret
 * for everybody. A name is never one: what was asked for by ARN may belong to another account than
 * the identity's own, where that name is another secret. And a Parameter Store name may carry a
 * version
 * ("name:3"), which the answer's name does not. */
static void add_alias(struct value_cache_entry *entry, const struct value_cache_key *key)
{
    if (key->version.len || !is_arn(entry->arn) || is_arn(key->key) ||
        !sv_equal(key->key, entry->name)) {
        return;
    }
    struct value_cache_key by_arn = *key;
    by_arn.key = entry->arn;
    CLEANUP(buf_done) struct buf composed;
    if (value_cache_key_compose(&by_arn, &composed)) {
        entry->alias = sv_dup(buf_view(&composed));
        entry->alias_len = composed.len;
        entry->bytes += composed.len;
    }
}

struct value_cache_entry *value_cache_entry_new(struct aead *aead,
                                                const struct value_cache_key *key,
                                                struct str_view composed,
                                                const struct remote_value *value, int64_t now_ms)
{
    struct value_cache_entry *entry = entry_new(key, composed, now_ms);
    sealed_value_make(aead, composed, value, &entry->value);
    entry->bytes += sealed_value_bytes(&entry->value);
    entry->name = sv_of(entry->value.name);
    entry->arn = sv_of(entry->value.arn);
    add_alias(entry, key);
    return entry;
}

struct value_cache_entry *value_cache_entry_new_refusal(const struct value_cache_key *key,
                                                        struct str_view composed,
                                                        const struct value_cache_refusal *refusal,
                                                        int64_t now_ms)
{
    struct value_cache_entry *entry = entry_new(key, composed, now_ms);
    entry->refusal = mem_alloc(sizeof *entry->refusal);
    *entry->refusal = *refusal;
    entry->bytes += sizeof *entry->refusal;
    return entry;
}

struct value_cache_entry *value_cache_entry_retain(struct value_cache_entry *entry)
{
    atomic_fetch_add_explicit(&entry->users, 1, memory_order_relaxed);
    return entry;
}

void value_cache_entry_release(struct value_cache_entry *entry)
{
    if (entry && atomic_fetch_sub_explicit(&entry->users, 1, memory_order_acq_rel) == 1) {
        sealed_value_done(&entry->value);
        free(entry->key);
        free(entry->alias);
        free(entry->refusal);
        free(entry);
    }
}

void value_cache_entry_release_ptr(struct value_cache_entry **entry)
{
    value_cache_entry_release(*entry);
}

bool value_cache_entry_open(const struct value_cache_entry *entry, struct aead *aead,
                            const struct value_cache_key *asked, struct remote_value *ret,
                            struct err *err)
{
    struct value_cache_key own = *asked;
    if (sv_equal(asked->key, entry->arn)) {
        own.key = entry->asked;
    }
    CLEANUP(buf_done) struct buf composed;
    if (!value_cache_key_compose(&own, &composed)) {
        return err_set(err, ERR_INTERNAL, "key of a cached value is too long");
    }
    return sealed_value_open(aead, buf_view(&composed), &entry->value, ret, err);
}

static bool is_letter_or_digit(char byte)
{
    return (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= 'a' && byte <= 'z');
}

static bool is_suffix(struct str_view text)
{
    if (text.len != SUFFIX_BYTES || text.data[0] != '-') {
        return false;
    }
    for (size_t i = 1; i < text.len; i++) {
        if (!is_letter_or_digit(text.data[i])) {
            return false;
        }
    }
    return true;
}

static bool is_called(const struct value_cache_entry *entry, struct str_view text)
{
    return text.len && (sv_equal(entry->asked, text) || sv_equal(entry->name, text) ||
                        sv_equal(entry->arn, text));
}

static bool is_longer_by_suffix(struct str_view longer, struct str_view arn)
{
    return longer.len == arn.len + SUFFIX_BYTES && is_arn(arn) && sv_starts_with(longer, arn) &&
           is_suffix(sv_from(longer, arn.len));
}

/* One side has the suffix and the other does not. Without it on both sides, "app" and "app-config"
 * would be one: a name may end in what looks like a suffix. */
static bool is_called_but_for_suffix(const struct value_cache_entry *entry, struct str_view arn)
{
    return is_longer_by_suffix(arn, entry->asked) || is_longer_by_suffix(entry->asked, arn) ||
           is_longer_by_suffix(arn, entry->arn) || is_longer_by_suffix(entry->arn, arn);
}

bool value_cache_entry_is_of(const struct value_cache_entry *entry, enum endpoint_service service,
                             struct str_view name, struct str_view arn)
{
    if (entry->service != service) {
        return false;
    }
    return is_called(entry, name) || is_called(entry, arn) ||
           (service == ENDPOINT_SECRETS_MANAGER && is_called_but_for_suffix(entry, arn));
}

bool value_cache_entry_has_identity(const struct value_cache_entry *entry,
                                    const struct identity_key *identity)
{
    return sv_equal(sv_make(entry->key, sizeof identity->bytes), identity_view(identity));
}
