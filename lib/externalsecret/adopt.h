/* SPDX-License-Identifier: Apache-2.0 */
/* Whose Secret is it? Decides what may happen to a Secret that is already there under the target's
 * name (creationPolicy Owner). Pure; any thread. */
#ifndef EXTERNALSECRET_ADOPT_H
#define EXTERNALSECRET_ADOPT_H

#include "base/json.h"
#include "objects/external_secret.h"

enum adoption {
    ADOPT_CREATE,  /* there is none */
    ADOPT_REPLACE, /* this ExternalSecret's */
    ADOPT_FOREIGN, /* somebody else's, or nobody's: left alone; `why` says whose */
};

/* A Secret is this ExternalSecret's when its controller has the same group, kind and name; the uid
 * may be that of a predecessor and is corrected by the next write. External Secrets Operator also
 * takes over Secrets that nobody controls. Keyturn does not: what a user made is never overwritten.
 * `live` is NULL when there is no such Secret. */
enum adoption adopt_decide(const struct external_secret *external_secret, const struct json *live,
                           struct err *why);

/* An entry of metadata.ownerReferences points at this ExternalSecret, whatever its uid. */
bool adopt_is_owner(const struct external_secret *external_secret, const struct json *reference);

#endif
