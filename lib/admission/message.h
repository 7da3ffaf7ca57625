/* SPDX-License-Identifier: Apache-2.0 */
/* What users read: one line of printable ASCII, a stable code first, then what, where, and what
 * happens next.
 *
 * Names come from objects that nobody has validated. Anything but printable ASCII is shown as \xNN,
 * and what does not fit is cut with "..." so that the fixed words always stand: the API server
 * drops warnings with control characters and cuts long ones (Kubernetes
 * AdmissionResponse.warnings). Any thread. */
#ifndef ADMISSION_MESSAGE_H
#define ADMISSION_MESSAGE_H

#include "admission/codes.h"
#include "admission/decide.h"

struct missing {
    enum code code; /* one of the four for a missing Secret or key */
    const struct secret_ref *ref;
    bool of_pod;           /* of one Pod, else of a template of many */
    int64_t held_up_to_ms; /* 0: not held */
};

void message_missing(const struct missing *missing, struct warning *ret);
void message_more_missing(unsigned shown, struct warning *ret);
void message_hostile(enum code code, const struct secret_ref *ref,
                     char ret[LIMIT_DENIAL_BYTES + 1]);
/* "KT104", or "" for CODE_NONE. */
void message_code(enum code code, char ret[ADMISSION_CODE_BYTES]);

#endif
