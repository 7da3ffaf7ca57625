/* SPDX-License-Identifier: Apache-2.0 */
/* Do two versions of a record differ in anything somebody acts on? Status and resourceVersion are
 * nothing anybody acts on. Any thread. */
#ifndef WORLD_COMPARE_H
#define WORLD_COMPARE_H

#include "objects/external_secret.h"
#include "objects/namespace.h"
#include "objects/secret.h"
#include "objects/workload.h"

/* Key set and digests; neither metadata nor type nor uid. */
bool same_digests(const struct secret *a, const struct secret *b);
/* All that makes the Secret what it is. */
bool same_external_secret(const struct external_secret *a, const struct external_secret *b);
/* Labels. */
bool same_namespace(const struct namespace *a, const struct namespace *b);
/* References, marker, selector, and whether it may be patched. */
bool same_workload(const struct workload *a, const struct workload *b);
/* In the same order. */
bool same_pairs(const struct string_pair *a, size_t a_count, const struct string_pair *b,
                size_t b_count);

#endif
