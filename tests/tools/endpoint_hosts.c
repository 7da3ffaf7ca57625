/* SPDX-License-Identifier: Apache-2.0 */
/* The host of a service in a region, for tests that compare it with what AWS's SDKs say.
 *
 * Reads questions from standard input, one a line: `service region fips dualstack`, the last two
 * "true" or "false", for example `secretsmanager us-east-1 false true`. Answers each with one line:
 * the host, or `error: ...`. Exit status 1: a line is too long, or the answers cannot be written.
 */
#include <stdio.h>

#include "aws/endpoint.h"

enum {
    LINE_BYTES = 1024,
};

struct question {
    enum endpoint_service service;
    struct str_view region;
    struct endpoint_config config;
};

static bool service_read(struct str_view name, enum endpoint_service *ret)
{
    static const enum endpoint_service services[] = {ENDPOINT_SECRETS_MANAGER, ENDPOINT_SSM,
                                                     ENDPOINT_STS, ENDPOINT_SQS};
    for (size_t i = 0; i < ARRAY_LEN(services); i++) {
        if (sv_is(name, endpoint_service_name(services[i]))) {
            *ret = services[i];
            return true;
        }
    }
    return false;
}

static bool flag_read(struct str_view word, bool *ret)
{
    *ret = sv_is(word, "true");
    return *ret || sv_is(word, "false");
}

static bool question_read(struct str_view line, struct question *ret, struct err *err)
{
    struct str_view words[4];
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (!sv_split(&line, ' ', &words[i])) {
            return err_set(err, ERR_INVALID, "wanted: service region fips dualstack");
        }
    }
    ret->region = words[1];
    if (line.data || !service_read(words[0], &ret->service) ||
        !flag_read(words[2], &ret->config.fips) || !flag_read(words[3], &ret->config.dual_stack)) {
        return err_set(err, ERR_INVALID, "wanted: service region fips dualstack");
    }
    return true;
}

static bool answer(struct str_view line)
{
    struct question question = {0};
    struct endpoint endpoint;
    struct err err = {0};
    if (!question_read(line, &question, &err) ||
        !endpoint_resolve(&question.config, question.service, question.region, &endpoint, &err)) {
        return printf("error: %s\n", err.message) > 0;
    }
    return printf("%s\n", endpoint.host) > 0;
}

int main(void)
{
    char line[LINE_BYTES];
    while (fgets(line, sizeof line, stdin)) {
        struct str_view text = sv_of(line);
        bool whole = sv_ends_with(text, SV("\n")) || feof(stdin);
        if (!whole || !answer(sv_trim(text))) {
            return 1;
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
