/* SPDX-License-Identifier: Apache-2.0 */
/* keyturn doctor aws: which source of credentials is used, what is missing, and which call fails
 * with which remedy. Asks for nothing that changes anything, and shows no value. Main's thread. */
#ifndef WEBHOOK_DOCTOR_AWS_H
#define WEBHOOK_DOCTOR_AWS_H

#include "aws/environment.h"
#include "base/buf.h"
#include "base/clock.h"

struct doctor_aws_options {
    const struct environment *environment;
    const struct clock *clock;
    const char *region; /* NULL: that of the environment */
    const char *secret; /* a secret to read; NULL: none */
    const char *parameter;
    bool allow_imds;
    bool insecure_endpoints;
};

/* Appends the findings, a line each: "ok", "FAIL" or "note", what was looked at, what came of it; a
 * remedy stands on a line of its own below. True when nothing failed. */
bool doctor_aws_run(const struct doctor_aws_options *options, struct buf *out);

#endif
