/* SPDX-License-Identifier: Apache-2.0 */
/* "namespace/name": one object of a kind, as the key of tables and agendas. No namespace and no
 * name has a slash (Kubernetes, "Object Names and IDs"). Any thread. */
#ifndef OBJECTS_OBJECT_KEY_H
#define OBJECTS_OBJECT_KEY_H

#include "base/buf.h"

/* `ret` is initialised here; buf_done() after use. "/name" where there is no namespace. */
void object_key_write(struct buf *ret, struct str_view namespace, struct str_view name);
/* Views into `key`; "" for the namespace of "/name". False when it has no slash. */
MUST_CHECK bool object_key_read(struct str_view key, struct str_view *ret_namespace,
                                struct str_view *ret_name);

#endif
