/* SPDX-License-Identifier: Apache-2.0 */
#include "base/effort.h"

bool effort_refuse(const struct effort *effort, struct err *err)
{
    return err_set(err, ERR_TOO_BIG,
                   "the ExternalSecret takes more than its %zu steps up to here: split it",
                   effort->whole);
}
