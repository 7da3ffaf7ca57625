/* SPDX-License-Identifier: Apache-2.0 */
/* The regions of AWS that were known when this was built (the SDKs' list of partitions). There are
 * more every year: an unknown one is still a region. Any thread. */
#ifndef AWS_REGIONS_H
#define AWS_REGIONS_H

#include <stdbool.h>

#include "base/str_view.h"

bool region_is_known(struct str_view region);

#endif
