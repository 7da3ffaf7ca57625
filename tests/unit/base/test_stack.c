/* SPDX-License-Identifier: Apache-2.0 */
#include "base/stack.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "check_main.h"

enum {
    DEPTH = 32 * 1024, /* below the caller */
};

static const char PLANTED[] = "planted-value";

/* The system reads the stack: to the compiler what a function left there is gone. */
static bool is_planted(uintptr_t address)
{
    char found[sizeof PLANTED] = {0};
    int memory = open("/proc/self/mem", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(memory, 0);
    ck_assert_int_eq(pread(memory, found, sizeof found, (off_t)address), sizeof found);
    close(memory);
    return memcmp(found, PLANTED, sizeof found) == 0;
}

/* Returns where. */
__attribute__((noinline)) static uintptr_t leave_value(void)
{
    volatile char room[DEPTH];
    for (size_t i = 0; i < sizeof PLANTED; i++) {
        room[i] = PLANTED[i];
    }
    return (uintptr_t)room;
}

START_TEST(what_a_function_left_is_overwritten)
{
    uintptr_t left = leave_value();
    ck_assert(is_planted(left));
    stack_wipe();
    ck_assert(!is_planted(left));
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("stack");
    TCase *tcase = tcase_create("stack");
    tcase_add_test(tcase, what_a_function_left_is_overwritten);
    suite_add_tcase(suite, tcase);
    return suite;
}
