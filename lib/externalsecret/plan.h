/* SPDX-License-Identifier: Apache-2.0 */
/* What an ExternalSecret asks for: the distinct remote reads, and which data key takes its value
 * from which of them. Pure; one thread at a time. */
#ifndef EXTERNALSECRET_PLAN_H
#define EXTERNALSECRET_PLAN_H

#include "externalsecret/data.h"
#include "externalsecret/source.h"
#include "objects/external_secret.h"

/* Zeroed is empty. Borrows from the ExternalSecret. */
struct plan {
    struct remote_read *reads; /* one for each key and version, in the order first named */
    size_t read_count;
    size_t *read_of; /* for each element of external_secret->data the index of its read */
};

/* Wipes the values read. */
void plan_done(struct plan *plan);

/* Whether this version renders the ExternalSecret exactly. ERR_INVALID names the field that it does
 * not: such an ExternalSecret is left alone as a whole, and nothing is fetched for it. */
MUST_CHECK bool plan_check_supported(const struct external_secret *external_secret,
                                     struct err *err);

/* N properties of one remote secret are one read. It prefers the binary value when each of them has
 * a property: External Secrets Operator looks for a property in SecretBinary first and for a whole
 * value in SecretString; of a real secret one of the two is there. `external_secret` has passed
 * plan_check_supported(). */
void plan_make(const struct external_secret *external_secret, struct plan *ret);

/* The data map once all reads have their values. ERR_MISSING (no such property), ERR_INVALID,
 * ERR_TOO_BIG (a value or all together); the message names key and property. */
MUST_CHECK bool plan_collect(const struct external_secret *external_secret, const struct plan *plan,
                             struct data_map *ret, struct err *err);

#endif
