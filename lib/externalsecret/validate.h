/* SPDX-License-Identifier: Apache-2.0 */
/* What is wrong with an ExternalSecret, from itself alone: what the External Secrets Operator's own
 * webhook refuses (external-secrets.md §1.4), and the regular expressions and templates that it
 * would only find out about later. Pure; any thread. */
#ifndef EXTERNALSECRET_VALIDATE_H
#define EXTERNALSECRET_VALIDATE_H

#include "base/limits.h"
#include "objects/external_secret.h"

/* Written "KT201" in front of the text; stable, like admission/codes.h, whose numbers go on here.
 */
enum problem_code {
    PROBLEM_EMPTY = 201,           /* neither data nor dataFrom */
    PROBLEM_DELETE_POLICY = 202,   /* deletionPolicy Delete of a Secret it does not create */
    PROBLEM_MERGE_POLICY = 203,    /* deletionPolicy Merge with creationPolicy None */
    PROBLEM_DATA_FROM = 204,       /* an entry with no source, or with several */
    PROBLEM_DUPLICATE_KEY = 205,   /* a secretKey twice, with deletionPolicy Retain */
    PROBLEM_TOKEN_TYPE = 206,      /* a template makes a token of the cluster */
    PROBLEM_TEMPLATE_TARGET = 207, /* templateFrom.target is no part of a Secret */
    PROBLEM_REGEXP = 208,          /* does not compile */
    PROBLEM_TEMPLATE = 209,        /* does not parse */
    PROBLEM_UNSUPPORTED = 210,     /* the operator renders it, this version does not */
    PROBLEM_UNREADABLE = 211,      /* no ExternalSecret */
    PROBLEM_REWRITE_MERGE = 212,   /* strategy JSON without a key to put its result */
    /* What the cluster around it says; admission/validate_external_secret.h. */
    PROBLEM_STORE_MISSING = 220,
    PROBLEM_STORE_REFUSED = 221,
    PROBLEM_TARGET_SHARED = 222, /* another ExternalSecret has the same target */
    PROBLEM_TARGET_OWNED = 223,  /* the target is controlled by something else */
    /* What its stores say; admission/existence.h. */
    PROBLEM_REMOTE_MISSING = 224,
    PROBLEM_PROPERTY_MISSING = 225,
};

enum {
    PROBLEMS_MAX = 16, /* the rest is counted */
};

enum problem_severity {
    PROBLEM_ERROR,   /* nobody carries it out */
    PROBLEM_FOREIGN, /* left to the operator, where there is one */
    PROBLEM_WARNING, /* may pass by itself */
    PROBLEM_MISSING, /* likewise, and is denied where policy says so */
};

struct problem {
    enum problem_code code;
    enum problem_severity severity;
    char text[LIMIT_DENIAL_BYTES + 1]; /* one line of printable ASCII, code first */
};

struct problem_list {
    struct problem items[PROBLEMS_MAX];
    size_t count;
    size_t more; /* that do not fit */
};

/* Appends what is wrong; `external_secret` was decoded from `object`. Holds field paths, names and
 * places in patterns and templates, never more of their text than those. */
void external_secret_validate(const struct json *object,
                              const struct external_secret *external_secret,
                              struct problem_list *ret);

void problem_add(struct problem_list *list, enum problem_code code, enum problem_severity severity,
                 const char *format, ...) PRINTF_LIKE(4, 5);

#endif
