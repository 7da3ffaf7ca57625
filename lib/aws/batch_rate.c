/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/batch_rate.h"

int64_t batch_rate_ready_ms(const struct batch_rate *rate)
{
    return rate->full_ms - (int64_t)(BATCH_RATE_BURST - 1) * BATCH_RATE_INTERVAL_MS;
}

bool batch_rate_take(struct batch_rate *rate, int64_t now_ms)
{
    if (batch_rate_ready_ms(rate) > now_ms) {
        return false;
    }
    int64_t from_ms = rate->full_ms > now_ms ? rate->full_ms : now_ms;
    rate->full_ms = from_ms + BATCH_RATE_INTERVAL_MS;
    return true;
}
