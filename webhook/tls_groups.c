/* SPDX-License-Identifier: Apache-2.0 */
#include "webhook/tls_groups.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORTED __attribute__((visibility("default")))
#define GROUPS ":-GROUP-ALL:+GROUP-X25519:+GROUP-SECP256R1:+GROUP-SECP384R1:+GROUP-SECP521R1"

enum {
    PRIORITIES_BYTES = 512,
};

typedef int (*init_function)(gnutls_session_t *session, unsigned int flags);

static pthread_once_t once = PTHREAD_ONCE_INIT;
static init_function init_of_gnutls;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static char kept_text[PRIORITIES_BYTES]; /* guarded, like `kept` */
static gnutls_priority_t kept;

static void find_gnutls(void)
{
    void *found = dlsym(RTLD_NEXT, "gnutls_init");
    if (!found) {
        abort();
    }
    memcpy(&init_of_gnutls, &found, sizeof found);
}

EXPORTED int gnutls_init(gnutls_session_t *session, unsigned int flags)
{
    (void)pthread_once(&once, find_gnutls);
    return init_of_gnutls(session, flags & GNUTLS_CLIENT ? flags | GNUTLS_KEY_SHARE_TOP : flags);
}

/* Holds the mutex. The priorities with our groups behind them; a session that uses those that were
 * kept before has a reference of its own. NULL: this GnuTLS does not take them. */
static gnutls_priority_t keep(const char *priorities)
{
    char text[PRIORITIES_BYTES];
    gnutls_priority_t made = NULL;
    if (kept && strcmp(priorities, kept_text) == 0) {
        return kept;
    }
    int len = snprintf(text, sizeof text, "%s" GROUPS, priorities);
    if (len < 0 || (size_t)len >= sizeof text || gnutls_priority_init(&made, text, NULL) < 0) {
        return NULL;
    }
    gnutls_priority_deinit(kept);
    kept = made;
    memcpy(kept_text, priorities, strlen(priorities) + 1);
    return kept;
}

static bool set_with_groups(gnutls_session_t session, const char *priorities)
{
    (void)pthread_mutex_lock(&mutex);
    gnutls_priority_t ready = keep(priorities);
    bool set = ready && gnutls_priority_set(session, ready) == GNUTLS_E_SUCCESS;
    (void)pthread_mutex_unlock(&mutex);
    return set;
}

static int set_as_they_are(gnutls_session_t session, const char *priorities, const char **error_at)
{
    gnutls_priority_t made = NULL;
    int code = gnutls_priority_init(&made, priorities, error_at);
    if (code == GNUTLS_E_SUCCESS) {
        code = gnutls_priority_set(session, made);
        gnutls_priority_deinit(made);
    }
    return code;
}

EXPORTED int gnutls_priority_set_direct(gnutls_session_t session, const char *priorities,
                                        const char **error_at)
{
    bool names_groups = !priorities || priorities[0] == '@' || strstr(priorities, "GROUP-");
    return !names_groups && set_with_groups(session, priorities)
               ? GNUTLS_E_SUCCESS
               : set_as_they_are(session, priorities, error_at);
}
