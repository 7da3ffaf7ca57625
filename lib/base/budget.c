/* SPDX-License-Identifier: Apache-2.0 */
#include "base/budget.h"

#include <assert.h>

void budget_init(struct budget *budget, size_t limit)
{
    budget->limit = limit;
    atomic_init(&budget->used, 0);
}

bool budget_take(struct budget *budget, size_t amount)
{
    size_t used = atomic_load_explicit(&budget->used, memory_order_relaxed);
    do {
        if (amount > budget->limit || used > budget->limit - amount) {
            return false;
        }
    } while (!atomic_compare_exchange_weak(&budget->used, &used, used + amount));
    return true;
}

void budget_give(struct budget *budget, size_t amount)
{
    size_t before = atomic_fetch_sub(&budget->used, amount);
    assert(before >= amount);
    (void)before;
}

size_t budget_used(struct budget *budget)
{
    return atomic_load_explicit(&budget->used, memory_order_relaxed);
}
