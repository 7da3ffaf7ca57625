/* SPDX-License-Identifier: Apache-2.0 */
/* The keyed hash over exactly the Secret keys a Pod uses (DESIGN §2 "Hash", §12 "hash record").
 *
 * Text: "v1-<key id, 6 hex>-<32 hex>", 42 characters, valid as a label value. HMAC-SHA-256 under a
 * sub-key of the installation key, truncated to 128 bits, over canonical records, one for each
 * distinct (Secret, key) among the references that roll, sorted bytewise:
 *
 *     tag 'k' (one key) or 'w' (whole Secret); u32 big-endian length and bytes of namespace, name,
 *     key (empty for 'w'); presence byte 0 or 1; then for a present 'k' the 32-byte digest, for a
 *     present 'w' the key count as u32 big-endian, followed by one 'k' record for each key, in the
 *     bytewise order of the keys.
 *
 * The digest of a value is its HMAC under a second sub-key. The key id is derived from the key and
 * the scope (what rolls, and the version of the reference walker), so that a hash made under
 * another key or scope is recognised as unknown: it is then no hash, and never a reason to roll.
 * Any thread. */
#ifndef WORLD_FINGERPRINT_H
#define WORLD_FINGERPRINT_H

#include "crypto/hmac.h"
#include "refs/secret_ref.h"
#include "world/facts.h"

enum {
    INSTALLATION_KEY_BYTES = 32,
    FINGERPRINT_BYTES = 43, /* text and NUL */
    KEY_ID_BYTES = 7,
};

/* Derived once from the installation key; immutable. */
struct fingerprint_keys {
    struct hmac_key digest;                         /* for values */
    struct hmac_key record;                         /* for records */
    unsigned char digest_tag[DIGEST_KEY_TAG_BYTES]; /* of what was digested under `digest` */
    char id[KEY_ID_BYTES];
};

void fingerprint_keys_derive(const unsigned char installation_key[INSTALLATION_KEY_BYTES],
                             struct fingerprint_keys *ret);
void fingerprint_keys_wipe(struct fingerprint_keys *keys);

enum fingerprint_result {
    FINGERPRINT_OK,
    FINGERPRINT_NOTHING, /* no reference rolls: there is nothing to hash */
    FINGERPRINT_MISSING, /* a required reference, rolling or not, is absent */
    FINGERPRINT_UNKNOWN, /* a required or rolling one is unknown, or digested under another key */
};

/* NOTHING goes before MISSING, and MISSING before UNKNOWN. `keys` may be NULL: unknown. `ret` is
 * written only for FINGERPRINT_OK. */
enum fingerprint_result fingerprint_compute(const struct fingerprint_keys *keys,
                                            const struct secret_ref_list *refs,
                                            const struct facts *facts, char ret[FINGERPRINT_BYTES]);

/* True when `text` has the form above and was made under `keys`. */
bool fingerprint_is_known(const struct fingerprint_keys *keys, struct str_view text);

#endif
