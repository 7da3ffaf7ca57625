/* SPDX-License-Identifier: Apache-2.0 */
/* Which groups libcurl's TLS connections exchange keys in: X25519 first, and a key share for that
 * group alone.
 *
 * libcurl 7.88 with GnuTLS has no option for it, and leaves it to GnuTLS, which makes keys for two
 * groups and then uses P-256: an eighth of the CPU that a new connection to AWS costs. A server
 * that has no X25519 asks for another group (HelloRetryRequest, RFC 8446 section 4.1.4), which is a
 * round trip more.
 *
 * A function defined in the executable takes precedence for every library in the process, but only
 * while it stands in the executable's dynamic table; so the file is linked as an object, as
 * webhook/wipe.c is. Clients of any library have one key share, and the groups are ours where
 * priorities are set by a text that names none and is not the administrator's (@SYSTEM): in this
 * process libcurl's alone. Our server sets its priorities otherwise. Finite-field groups, X448 and
 * what a newer GnuTLS has of its own are not offered. */
#include <dlfcn.h>
#include <gnutls/gnutls.h>
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

/* With one key share for clients. */
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

/* With our groups behind what is asked for. What was asked for last is kept ready for who asks for
 * the same: libcurl always does. */
EXPORTED int gnutls_priority_set_direct(gnutls_session_t session, const char *priorities,
                                        const char **error_at)
{
    bool names_groups = !priorities || priorities[0] == '@' || strstr(priorities, "GROUP-");
    return !names_groups && set_with_groups(session, priorities)
               ? GNUTLS_E_SUCCESS
               : set_as_they_are(session, priorities, error_at);
}
