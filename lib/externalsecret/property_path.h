/* SPDX-License-Identifier: Apache-2.0 */
/* What a gjson path leads to in a text. Any thread; a run belongs to one. */
#ifndef EXTERNALSECRET_PROPERTY_PATH_H
#define EXTERNALSECRET_PROPERTY_PATH_H

#include "externalsecret/property_value.h"

/* No value when there is none, and when the run is exhausted. */
struct property_value property_path_get(struct property_run *run, struct str_view json,
                                        struct str_view path);

#endif
