/* SPDX-License-Identifier: Apache-2.0 */
/* Where remote values come from, as an interface: implemented over lib/aws and by the fake
 * provider. Implementations are called from worker threads, several at once. */
#ifndef EXTERNALSECRET_SOURCE_H
#define EXTERNALSECRET_SOURCE_H

#include "base/err.h"
#include "base/secret_buf.h"
#include "externalsecret/data.h"
#include "objects/external_secret.h"
#include "objects/store.h"

/* One remote read; the engine asks for all reads of an ExternalSecret at once. */
struct remote_read {
    struct str_view key;     /* remoteRef.key */
    struct str_view version; /* remoteRef.version, as written */
    /* Prefer SecretBinary over SecretString, as ESO does when a property is wanted. */
    bool prefer_binary;
    /* metadataPolicy Fetch: the tags as a JSON object, keys sorted, escaped as Go escapes it. */
    bool metadata;
    /* That it does not exist is an answer and no failure (deletionPolicy Delete and Merge). */
    bool may_miss;
    bool missing; /* answer */
    /* That it cannot be read is no failure of the others. */
    bool may_fail;
    bool failed; /* answer */
    /* Answer, true for the provider "fake" alone: to it a property is a path, never a key with dots
     * in it, and one that is missing is a remote secret that is missing. */
    bool fake;
    /* Answer: the exact bytes; ceiling LIMIT_AWS_VALUE_BYTES. */
    struct secret_buf value;
};

/* dataFrom.find: which remote secrets (external-secrets.md §4.6). */
struct remote_find {
    struct str_view path;     /* empty: none */
    const struct regex *name; /* NULL: none */
    const struct string_pair *tags;
    size_t tag_count;
    enum conversion_strategy conversion; /* for the provider "fake", see fake_source.h */
};

/* What has come of asking a store itself. */
enum remote_contact {
    REMOTE_NOT_ASKED, /* everything was remembered, or something else had failed before */
    REMOTE_ASKED,     /* and nothing has come, though a value of before may have stood in */
    REMOTE_ANSWERED,  /* just now, for some of it at least, if only to refuse it */
};

/* For whom, and in how much hurry. Everything is borrowed. */
struct remote_request {
    const struct store *store;
    struct str_view namespace; /* the ExternalSecret's */
    bool waiting;              /* a request or a held Pod waits; otherwise a refresh */
    bool apart;                /* what is fetched is kept from other requests, and theirs from it */
    int64_t since_ms;    /* a value asked for then or later (monotonic) will do; 0: fetch it */
    int64_t deadline_ms; /* absolute, monotonic */
    /* Where to say what has come of it, success or not; NULL: nobody wants to know. The caller
     * begins with REMOTE_NOT_ASKED, and only what reads from afar writes. */
    enum remote_contact *contact;
};

struct secret_source {
    /* Fills every read's value or fails as a whole. ERR_MISSING (a remote secret does not exist),
     * ERR_DENIED, ERR_BUSY (throttled), ERR_TIMEOUT, ERR_UNAVAILABLE, ERR_TOO_BIG, ERR_INVALID. The
     * message names the remote key and the cause (AWS error code, request id), never a value. */
    bool (*read)(void *context, const struct remote_request *request, struct remote_read *reads,
                 size_t count, struct err *err);
    /* Adds every remote secret found to `ret`, under its full name. At most LIMIT_FIND_PAGES pages
     * and LIMIT_FIND_SECRETS secrets; more is ERR_TOO_BIG, never a part. None is a success. Not for
     * requests that wait: a source may refuse those with ERR_BUSY. NULL: it finds nothing, and such
     * ExternalSecrets are left alone. */
    bool (*find)(void *context, const struct remote_request *request,
                 const struct remote_find *find, struct data_map *ret, struct err *err);
    void *context;
};

#endif
