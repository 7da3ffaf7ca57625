/* SPDX-License-Identifier: Apache-2.0 */
/* "@name" and "@name:argument": another text made from a text. Any thread; a run belongs to one. */
#ifndef EXTERNALSECRET_PROPERTY_MODIFIER_H
#define EXTERNALSECRET_PROPERTY_MODIFIER_H

#include "externalsecret/property_part.h"

/* Not for MODIFIER_NONE and MODIFIER_PRETTY. */
struct str_view property_modify(struct property_run *run, enum property_modifier modifier,
                                struct str_view json, struct str_view argument);

#endif
