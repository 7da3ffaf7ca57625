/* SPDX-License-Identifier: Apache-2.0 */
/* The JSON Patch (RFC 6902) that carries out a verdict.
 *
 * Total by construction: no `test` operation, absent parents are created by one `add` of a whole
 * object, members are addressed by escaped JSON Pointers (RFC 6901). A patch that decodes but does
 * not apply rejects the user's request whatever failurePolicy says, so nothing is assumed here. */
#ifndef ADMISSION_PATCH_H
#define ADMISSION_PATCH_H

#include "admission/decide.h"
#include "base/buf.h"

/* Appends the array to `out`, or nothing at all when the object stays as it is. */
void patch_write(const struct review *review, const struct verdict *verdict, struct buf *out);

#endif
