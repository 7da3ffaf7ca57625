/* SPDX-License-Identifier: Apache-2.0 */
#include <pthread.h>

#include "check_main.h"

#include "webhook/agenda.h"
#include "webhook/thread.h"

static struct {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    char seen[8][8];
    unsigned count;
} looks;

static struct agenda *agenda;

static void look(void *context, const char *key)
{
    (void)context;
    pthread_mutex_lock(&looks.mutex);
    (void)snprintf(looks.seen[looks.count++], sizeof looks.seen[0], "%s", key);
    pthread_cond_signal(&looks.changed);
    pthread_mutex_unlock(&looks.mutex);
}

static void setup(void)
{
    memset(&looks, 0, sizeof looks);
    mutex_init(&looks.mutex);
    cond_init(&looks.changed);
    agenda = agenda_new(&(struct agenda_options){.name = "test",
                                                 .clock = clock_system(),
                                                 .debounce_ms = 20,
                                                 .max_wait_ms = 1000,
                                                 .look = look});
}

static void teardown(void)
{
    agenda_free(agenda);
}

static void await(unsigned count)
{
    pthread_mutex_lock(&looks.mutex);
    while (looks.count < count) {
        pthread_cond_wait(&looks.changed, &looks.mutex);
    }
    pthread_mutex_unlock(&looks.mutex);
}

START_TEST(looks_in_order_of_time_not_of_asking)
{
    agenda_look_in(agenda, SV("late"), 30);
    agenda_look_in(agenda, SV("now"), 0);
    agenda_start(agenda);
    await(2);
    ck_assert_str_eq(looks.seen[0], "now");
    ck_assert_str_eq(looks.seen[1], "late");
}
END_TEST

START_TEST(an_earlier_wish_wakes_the_thread)
{
    agenda_start(agenda);
    agenda_look_in(agenda, SV("a"), 3600000);
    agenda_look_in(agenda, SV("a"), 0);
    await(1);
    ck_assert_uint_eq(agenda_count(agenda), 0);
}
END_TEST

START_TEST(touches_are_one_look)
{
    for (int i = 0; i < 10; i++) {
        agenda_touch(agenda, SV("a"));
    }
    ck_assert_uint_eq(agenda_count(agenda), 1);
    agenda_start(agenda);
    await(1);
    ck_assert_uint_eq(looks.count, 1);
}
END_TEST

START_TEST(ends_while_things_are_planned)
{
    agenda_look_in(agenda, SV("a"), 3600000);
    agenda_start(agenda);
}
END_TEST

Suite *suite(void)
{
    Suite *suite = suite_create("webhook/agenda");
    TCase *tcase = tcase_create("agenda");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, looks_in_order_of_time_not_of_asking);
    tcase_add_test(tcase, an_earlier_wish_wakes_the_thread);
    tcase_add_test(tcase, touches_are_one_look);
    tcase_add_test(tcase, ends_while_things_are_planned);
    suite_add_tcase(suite, tcase);
    return suite;
}
