/* SPDX-License-Identifier: Apache-2.0 */
/* AWS Secrets Manager (API 2017-10-17; aws.md §3): values by one and by twenty, descriptions
 * and lists.
 *
 * Answers that carry values are read in place in secret memory, with lengths (U+0000 survives);
 * nothing of them is ever repeated in an error. Blocking. */
#ifndef AWS_SECRETSMANAGER_H
#define AWS_SECRETSMANAGER_H

#include "aws/remote_value.h"
#include "aws/service_client.h"

enum {
    SM_BATCH_MAX = 20, /* BatchGetSecretValue: SecretIdList */
};

/* Where and as whom a call is made. */
struct service_target {
    const struct service_thread *thread;
    struct service_endpoint *endpoint;
    const struct credentials_source *credentials;
    enum service_urgency urgency;
    int64_t deadline_ms; /* absolute, monotonic */
};

/* What External Secrets Operator calls remoteRef. */
struct sm_ref {
    struct str_view key; /* SecretId: a name or an ARN, 1 to 2048 bytes */
    /* "": the version labelled AWSCURRENT; "uuid/<id>": that version; else the one with this label
     */
    struct str_view version;
};

/* GetSecretValue. Kinds as for service_call(), and ERR_INVALID for a reference that cannot be asked
 * for, ERR_UNAVAILABLE for an answer that is none, ERR_MISSING when the version has no value. The
 * message names key and region. */
MUST_CHECK bool sm_get_secret_value(const struct service_target *target, const struct sm_ref *ref,
                                    struct remote_value *ret, struct service_error *error,
                                    struct err *err);

/* One of a batch, always AWSCURRENT. */
struct sm_batch_item {
    struct str_view key;
    /* Zeroed, or of an earlier answer. Answer: the value, or why not. `error.class` SERVICE_OK: the
     * value is there. Neither a value nor an error came for it: SERVICE_TRANSIENT with an empty
     * code; to be asked for singly. */
    struct remote_value value;
    struct service_error error;
    struct err err;
};

/* BatchGetSecretValue for 1 to SM_BATCH_MAX distinct keys, all pages. False: the whole call failed,
 * and no item was answered. What is answered is matched by exact name, exact ARN, and ARN without
 * its suffix. Left without an answer is what could mean another secret (an ARN without suffix that
 * looks as if it had one, a name beside the ARN of its namesake), and what would make the service
 * refuse the whole call (no printable ASCII, over 2048 bytes). */
MUST_CHECK bool sm_batch_get_secret_value(const struct service_target *target,
                                          struct sm_batch_item *items, size_t count,
                                          struct service_error *error, struct err *err);

struct sm_tag {
    struct str_view key;
    struct str_view value;
};

struct sm_version {
    struct str_view id;
    const struct str_view *stages;
    size_t stage_count;
};

/* One secret without its value. Views live as long as the callback that is handed it. */
struct sm_description {
    struct str_view arn;
    struct str_view name;
    bool deleted; /* scheduled for deletion: DescribeSecret still answers */
    const struct sm_tag *tags;
    size_t tag_count;
    const struct sm_version *versions;
    size_t version_count;
};

/* True to go on. */
typedef bool (*sm_describe)(void *context, const struct sm_description *description);

/* DescribeSecret: `found` is called once. */
MUST_CHECK bool sm_describe_secret(const struct service_target *target, struct str_view key,
                                   sm_describe found, void *context, struct service_error *error,
                                   struct err *err);

/* ListSecrets. The service matches prefixes and does not pair tag keys with values: names by prefix
 * are as asked, tags are compared here, exactly, all of them. What is scheduled for deletion is
 * left out. At most `max_pages` pages of 100; ERR_TOO_BIG beyond it. A refused NextToken begins
 * anew once: `found` sees again what it has seen. After a failure it has seen a part. */
struct sm_list {
    struct str_view name_prefix; /* empty: all */
    const struct sm_tag *tags;
    size_t tag_count;
    unsigned max_pages;
};
MUST_CHECK bool sm_list_secrets(const struct service_target *target, const struct sm_list *list,
                                sm_describe found, void *context, struct service_error *error,
                                struct err *err);

#endif
