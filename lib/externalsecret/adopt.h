/* SPDX-License-Identifier: Apache-2.0 */
/* Whose Secret is it? Decides what may happen to a Secret that is already there under the target's
 * name, by the creationPolicy. Rules: external-secrets.md §5.1 (6), §5.4. Pure; any thread. */
#ifndef EXTERNALSECRET_ADOPT_H
#define EXTERNALSECRET_ADOPT_H

#include "base/json.h"
#include "objects/external_secret.h"

enum adoption {
    ADOPT_CREATE,  /* there is none */
    ADOPT_REPLACE, /* this ExternalSecret's */
    ADOPT_MERGE,   /* anybody's but another ExternalSecret's: keys are added to it */
    ADOPT_MISSING, /* there is none, and creationPolicy Merge makes none */
    ADOPT_NONE,    /* creationPolicy None: whatever is there is left alone */
    ADOPT_OWNED,   /* another ExternalSecret's; left alone, `why` says whose */
    ADOPT_FOREIGN, /* somebody else's, or nobody's; likewise */
};

/* Owner: a Secret is this ExternalSecret's when its controller has the same group, kind and name;
 * the uid may be that of a predecessor and is corrected by the next write. Owner and Orphan: or
 * when nobody else controls it and adopt_has_written() says so.
 *
 * External Secrets Operator also takes over Secrets that nobody controls, and for Orphan those that
 * somebody else controls. Keyturn does not: what a user made is never overwritten. Merge and
 * CreateOrMerge add to a Secret of somebody else because that is what the user asked for.
 * `live` is NULL when there is no such Secret. */
enum adoption adopt_decide(const struct external_secret *external_secret, const struct json *live,
                           struct err *why);

/* An entry of metadata.ownerReferences points at this ExternalSecret, whatever its uid. */
bool adopt_is_owner(const struct external_secret *external_secret, const struct json *reference);

/* The Secret is managed, and this ExternalSecret's field manager has created it or owns every key
 * of its data. Keys that it merged into a Secret of somebody else do not make it that. */
bool adopt_has_written(const struct external_secret *external_secret, const struct json *live);

/* The controller is this ExternalSecret: with deletionPolicy Delete it may be deleted. */
bool adopt_controls(const struct external_secret *external_secret, const struct json *live);

#endif
