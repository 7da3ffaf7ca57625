/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to an ExternalSecret's own review: what is wrong with it (externalsecret/validate.h,
 * where the codes are), what the cluster around it says, and, where nothing is wrong so far, what
 * its stores say (existence.h). Never mutated (DESIGN §4).
 *
 * Denied is what nobody carries out and what no waiting cures; alone, without an operator to leave
 * it to, also what this version does not render. A store or a target may yet change, and a remote
 * secret may yet be made: a warning, but for onMissing deny. */
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

struct validate_rules {
    bool alone;          /* there is no operator besides Keyturn */
    bool denies_missing; /* a remote secret or property */
};

/* A dry run is never denied for what time mends (admission.md §1.6). */
struct validate_rules validate_rules(const struct review *review, const struct policy_rules *rules,
                                     bool alone);

/* Pure. */
void validate_decide(const struct problem_list *problems, const struct validate_rules *rules,
                     struct verdict *ret);

/* One review, from its object to its verdict. No side effects: neither AWS nor a cache is touched
 * in here, and what is found out in between is added to `problems`. */
struct validation {
    bool skipped;
    struct external_secret *external_secret; /* NULL: skipped, or it is none */
    struct problem_list problems;
};

/* What is known without asking anybody. */
void validation_begin(const struct review *review, struct world *world, struct validation *ret);
void validation_done(struct validation *validation);
/* It is worth asking the stores: nothing is wrong so far, it lies where the review says, which the
 * API server has seen to, and the namespace is not off. */
bool validation_may_ask(const struct validation *validation, const struct review *review,
                        const struct policy_rules *rules);
void validation_end(const struct validation *validation, const struct validate_rules *rules,
                    struct verdict *ret);

#endif
