/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Systems Manager Parameter Store (API 2014-11-06; aws.md §4): parameters by one, by ten and by
 * path, always decrypted; their names and tags.
 *
 * Answers are read in place in secret memory, with lengths. Blocking. */
#ifndef AWS_SSM_H
#define AWS_SSM_H

#include "aws/secretsmanager.h"

enum {
    SSM_BATCH_MAX = 10, /* GetParameters: Names; GetParametersByPath: MaxResults */
};

/* What External Secrets Operator calls remoteRef: "name" or, with a version or a label,
 * "name:selector". */
struct ssm_ref {
    struct str_view key; /* a name or an ARN */
    struct str_view version;
};

/* GetParameter. As sm_get_secret_value(). */
MUST_CHECK bool ssm_get_parameter(const struct service_target *target, const struct ssm_ref *ref,
                                  struct remote_value *ret, struct service_error *error,
                                  struct err *err);

struct ssm_batch_item {
    struct ssm_ref ref;
    /* As in struct sm_batch_item. A name in InvalidParameters is SERVICE_NOT_FOUND. */
    struct remote_value value;
    struct service_error error;
    struct err err;
};

/* GetParameters for 1 to SSM_BATCH_MAX distinct references. What is answered is matched by name or
 * ARN and selector; as in sm_batch_get_secret_value(), what is not certain is left without an
 * answer. False: the whole call failed (one denied name is said to be enough). */
MUST_CHECK bool ssm_get_parameters(const struct service_target *target,
                                   struct ssm_batch_item *items, size_t count,
                                   struct service_error *error, struct err *err);

/* True to go on. `value` may be moved out of. */
typedef bool (*ssm_found)(void *context, struct str_view name, struct remote_value *value);

/* GetParametersByPath, recursive, all pages up to `max_pages`; ERR_TOO_BIG beyond it. A page may be
 * empty and have a successor. A refused NextToken begins anew once: `found` sees again what it
 * has seen. After a failure it has seen a part. */
MUST_CHECK bool ssm_get_parameters_by_path(const struct service_target *target,
                                           struct str_view path, unsigned max_pages,
                                           ssm_found found, void *context,
                                           struct service_error *error, struct err *err);

/* Names without values: `name` lives as long as the callback. True to go on. */
typedef bool (*ssm_named)(void *context, struct str_view name);

/* Which parameters DescribeParameters tells of. The service compares tags exactly and in pairs. */
struct ssm_list {
    struct str_view path; /* below it, at any depth; empty: anywhere */
    const struct sm_tag *tags;
    size_t tag_count;
    unsigned max_pages;
};

/* DescribeParameters; pages as in ssm_get_parameters_by_path(). */
MUST_CHECK bool ssm_describe_parameters(const struct service_target *target,
                                        const struct ssm_list *list, ssm_named found, void *context,
                                        struct service_error *error, struct err *err);

/* ListTagsForResource of one parameter: `found` is called once, with tags only. */
MUST_CHECK bool ssm_list_tags(const struct service_target *target, const struct ssm_ref *ref,
                              sm_describe found, void *context, struct service_error *error,
                              struct err *err);

#endif
