/* SPDX-License-Identifier: Apache-2.0 */
/* Every case runs for secret memory (index 1), where the system has it, and for ordinary memory
 * (index 0). */
#include "base/guarded_page_internal.h"

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "base/alloc.h"
#include "check_main.h"

enum {
    LINE_BYTES = 512,
};

/* "from-to " in hexadecimal, with which a mapping starts. */
static bool read_range(const char *line, uintptr_t *from, uintptr_t *to)
{
    char *end = NULL;
    *from = (uintptr_t)strtoull(line, &end, 16);
    if (end == line || *end != '-') {
        return false;
    }
    const char *second = end + 1;
    *to = (uintptr_t)strtoull(second, &end, 16);
    return end != second && *end == ' ';
}

/* What /proc/self/smaps says of the mapping that holds `address`: its first line, or the one that
 * starts with `field`. */
static bool find_smaps(const void *address, const char *field, char line[LINE_BYTES])
{
    FILE *smaps = fopen("/proc/self/smaps", "re");
    ck_assert_ptr_nonnull(smaps);
    bool here = false;
    bool found = false;
    while (!found && fgets(line, LINE_BYTES, smaps)) {
        uintptr_t from = 0;
        uintptr_t to = 0;
        bool first = read_range(line, &from, &to);
        if (first) {
            here = from <= (uintptr_t)address && (uintptr_t)address < to;
        }
        found = here && (field ? strncmp(line, field, strlen(field)) == 0 : first);
    }
    (void)fclose(smaps);
    return found;
}

static bool has_flag(const void *address, const char *flag)
{
    char line[LINE_BYTES];
    ck_assert(find_smaps(address, "VmFlags:", line));
    return strstr(line, flag) != NULL;
}

/* A mapping's first line ends with the name of its file. */
static bool is_secret_memory(const struct guarded_page *page)
{
    char line[LINE_BYTES];
    ck_assert(find_smaps(page->bytes, NULL, line));
    return strstr(line, "secretmem") != NULL;
}

/* Under a sanitizer mlock(2) answers 0 and does nothing. */
static bool locking_works(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ck_assert_ptr_ne(page, MAP_FAILED);
    bool locked = mlock(page, size) == 0 && has_flag(page, " lo");
    munmap(page, size);
    return locked;
}

static bool is_mapped(void *page, size_t size)
{
    unsigned char resident = 0;
    return mincore(page, size, &resident) == 0 || errno != ENOMEM;
}

START_TEST(is_zero_filled_and_writable_from_end_to_end)
{
    CLEANUP(guarded_page_done) struct guarded_page page;
    guarded_page_init_with(&page, _i);
    ck_assert_uint_eq(page.size, (size_t)sysconf(_SC_PAGESIZE));
    ck_assert_uint_eq((uintptr_t)page.bytes % page.size, 0);
    for (size_t i = 0; i < page.size; i++) {
        ck_assert_int_eq(page.bytes[i], 0);
        page.bytes[i] = (unsigned char)(i % 251 + 1);
    }
    for (size_t i = 0; i < page.size; i++) {
        ck_assert_int_eq(page.bytes[i], (int)(i % 251 + 1));
    }
}
END_TEST

/* A read whose result nobody needs is left out, by valgrind too. */
static volatile unsigned char sink;

static void read_byte(const unsigned char *at)
{
    sink = *(const volatile unsigned char *)at;
}

START_TEST(reading_in_front_of_it_dies)
{
    struct guarded_page page;
    guarded_page_init_with(&page, _i);
    read_byte(page.bytes - 1);
}
END_TEST

START_TEST(reading_behind_it_dies)
{
    struct guarded_page page;
    guarded_page_init_with(&page, _i);
    read_byte(page.bytes + page.size);
}
END_TEST

START_TEST(writing_in_front_of_it_dies)
{
    struct guarded_page page;
    guarded_page_init_with(&page, _i);
    *(volatile unsigned char *)(page.bytes - page.size) = 1;
}
END_TEST

START_TEST(writing_behind_it_dies)
{
    struct guarded_page page;
    guarded_page_init_with(&page, _i);
    *(volatile unsigned char *)(page.bytes + 2 * page.size - 1) = 1;
}
END_TEST

START_TEST(touching_the_page_itself_does_not_die)
{
    CLEANUP(guarded_page_done) struct guarded_page page;
    guarded_page_init_with(&page, _i);
    read_byte(page.bytes);
    read_byte(page.bytes + page.size - 1);
}
END_TEST

START_TEST(is_in_no_core_file_and_no_child)
{
    CLEANUP(guarded_page_done) struct guarded_page page;
    guarded_page_init_with(&page, _i);
    page.bytes[0] = 1;
    ck_assert(has_flag(page.bytes, " dd"));
    ck_assert(has_flag(page.bytes, " dc"));
}
END_TEST

START_TEST(is_locked_where_it_says_so)
{
    CLEANUP(guarded_page_done) struct guarded_page page;
    guarded_page_init_with(&page, _i);
    page.bytes[0] = 1;
    if (locking_works()) {
        ck_assert_int_eq(has_flag(page.bytes, " lo"), page.locked);
    }
}
END_TEST

START_TEST(a_child_that_touches_it_dies)
{
    CLEANUP(guarded_page_done) struct guarded_page page;
    guarded_page_init_with(&page, _i);
    page.bytes[0] = 1;
    pid_t child = fork();
    if (child == 0) {
        (void)signal(SIGSEGV, SIG_DFL);
        read_byte(page.bytes);
        _exit(0);
    }
    ck_assert_int_gt(child, 0);
    int status = 0;
    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGSEGV);
}
END_TEST

START_TEST(is_gone_when_done)
{
    struct guarded_page page;
    guarded_page_init_with(&page, _i);
    struct guarded_page was = page;
    ck_assert(is_mapped(was.bytes, was.size));
    guarded_page_done(&page);
    ck_assert(!is_mapped(was.mapping, was.size));
    ck_assert(!is_mapped(was.bytes, was.size));
    ck_assert(!is_mapped(was.bytes + was.size, was.size));
    ck_assert_ptr_null(page.bytes);
    ck_assert_ptr_null(page.mapping);
    ck_assert(!page.locked);
    guarded_page_done(&page);
}
END_TEST

START_TEST(works_where_nothing_may_be_locked)
{
    struct rlimit none = {0};
    ck_assert_int_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    /* CAP_IPC_LOCK is above the limit. */
    char probe = 0;
    bool may_lock = mlock(&probe, 1) == 0;
    CLEANUP(guarded_page_done) struct guarded_page page;
    guarded_page_init_with(&page, _i);
    page.bytes[0] = 1;
    ck_assert_int_eq(page.locked, may_lock);
    ck_assert(has_flag(page.bytes, " dd"));
}
END_TEST

START_TEST(ordinary_memory_is_used_only_where_there_is_no_secret_memory)
{
    CLEANUP(guarded_page_done) struct guarded_page ordinary;
    CLEANUP(guarded_page_done) struct guarded_page chosen;
    guarded_page_init_with(&ordinary, false);
    guarded_page_init(&chosen);
    ck_assert(!is_secret_memory(&ordinary));
    if (!is_secret_memory(&chosen)) {
        (void)fputs("no memfd_secret(2) here: only ordinary memory was looked at\n", stderr);
    }
}
END_TEST

enum {
    KINDS = 2,
};

/* A sanitizer turns the signal into a report of its own; these cases want the signal. */
static void give_back_signals(void)
{
    (void)signal(SIGSEGV, SIG_DFL);
}

Suite *suite(void)
{
    Suite *suite = suite_create("guarded_page");
    TCase *page = tcase_create("page");
    tcase_add_loop_test(page, is_zero_filled_and_writable_from_end_to_end, 0, KINDS);
    tcase_add_loop_test(page, touching_the_page_itself_does_not_die, 0, KINDS);
    tcase_add_loop_test(page, is_in_no_core_file_and_no_child, 0, KINDS);
    tcase_add_loop_test(page, is_locked_where_it_says_so, 0, KINDS);
    tcase_add_loop_test(page, a_child_that_touches_it_dies, 0, KINDS);
    tcase_add_loop_test(page, is_gone_when_done, 0, KINDS);
    tcase_add_loop_test(page, works_where_nothing_may_be_locked, 0, KINDS);
    tcase_add_test(page, ordinary_memory_is_used_only_where_there_is_no_secret_memory);
    suite_add_tcase(suite, page);

    TCase *guards = tcase_create("guards");
    tcase_add_checked_fixture(guards, give_back_signals, NULL);
    tcase_add_loop_test_raise_signal(guards, reading_in_front_of_it_dies, SIGSEGV, 0, KINDS);
    tcase_add_loop_test_raise_signal(guards, reading_behind_it_dies, SIGSEGV, 0, KINDS);
    tcase_add_loop_test_raise_signal(guards, writing_in_front_of_it_dies, SIGSEGV, 0, KINDS);
    tcase_add_loop_test_raise_signal(guards, writing_behind_it_dies, SIGSEGV, 0, KINDS);
    suite_add_tcase(suite, guards);
    return suite;
}
