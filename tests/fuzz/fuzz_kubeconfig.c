/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a kubeconfig says, what is accepted is an https server (or plain HTTP on loopback) whose
 * URL is safe to put a path behind, with both halves of a client certificate or none. */
#include "fuzz.h"

#include "base/limits.h"
#include "kube/config.h"

static void check_server(const char *server)
{
    struct str_view url = sv_of(server);
    FUZZ_CHECK(sv_starts_with(url, SV("https://")) || http_url_is_plain_loopback(server));
    FUZZ_CHECK(url.data[url.len - 1] != '/');
    for (size_t i = 0; i < url.len; i++) {
        FUZZ_CHECK(url.data[i] > ' ' && url.data[i] < 0x7f &&
                   !strchr("?#\"<>\\^`{|}", url.data[i]));
    }
    struct str_view authority = http_url_authority(server);
    FUZZ_CHECK(authority.len > 0 && sv_find(sv_from(url, 7), '@') >= authority.len);
}

static void check_config(struct kube_config *config)
{
    struct http_tls tls = kube_config_tls(config);
    struct secret_buf authorization;
    struct err err = {0};
    check_server(kube_config_server(config));
    FUZZ_CHECK((tls.cert_file == NULL) == (tls.key_file == NULL));
    FUZZ_CHECK(kube_config_namespace(config) != NULL);
    FUZZ_CHECK(!kube_config_connect_to(config) || strchr(kube_config_connect_to(config), ':'));
    secret_buf_init(&authorization, LIMIT_TOKEN_BYTES + 16);
    if (kube_config_authorization(config, &authorization, &err)) {
        struct str_view value = secret_buf_view(&authorization);
        FUZZ_CHECK(value.len == 0 || sv_starts_with(value, SV("Bearer ")));
    }
    secret_buf_done(&authorization);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct kube_config *config = NULL;
    struct err err = {0};
    struct str_view text = sv_make((const char *)data, size);
    /* A file of the machine is nothing the fuzzer should read. */
    if (sv_contains(text, SV("tokenFile"))) {
        return 0;
    }
    if (kube_config_parse(text, "/nonexistent", clock_system(), &config, &err)) {
        check_config(config);
    } else {
        FUZZ_CHECK(config == NULL && err.kind != ERR_NONE && err.message[0]);
    }
    kube_config_free(config);
    return 0;
}
