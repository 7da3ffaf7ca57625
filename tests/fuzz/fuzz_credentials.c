/* SPDX-License-Identifier: Apache-2.0 */
/* What an endpoint that hands out credentials answers, and the URL it is configured with: the first
 * byte says which, the rest is the text. */
#include "aws/credentials_answer.h"
#include "fuzz.h"

static void read_answer(struct str_view text, enum credential_endpoint_kind kind)
{
    struct secret_buf body = {0};
    struct credentials *credentials = NULL;
    int64_t expires_ms = -1;
    struct err err = {0};
    secret_buf_init(&body, LIMIT_CREDENTIAL_ANSWER_BYTES);
    secret_buf_add(&body, text);
    if (credentials_answer_read(&body, kind, &credentials, &expires_ms, &err)) {
        FUZZ_CHECK(credentials->access_key_id[0] != '\0' && expires_ms >= 0);
        FUZZ_CHECK(credentials->secret_access_key.bytes.len > 0);
        FUZZ_CHECK(credentials->session_token.bytes.len > 0);
        credentials_release(credentials);
    } else {
        FUZZ_CHECK(err.kind == ERR_UNAVAILABLE || err.kind == ERR_DENIED);
        FUZZ_CHECK(credentials == NULL && expires_ms == -1);
    }
    secret_buf_done(&body);
}

/* Names lead to loopback. */
static bool resolve(const char *name, struct host_addresses *ret, struct err *err)
{
    (void)err;
    FUZZ_CHECK(strlen(name) > 0 && strlen(name) <= HOST_NAME_MAX_BYTES);
    FUZZ_CHECK(strspn(name, "0123456789.") < strlen(name) && !strchr(name, '@'));
    *ret = (struct host_addresses){.count = 1, .items = {{.v6 = true, .bytes = {[15] = 1}}}};
    return true;
}

static void read_url(struct str_view text, enum credential_endpoint_kind kind)
{
    struct credential_endpoint endpoint = {0};
    struct configured_url url;
    struct err err = {0};
    if (!credential_endpoint_init(&endpoint, text, kind, resolve, &err)) {
        FUZZ_CHECK(err.kind == ERR_INVALID);
        return;
    }
    FUZZ_CHECK(configured_url_parse(sv_of(endpoint.url), &url));
    FUZZ_CHECK(url.tls || url.is_name || host_address_is_loopback(&url.address) ||
               (!url.address.v6 && url.address.bytes[0] == 169 && url.address.bytes[1] == 254) ||
               (url.address.v6 && url.address.bytes[0] == 0xfd));
    FUZZ_CHECK(endpoint.pin_count == (!url.tls && url.is_name ? 1 : 0));
    FUZZ_CHECK(url.port != 0 && !memchr(url.host.data, '@', url.host.len));
    credential_endpoint_done(&endpoint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    struct str_view text = sv_make((const char *)data + 1, size - 1);
    enum credential_endpoint_kind kind =
        data[0] & 1 ? CREDENTIALS_OF_INSTANCE : CREDENTIALS_OF_CONTAINER;
    if (data[0] & 2) {
        read_url(text, kind);
    } else {
        read_answer(text, kind);
    }
    return 0;
}
