/* SPDX-License-Identifier: Apache-2.0 */
/* What a controller writes into the status of an ExternalSecret and of a store, as the External
 * Secrets Operator does (external-secrets.md §2.6, §3.7): merge patches (RFC 7386) for the
 * subresource status. Pure; any thread. */
#ifndef EXTERNALSECRET_STATUS_H
#define EXTERNALSECRET_STATUS_H

#include "base/buf.h"
#include "base/json.h"

/* How carrying out an ExternalSecret ended, in the words of §2.6. */
enum status_end {
    STATUS_SYNCED,
    STATUS_RETAINED, /* nothing to write; with deletionPolicy Retain nothing changes */
    STATUS_DELETED,
    STATUS_TARGET_MISSING, /* creationPolicy Merge, and no Secret to merge into */
    /* From here on failures: what went well before stays in the status. */
    STATUS_NO_DATA,
    STATUS_NOT_UPDATED,
    STATUS_IMMUTABLE,
    STATUS_NOT_OWNED,   /* the Secret is somebody else's */
    STATUS_OTHER_OWNER, /* another ExternalSecret's */
    STATUS_NOT_DELETED,
    STATUS_ORPHANS_NOT_DELETED,
    STATUS_REFUSED, /* Keyturn's own: a field it does not render; the message names it */
};

struct status_change {
    enum status_end end;
    int64_t now_ms;          /* since 1970 */
    int64_t start_ms;        /* of the run; becomes refreshTime when it went well */
    struct str_view version; /* becomes syncedResourceVersion when it went well */
    struct str_view target;  /* becomes binding.name after a write; empty: left as it is */
    struct str_view why;     /* for STATUS_REFUSED */
};

bool status_is_ready(enum status_end end);
const char *status_reason(enum status_end end);
/* Whether the end means that there is to be no Secret. */
bool status_leaves_absent(enum status_end end);

enum {
    STATUS_PATCH_BYTES = 256 * 1024, /* ceiling of a patch: other conditions stand in it too */
};

/* `live` is the whole object, for its conditions: of others they stay; lastTransitionTime changes
 * when the status flips, and the condition moves to the end when reason or message changes. NULL:
 * there is no status yet. `resource_version`, where not empty, guards the patch. `ret` is
 * initialised here. False: the status is that already, and there is nothing to write. */
bool status_patch(const struct status_change *change, const struct json *live,
                  struct str_view resource_version, struct buf *ret);

/* A store was validated: `fault` is NULL when credentials can be obtained, else why not. */
struct status_store_change {
    const char *fault;
    int64_t now_ms;
};

/* Likewise, with capabilities ReadWrite. */
bool status_store_patch(const struct status_store_change *change, const struct json *live,
                        struct str_view resource_version, struct buf *ret);

#endif
