/* SPDX-License-Identifier: Apache-2.0 */
/* GnuTLS keeps the expanded key in its handle, on the heap. So a handle is made for each message,
 * from the guarded page, and wiped with it: 0.35 us more than with one that stays, beside 0.25 us
 * for sealing 256 bytes (GnuTLS 3.7.9, AES-NI). It also makes calls on several threads independent
 * of one another. */
#include "crypto/aead_internal.h"

#include <stdatomic.h>

#include <gnutls/crypto.h>

#include "base/guarded_page.h"
#include "crypto/random.h"

struct aead {
    struct guarded_page page; /* starts with the key */
    _Atomic uint64_t next_nonce;
};

static gnutls_aead_cipher_hd_t handle_new(const unsigned char key[AEAD_KEY_BYTES])
{
    gnutls_aead_cipher_hd_t handle = NULL;
    gnutls_datum_t datum = {.data = (unsigned char *)key, .size = AEAD_KEY_BYTES};
    if (gnutls_aead_cipher_init(&handle, GNUTLS_CIPHER_AES_256_GCM, &datum) < 0) {
        abort();
    }
    return handle;
}

void aead_encrypt(const unsigned char key[AEAD_KEY_BYTES],
                  const unsigned char nonce[AEAD_NONCE_BYTES], struct str_view context,
                  struct str_view plain, unsigned char *ret)
{
    gnutls_aead_cipher_hd_t handle = handle_new(key);
    size_t len = plain.len + AEAD_TAG_BYTES;
    int code =
        gnutls_aead_cipher_encrypt(handle, nonce, AEAD_NONCE_BYTES, context.data, context.len,
                                   AEAD_TAG_BYTES, plain.data, plain.len, ret, &len);
    gnutls_aead_cipher_deinit(handle);
    if (code < 0 || len != plain.len + AEAD_TAG_BYTES) {
        abort();
    }
}

bool aead_decrypt(const unsigned char key[AEAD_KEY_BYTES],
                  const unsigned char nonce[AEAD_NONCE_BYTES], struct str_view context,
                  struct str_view sealed, void *ret)
{
    if (sealed.len < AEAD_TAG_BYTES) {
        return false;
    }
    gnutls_aead_cipher_hd_t handle = handle_new(key);
    size_t len = sealed.len - AEAD_TAG_BYTES;
    int code =
        gnutls_aead_cipher_decrypt(handle, nonce, AEAD_NONCE_BYTES, context.data, context.len,
                                   AEAD_TAG_BYTES, sealed.data, sealed.len, ret, &len);
    gnutls_aead_cipher_deinit(handle);
    return code >= 0 && len == sealed.len - AEAD_TAG_BYTES;
}

static struct aead *aead_new_from(uint64_t next_nonce)
{
    struct aead *aead = mem_alloc(sizeof *aead);
    guarded_page_init(&aead->page);
    atomic_init(&aead->next_nonce, next_nonce);
    return aead;
}

struct aead *aead_new_with(const unsigned char key[AEAD_KEY_BYTES], uint64_t next_nonce)
{
    struct aead *aead = aead_new_from(next_nonce);
    memcpy(aead->page.bytes, key, AEAD_KEY_BYTES);
    return aead;
}

struct aead *aead_new(bool *ret_locked)
{
    struct aead *aead = aead_new_from(0);
    random_bytes(aead->page.bytes, AEAD_KEY_BYTES);
    *ret_locked = aead->page.locked;
    return aead;
}

void aead_free(struct aead *aead)
{
    if (aead) {
        guarded_page_done(&aead->page);
        free(aead);
    }
}

void aead_sealed_done(struct aead_sealed *sealed)
{
    free(sealed->bytes);
    *sealed = (struct aead_sealed){0};
}

/* Two messages under one nonce give away both, and the key that authenticates. The last number is
 * never used, so that the counter's turning over cannot go unnoticed. */
static uint64_t take_nonce(struct aead *aead)
{
    uint64_t nonce = atomic_fetch_add_explicit(&aead->next_nonce, 1, memory_order_relaxed);
    if (nonce == UINT64_MAX) {
        abort();
    }
    return nonce;
}

static void write_nonce(uint64_t nonce, unsigned char ret[AEAD_NONCE_BYTES])
{
    memset(ret, 0, AEAD_NONCE_BYTES);
    for (size_t i = AEAD_NONCE_BYTES; nonce != 0; nonce >>= 8) {
        ret[--i] = (unsigned char)(nonce & 0xff);
    }
}

void aead_seal(struct aead *aead, struct str_view context, struct str_view plain,
               struct aead_sealed *ret)
{
    unsigned char nonce[AEAD_NONCE_BYTES];
    *ret = (struct aead_sealed){
        .nonce = take_nonce(aead),
        .len = plain.len + AEAD_TAG_BYTES,
        .bytes = mem_alloc(plain.len + AEAD_TAG_BYTES),
    };
    write_nonce(ret->nonce, nonce);
    aead_encrypt(aead->page.bytes, nonce, context, plain, ret->bytes);
}

bool aead_open(struct aead *aead, struct str_view context, const struct aead_sealed *sealed,
               struct secret_buf *ret, struct err *err)
{
    if (sealed->len < AEAD_TAG_BYTES) {
        return err_set(err, ERR_INTERNAL, "nothing is sealed");
    }
    size_t before = ret->bytes.len;
    char *plain = buf_extend(&ret->bytes, sealed->len - AEAD_TAG_BYTES);
    if (!plain) {
        return secret_buf_check(ret, "sealed value", err);
    }
    unsigned char nonce[AEAD_NONCE_BYTES];
    write_nonce(sealed->nonce, nonce);
    if (!aead_decrypt(aead->page.bytes, nonce, context,
                      sv_make((const char *)sealed->bytes, sealed->len), plain)) {
        buf_truncate(&ret->bytes, before);
        return err_set(err, ERR_INTERNAL, "not what was sealed here");
    }
    return true;
}
