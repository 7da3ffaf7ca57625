/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/read_fetch.h"

static char *append(char *at, struct str_view part)
{
    if (part.len > 0) {
        memcpy(at, part.data, part.len);
    }
    return at + part.len;
}

/* One block: the length of the key, which makes an id of what follows, key, version, namespace. */
struct read_fetch *read_fetch_new(struct str_view key, struct str_view version,
                                  struct str_view namespace)
{
    struct str_view length = sv_make((const char *)&key.len, sizeof key.len);
    char *text = mem_alloc(length.len + key.len + version.len + namespace.len);
    char *key_at = append(text, length);
    char *version_at = append(key_at, key);
    char *namespace_at = append(version_at, version);
    (void)append(namespace_at, namespace);
    struct read_fetch *fetch = mem_alloc(sizeof *fetch);
    *fetch = (struct read_fetch){
        .id = sv_make(text, (size_t)(namespace_at - text)),
        .key = sv_make(key_at, key.len),
        .version = sv_make(version_at, version.len),
        .namespace = sv_make(namespace_at, namespace.len),
    };
    return fetch;
}

void read_fetch_free(struct read_fetch *fetch)
{
    remote_value_done(&fetch->value);
    free((char *)fetch->id.data);
    free(fetch);
}

bool read_error_passes(const struct service_error *error)
{
    return error->class == SERVICE_THROTTLE || error->class == SERVICE_TRANSIENT ||
           error->class == SERVICE_TRANSPORT ||
           (error->class == SERVICE_CREDENTIAL && error->retryable);
}
