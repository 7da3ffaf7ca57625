/* SPDX-License-Identifier: Apache-2.0 */
/* The records are streamed into the HMAC, not built: their order follows from the references alone,
 * because the length-prefixed names stand in front of everything that differs otherwise. */
#include "world/fingerprint.h"

enum {
    HASH_BYTES = 16, /* HMAC-SHA-256 truncated to 128 bits */
};

/* What a change of makes all hashes of this version unknown to another. */
static const char SCOPE[] = "scope v1: env,envFrom,subPath; walker 1";

static const char VERSION[] = "v1-";

static void to_hex(const unsigned char *bytes, size_t len, char *ret)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        ret[2 * i] = digits[bytes[i] >> 4];
        ret[2 * i + 1] = digits[bytes[i] & 15];
    }
    ret[2 * len] = '\0';
}

static struct str_view key_view(const struct hmac_key *key)
{
    return sv_make((const char *)key->bytes, sizeof key->bytes);
}

void fingerprint_keys_derive(const unsigned char installation_key[INSTALLATION_KEY_BYTES],
                             struct fingerprint_keys *ret)
{
    struct str_view key = sv_make((const char *)installation_key, INSTALLATION_KEY_BYTES);
    hmac_sha256(key, SV("keyturn v1 digest"), ret->digest.bytes);
    hmac_sha256(key, SV("keyturn v1 record"), ret->record.bytes);
    secret_digest_key_tag(&ret->digest, ret->digest_tag);
    unsigned char id[SHA256_BYTES];
    hmac_sha256(key_view(&ret->record), sv_of(SCOPE), id);
    to_hex(id, (KEY_ID_BYTES - 1) / 2, ret->id);
}

void fingerprint_keys_wipe(struct fingerprint_keys *keys)
{
    explicit_bzero(keys, sizeof *keys);
}

/* What the references amount to before anything is hashed. */
static enum fingerprint_result survey(const struct secret_ref_list *refs, const struct facts *facts)
{
    bool rolls = false;
    bool missing = false;
    bool unknown = false;
    for (size_t i = 0; i < refs->count; i++) {
        const struct secret_ref *ref = &refs->items[i];
        rolls = rolls || ref->rolls;
        if (ref->required || ref->rolls) {
            enum presence presence = facts_presence(facts, ref);
            missing = missing || (ref->required && presence == PRESENCE_ABSENT);
            unknown = unknown || presence == PRESENCE_UNKNOWN;
        }
    }
    if (!rolls) {
        return FINGERPRINT_NOTHING;
    }
    return missing ? FINGERPRINT_MISSING : unknown ? FINGERPRINT_UNKNOWN : FINGERPRINT_OK;
}

/* Every present Secret that is about to be hashed was digested under `keys`. They may be replaced
 * between a look and a decision, and digests of two keys in one hash would look like changed
 * content. */
static bool digests_match(const struct fingerprint_keys *keys, const struct secret_ref_list *refs,
                          const struct facts *facts)
{
    for (size_t i = 0; i < refs->count; i++) {
        const struct fact *fact =
            refs->items[i].rolls ? facts_find(facts, refs->items[i].secret) : NULL;
        if (fact && fact->secret &&
            memcmp(fact->secret->digest_key_tag, keys->digest_tag, DIGEST_KEY_TAG_BYTES) != 0) {
            return false;
        }
    }
    return true;
}

/* Bytewise order of length-prefixed text: the length comes first, most significant byte first. */
static int compare_prefixed(struct str_view a, struct str_view b)
{
    return a.len != b.len ? (a.len > b.len) - (a.len < b.len) : sv_compare(a, b);
}

/* The order of the records: tag 'k' before 'w', then Secret, then key. */
static int compare_records(const void *a, const void *b)
{
    const struct secret_ref *left = *(const struct secret_ref *const *)a;
    const struct secret_ref *right = *(const struct secret_ref *const *)b;
    int tags = (left->key.data == NULL) - (right->key.data == NULL);
    if (tags != 0) {
        return tags;
    }
    int names = compare_prefixed(left->secret, right->secret);
    return names != 0 ? names : compare_prefixed(left->key, right->key);
}

static void add_u32(struct hmac *hmac, size_t number)
{
    const unsigned char bytes[4] = {(unsigned char)(number >> 24), (unsigned char)(number >> 16),
                                    (unsigned char)(number >> 8), (unsigned char)number};
    hmac_update(hmac, bytes, sizeof bytes);
}

static void add_prefixed(struct hmac *hmac, struct str_view text)
{
    add_u32(hmac, text.len);
    hmac_update(hmac, text.data, text.len);
}

/* Up to and with the presence byte. */
static void add_head(struct hmac *hmac, char tag, const struct facts *facts, struct str_view secret,
                     struct str_view key, bool present)
{
    hmac_update(hmac, &tag, 1);
    add_prefixed(hmac, sv_of(facts->namespace));
    add_prefixed(hmac, secret);
    add_prefixed(hmac, key);
    const char presence = present ? 1 : 0;
    hmac_update(hmac, &presence, 1);
}

static void add_key(struct hmac *hmac, const struct facts *facts, struct str_view secret,
                    struct str_view key, const struct secret_key_digest *digest)
{
    add_head(hmac, 'k', facts, secret, key, digest != NULL);
    if (digest) {
        hmac_update(hmac, digest->digest, sizeof digest->digest);
    }
}

static void add_whole(struct hmac *hmac, const struct facts *facts, struct str_view name,
                      const struct secret *secret)
{
    add_head(hmac, 'w', facts, name, SV(""), secret != NULL);
    if (secret) {
        add_u32(hmac, secret->key_count);
        for (size_t i = 0; i < secret->key_count; i++) {
            add_key(hmac, facts, name, secret->keys[i].key, &secret->keys[i]);
        }
    }
}

static void add_record(struct hmac *hmac, const struct facts *facts, const struct secret_ref *ref)
{
    const struct fact *fact = facts_find(facts, ref->secret);
    const struct secret *secret = fact ? fact->secret : NULL;
    if (ref->key.data) {
        add_key(hmac, facts, ref->secret, ref->key,
                secret ? secret_find_key(secret, ref->key) : NULL);
    } else {
        add_whole(hmac, facts, ref->secret, secret);
    }
}

static void hash_records(const struct fingerprint_keys *keys, const struct secret_ref_list *refs,
                         const struct facts *facts, unsigned char ret[SHA256_BYTES])
{
    CLEANUP(mem_free_ptr)
    const struct secret_ref **rolling = mem_alloc_array(refs->count, sizeof *rolling);
    size_t count = 0;
    for (size_t i = 0; i < refs->count; i++) {
        if (refs->items[i].rolls) {
            rolling[count++] = &refs->items[i];
        }
    }
    qsort(rolling, count, sizeof *rolling, compare_records);
    struct hmac *hmac = hmac_new(key_view(&keys->record));
    for (size_t i = 0; i < count; i++) {
        if (i == 0 || compare_records(&rolling[i - 1], &rolling[i]) != 0) {
            add_record(hmac, facts, rolling[i]);
        }
    }
    hmac_finish(hmac, ret);
}

static void write_text(const struct fingerprint_keys *keys,
                       const unsigned char digest[SHA256_BYTES], char ret[FINGERPRINT_BYTES])
{
    char *at = mempcpy(ret, VERSION, sizeof VERSION - 1);
    at = mempcpy(at, keys->id, KEY_ID_BYTES - 1);
    *at++ = '-';
    to_hex(digest, HASH_BYTES, at);
}

enum fingerprint_result fingerprint_compute(const struct fingerprint_keys *keys,
                                            const struct secret_ref_list *refs,
                                            const struct facts *facts, char ret[FINGERPRINT_BYTES])
{
    enum fingerprint_result result = survey(refs, facts);
    if (result != FINGERPRINT_OK) {
        return result;
    }
    if (!keys || !digests_match(keys, refs, facts)) {
        return FINGERPRINT_UNKNOWN;
    }
    unsigned char digest[SHA256_BYTES];
    hash_records(keys, refs, facts, digest);
    write_text(keys, digest, ret);
    return FINGERPRINT_OK;
}

static bool is_lower_hex(struct str_view text)
{
    for (size_t i = 0; i < text.len; i++) {
        char byte = text.data[i];
        if (!((byte >= '0' && byte <= '9') || (byte >= 'a' && byte <= 'f'))) {
            return false;
        }
    }
    return true;
}

bool fingerprint_is_known(const struct fingerprint_keys *keys, struct str_view text)
{
    const size_t prefix = sizeof VERSION - 1;
    const size_t id = KEY_ID_BYTES - 1;
    return keys && text.len == FINGERPRINT_BYTES - 1 &&
           sv_starts_with(text, sv_make(VERSION, prefix)) &&
           sv_equal(sv_first(sv_from(text, prefix), id), sv_make(keys->id, id)) &&
           text.data[prefix + id] == '-' && is_lower_hex(sv_from(text, prefix + id + 1));
}
