/* SPDX-License-Identifier: Apache-2.0 */
/* What STS is sent: forms of API 2011-06-15 (aws.md §2.3, §2.7), percent-encoded byte by byte, a
 * space as %20, without DurationSeconds: chained sessions are capped below what anybody would ask
 * for.
 *
 * What STS would refuse is ERR_INVALID here; the message says which field and what is wrong with
 * it, not what it holds. `ret` is initialised and empty. Any thread. */
#ifndef AWS_STS_FORM_H
#define AWS_STS_FORM_H

#include "aws/sts.h"

enum {
    /* AssumeRole with all there can be, each character four bytes and each of those escaped. */
    LIMIT_STS_FORM_BYTES = 512 * 1024,
};

MUST_CHECK bool sts_form_assume_role(const struct sts_role *role, struct secret_buf *ret,
                                     struct err *err);
MUST_CHECK bool sts_form_web_identity(struct str_view role_arn, struct str_view session_name,
                                      struct str_view token, struct secret_buf *ret,
                                      struct err *err);

#endif
