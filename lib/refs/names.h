/* SPDX-License-Identifier: Apache-2.0 */
/* Which names may appear in a URL or a lookup. Objects reach an admission webhook unvalidated: a
 * name may be empty, a megabyte long or hold "../" (Kubernetes: "Object Names and IDs"). Any
 * thread. */
#ifndef REFS_NAMES_H
#define REFS_NAMES_H

#include "base/str_view.h"

/* RFC 1123 subdomain: lower-case alphanumerics, '-' and '.', 1..253 bytes, labels begin and end
 * alphanumeric. */
bool name_is_dns_subdomain(struct str_view name);
/* RFC 1123 label, 1..63 bytes: namespaces. */
bool name_is_dns_label(struct str_view name);
/* A key of a Secret (Kubernetes IsConfigMapKey): [-._a-zA-Z0-9]+, at most 253 bytes, not "." and
 * not beginning with "..". */
bool name_is_secret_key(struct str_view key);
/* A label's key (Kubernetes IsQualifiedName): [-._a-zA-Z0-9]{1,63} that begins and ends
 * alphanumeric, with a subdomain and '/' before it or not. */
bool name_is_label_key(struct str_view key);
/* A label's value: the same without the prefix, or empty. */
bool name_is_label_value(struct str_view value);

#endif
