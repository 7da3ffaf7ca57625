/* SPDX-License-Identifier: Apache-2.0 */
/* The instance metadata service in tests: its answers, and a provider that asks it. */
#ifndef FAKE_IMDS_H
#define FAKE_IMDS_H

#include "fake_endpoint.h"

#include "aws/credentials_providers.h"

#define IMDS_ANSWER                                                                                \
    "{\"Code\":\"Success\",\"LastUpdated\":\"2026-11-23T11:00:00Z\",\"Type\":\"AWS-HMAC\","        \
    "\"AccessKeyId\":\"ASIA1\",\"SecretAccessKey\":\"hunter2\",\"Token\":\"session\","             \
    "\"Expiration\":\"2026-11-23T18:00:00Z\"}"

#define IMDS_TOKEN                                                                                 \
    {                                                                                              \
        .status = 200, .body = "t1=="                                                              \
    }
#define IMDS_TOKEN_2                                                                               \
    {                                                                                              \
        .status = 200, .body = "t2=="                                                              \
    }
#define IMDS_ROLE                                                                                  \
    {                                                                                              \
        .status = 200, .body = "my-role"                                                           \
    }
#define IMDS_KEYS                                                                                  \
    {                                                                                              \
        .status = 200, .body = IMDS_ANSWER                                                         \
    }

static const char imds_base[] = "http://169.254.169.254";

static inline struct credentials_provider *imds_provider(const char *endpoint, bool ipv6)
{
    struct credentials_provider *provider = NULL;
    struct err err = {0};
    ck_assert_msg(credentials_imds(sv_of(endpoint), ipv6, &provider, &err), "%s", err.message);
    ck_assert_str_eq(provider->name, "instance metadata");
    return provider;
}

static inline bool imds_fetch(struct credentials_provider *provider, struct fake_endpoint *fake,
                              struct credentials **ret, struct err *err)
{
    const struct credentials_request request = fake_request(fake);
    return provider->fetch(provider, &request, ret, err);
}

static inline void imds_must_fetch(struct credentials_provider *provider,
                                   struct fake_endpoint *fake)
{
    struct credentials *credentials = NULL;
    struct err err = {0};
    ck_assert_msg(imds_fetch(provider, fake, &credentials, &err), "%s", err.message);
    ck_assert_str_eq(credentials->access_key_id, "ASIA1");
    credentials_release(credentials);
}

static inline void imds_check_call(const struct fake_call *call, const char *method,
                                   const char *path)
{
    ck_assert_str_eq(call->method, method);
    ck_assert_ptr_eq(strstr(call->url, imds_base), call->url);
    ck_assert_str_eq(call->url + strlen(imds_base), path);
    ck_assert(call->no_proxy);
    ck_assert_int_eq(call->connect_timeout_ms, 250);
    ck_assert_uint_eq(call->header_count, 1);
}

#endif
