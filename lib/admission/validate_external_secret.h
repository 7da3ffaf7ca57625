/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to an ExternalSecret's own review: what is wrong with it (externalsecret/validate.h,
 * where the codes are), and what the cluster around it says. Never mutated (DESIGN §4).
 *
 * Denied is what nobody carries out and what no waiting cures; alone, without an operator to leave
 * it to, also what this version does not render. A store or a target may yet change: a warning. */
#ifndef ADMISSION_VALIDATE_EXTERNAL_SECRET_H
#define ADMISSION_VALIDATE_EXTERNAL_SECRET_H

#include "admission/decide.h"
#include "externalsecret/validate.h"
#include "world/world.h"

/* True when it is allowed untouched: another kind, DELETE, CONNECT, a subresource, one that is
 * being deleted, an UPDATE that leaves the spec as it was. */
bool validate_skips(const struct review *review);

/* Appends what the world says of stores and target. Reads the world, nothing else. */
void validate_look_around(struct world *world, const struct external_secret *external_secret,
                          struct problem_list *ret);

/* Pure. `alone`: there is no operator besides Keyturn. */
void validate_decide(const struct problem_list *problems, bool alone, struct verdict *ret);

/* All of it for one review. No side effects: neither AWS nor a cache is touched. */
void validate_external_secret(const struct review *review, struct world *world, bool alone,
                              struct verdict *ret);

#endif
