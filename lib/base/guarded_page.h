/* SPDX-License-Identifier: Apache-2.0 */
/* One page for a key: between two pages that cannot be touched, out of core files, not inherited by
 * children, out of swap where the system lets us (memfd_secret(2), else mlock(2); aws.md §8.3).
 * Any thread. */
#ifndef BASE_GUARDED_PAGE_H
#define BASE_GUARDED_PAGE_H

#include <stdbool.h>
#include <stddef.h>

struct guarded_page {
    unsigned char *bytes;
    size_t size;
    bool locked; /* neither swap nor, with memfd_secret, the kernel's own mappings see it */
    void *mapping;
    size_t mapping_size;
};

/* Zero-filled. Aborts when there is no memory. */
void guarded_page_init(struct guarded_page *page);
/* Wipes and unmaps; the struct is then zeroed. Accepts a zeroed one. */
void guarded_page_done(struct guarded_page *page);

#endif
