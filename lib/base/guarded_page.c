/* SPDX-License-Identifier: Apache-2.0 */
/* Three pages without access are mapped as one, and the middle one is then opened: what somebody
 * else maps meanwhile cannot come to lie next to it, and a failure leaves no hole behind.
 *
 * Children do not get the page at all (MADV_DONTFORK) rather than a zeroed one (MADV_WIPEONFORK): a
 * key of zeros would work, and nobody would notice. */
#include "base/guarded_page_internal.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "base/alloc.h"

/* Linux 5.14, the same number on every architecture; older headers lack it. */
#ifndef SYS_memfd_secret
#define SYS_memfd_secret 447
#endif

enum {
    PAGES = 3,
};

/* Such memory is locked and left out of core files by itself. Refused by older kernels, where it is
 * switched off, by seccomp profiles that do not know it, and over RLIMIT_MEMLOCK. */
static bool map_secret_memory(struct guarded_page *page)
{
    int file = (int)syscall(SYS_memfd_secret, O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    void *mapping = MAP_FAILED;
    if (ftruncate(file, (off_t)page->mapping_size) == 0) {
        mapping = mmap(NULL, page->mapping_size, PROT_NONE, MAP_SHARED, file, 0);
    }
    close(file);
    page->mapping = mapping;
    return mapping != MAP_FAILED;
}

static void map_ordinary_memory(struct guarded_page *page)
{
    page->mapping = mmap(NULL, page->mapping_size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page->mapping == MAP_FAILED ||
        madvise(page->mapping, page->mapping_size, MADV_DONTDUMP) != 0) {
        abort();
    }
}

void guarded_page_init_with(struct guarded_page *page, bool secret_memory)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    *page = (struct guarded_page){.size = size, .mapping_size = PAGES * size};
    page->locked = secret_memory && map_secret_memory(page);
    if (!page->locked) {
        map_ordinary_memory(page);
    }
    page->bytes = (unsigned char *)page->mapping + size;
    if (mprotect(page->bytes, size, PROT_READ | PROT_WRITE) != 0 ||
        madvise(page->mapping, page->mapping_size, MADV_DONTFORK) != 0) {
        abort();
    }
    if (!page->locked) {
        page->locked = mlock(page->bytes, size) == 0;
    }
}

void guarded_page_init(struct guarded_page *page)
{
    guarded_page_init_with(page, true);
}

void guarded_page_done(struct guarded_page *page)
{
    if (page->mapping) {
        explicit_bzero(page->bytes, page->size);
        munmap(page->mapping, page->mapping_size);
    }
    *page = (struct guarded_page){0};
}
