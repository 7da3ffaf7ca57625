/* SPDX-License-Identifier: Apache-2.0 */
/* One ceiling shared by many: bytes of request bodies and JSON nodes in flight (DESIGN §2, 64 MiB).
 *
 * A counter with a limit; taking never blocks. All functions are safe from any thread. */
#ifndef BASE_BUDGET_H
#define BASE_BUDGET_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/alloc.h"

struct budget {
    size_t limit;
    atomic_size_t used;
};

void budget_init(struct budget *budget, size_t limit);
/* Takes `amount`, or takes nothing and answers false when that would go over the limit. */
MUST_CHECK bool budget_take(struct budget *budget, size_t amount);
/* Gives back what was taken. */
void budget_give(struct budget *budget, size_t amount);
size_t budget_used(struct budget *budget);

#endif
