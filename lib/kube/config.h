/* SPDX-License-Identifier: Apache-2.0 */
/* How to reach an API server and who we are there: the Pod's ServiceAccount or a kubeconfig.
 *
 * Shared by all threads; only the token changes. Certificates and keys that stand inside a
 * kubeconfig live in memory files (memfd), since libcurl with GnuTLS takes paths only. Never uses a
 * proxy. Sources: kubernetes.io "Accessing the Kubernetes API from a Pod", client-go's
 * clientcmd/api/v1. */
#ifndef KUBE_CONFIG_H
#define KUBE_CONFIG_H

#include "base/clock.h"
#include "base/secret_buf.h"
#include "http/message.h"

struct kube_config;

/* Where a Pod finds what it needs; the defaults are Kubernetes' own. Tests point elsewhere. */
struct kube_in_cluster {
    const char *host;      /* KUBERNETES_SERVICE_HOST */
    const char *port;      /* KUBERNETES_SERVICE_PORT */
    const char *directory; /* with token, ca.crt, namespace; NULL:
                              /var/run/secrets/kubernetes.io/serviceaccount */
};

/* ERR_MISSING when host, port or a file is not there; ERR_INVALID. `clock` outlives the config. */
MUST_CHECK bool kube_config_in_cluster(const struct kube_in_cluster *place,
                                       const struct clock *clock, struct kube_config **ret,
                                       struct err *err);
/* The current context of a kubeconfig. Relative paths in it are relative to its directory. Refused
 * plainly, ERR_INVALID: exec and auth-provider plugins, username and password, impersonation,
 * insecure-skip-tls-verify, proxy-url, http:// to anything but loopback. */
MUST_CHECK bool kube_config_load(const char *path, const struct clock *clock,
                                 struct kube_config **ret, struct err *err);
/* The same from text, which is not changed; `directory` stands for the file's own. */
MUST_CHECK bool kube_config_parse(struct str_view text, const char *directory,
                                  const struct clock *clock, struct kube_config **ret,
                                  struct err *err);
/* Accepts NULL. */
void kube_config_free(struct kube_config *config);

/* "https://10.96.0.1:443", without a slash at the end. */
const char *kube_config_server(const struct kube_config *config);
/* For http_request: what the server URL means by its tls-server-name; NULL: nothing special. */
const char *kube_config_connect_to(const struct kube_config *config);
struct http_tls kube_config_tls(const struct kube_config *config);
/* The ServiceAccount's or the context's namespace; "" when none is named. */
const char *kube_config_namespace(const struct kube_config *config);

/* Appends "Bearer TOKEN", or nothing where another credential is used. A token in a file is read
 * again when the copy is a minute old (bound tokens are rotated in place) or was rejected. Any
 * thread. A file that cannot be read now leaves the copy in use; ERR_* of file_read() when there is
 * none. */
MUST_CHECK bool kube_config_authorization(struct kube_config *config, struct secret_buf *ret,
                                          struct err *err);
/* The API server answered 401: the file is read at the next use. False when there is no file, so
 * that trying again is of no use. Any thread. */
bool kube_config_token_rejected(struct kube_config *config);

#endif
