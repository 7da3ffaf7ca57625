/* SPDX-License-Identifier: Apache-2.0 */
/* The installation key: 32 random bytes in a Secret of Keyturn's namespace, one for all replicas.
 *
 * Whoever comes first creates it; everybody else adopts what is there. A key that was replaced or
 * restored makes old hashes unknown, which means adoption and never a roll (DESIGN §2). */
#ifndef WEBHOOK_INSTALLATION_KEY_H
#define WEBHOOK_INSTALLATION_KEY_H

#include "base/json.h"
#include "kube/client.h"
#include "world/fingerprint.h"

/* Reads the Secret, or creates it. ERR_INVALID when it holds something else than 32 bytes. */
MUST_CHECK bool installation_key_ensure(const struct kube_client *client, const char *namespace,
                                        const char *name, int64_t deadline_ms,
                                        struct fingerprint_keys *ret, struct err *err);
/* Out of a Secret object (data.key). */
MUST_CHECK bool installation_key_read(const struct json *secret, struct fingerprint_keys *ret,
                                      struct err *err);

#endif
