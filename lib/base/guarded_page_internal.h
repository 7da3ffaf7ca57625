/* SPDX-License-Identifier: Apache-2.0 */
/* For tests: the page as it is where memfd_secret(2) is missing. */
#ifndef BASE_GUARDED_PAGE_INTERNAL_H
#define BASE_GUARDED_PAGE_INTERNAL_H

#include "base/guarded_page.h"

/* `secret_memory` false: as if the system had no memfd_secret(2). */
void guarded_page_init_with(struct guarded_page *page, bool secret_memory);

#endif
