/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/watch.h"

#include "base/limits.h"
#include "check_main.h"
#include "watch_world.h"

START_TEST(lists_then_watches)
{
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_STARTING);
    ck_assert_int_le(kube_watch_next_ms(watch), now);
    step();
    expect("begin\n" LIST_URL);
    ck_assert_int_eq(idle, 30000);
    ck_assert_int_eq(kube_watch_next_ms(watch), INT64_MAX);
    headers(200, "");
    ck_assert(data("{\"kind\":\"SecretList\",\"metadata\":{\"resourceVersion\":\"10\"},"
                   "\"items\":[" OBJECT("a", "5") ","));
    expect("LISTED a\n");
    ck_assert(data(OBJECT("b", "6") "]}"));
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_STARTING);
    end(ERR_NONE);
    expect("LISTED b\nend\nstate synced\n");
    step_after(0);
    expect(WATCH_URL("10"));
    ck_assert_int_eq(idle, 90000);
    headers(200, "");
    ck_assert(data(LINE("ADDED", OBJECT("c", "11")) LINE("MODIFIED", OBJECT("c", "12"))));
    ck_assert(data(LINE("DELETED", OBJECT("a", "13"))));
    expect("ADDED c\nMODIFIED c\nDELETED a\n");
    const struct kube_watch_counters *counters = kube_watch_counters(watch);
    ck_assert_uint_eq(atomic_load(&counters->events), 5);
    ck_assert_uint_eq(atomic_load(&counters->lists), 1);
    ck_assert_uint_eq(atomic_load(&counters->restarts), 0);
    ck_assert_uint_gt(atomic_load(&counters->bytes), 200);
}
END_TEST

START_TEST(reads_list_page_by_page)
{
    step();
    answer(200, LIST("10", "p/2", OBJECT("a", "5")));
    expect("begin\n" LIST_URL "LISTED a\n");
    step_after(0);
    answer(200, LIST("10", "p3", ""));
    expect(PAGE_URL("p%2F2"));
    step_after(0);
    answer(200, LIST("10", "", OBJECT("b", "6")));
    expect(PAGE_URL("p3") "LISTED b\nend\nstate synced\n");
}
END_TEST

START_TEST(resumes_from_last_version_at_once_after_clean_end)
{
    establish();
    (void)data(LINE("ADDED", OBJECT("c", "11")));
    now += 300000;
    end(ERR_NONE);
    step_after(0);
    expect("ADDED c\n" WATCH_URL("11"));
    ck_assert_uint_eq(atomic_load(&kube_watch_counters(watch)->restarts), 0);
}
END_TEST

START_TEST(bookmark_moves_version_without_an_object)
{
    establish();
    (void)data(LINE("BOOKMARK", "{\"metadata\":{\"resourceVersion\":\"99\"}}"));
    now += 300000;
    end(ERR_NONE);
    step_after(0);
    expect(WATCH_URL("99"));
}
END_TEST

START_TEST(line_that_was_cut_off_comes_again)
{
    establish();
    (void)data(LINE("ADDED", OBJECT("c", "11")) "{\"type\":\"ADDED\",\"object\":{\"meta");
    end(ERR_UNAVAILABLE);
    step_after(500);
    expect("ADDED c\n" WATCH_URL("11"));
    headers(200, "");
    (void)data(LINE("ADDED", OBJECT("d", "12")));
    expect("ADDED d\n");
    ck_assert_uint_eq(atomic_load(&kube_watch_counters(watch)->restarts), 1);
}
END_TEST

START_TEST(backs_off_while_nothing_comes)
{
    static const int64_t delays[] = {500, 1000, 2000, 4000, 8000, 16000, 30000, 30000};
    for (size_t i = 0; i < ARRAY_LEN(delays); i++) {
        i == 0 ? step() : step_after(delays[i - 1]);
        end(ERR_UNAVAILABLE);
    }
    expect("begin\n" LIST_URL "state starting cut\n"
           "begin\n" LIST_URL "begin\n" LIST_URL "begin\n" LIST_URL "begin\n" LIST_URL
           "begin\n" LIST_URL "begin\n" LIST_URL "begin\n" LIST_URL);
}
END_TEST

START_TEST(watch_that_told_something_ends_the_row_of_failures)
{
    establish();
    (void)data(LINE("ERROR", STATUS("500", "InternalError", "x")));
    end(ERR_INVALID);
    step_after(500);
    end(ERR_UNAVAILABLE);
    step_after(1000);
    headers(200, "");
    (void)data(LINE("ADDED", OBJECT("c", "11")));
    end(ERR_UNAVAILABLE);
    step_after(500);
}
END_TEST

START_TEST(watch_that_lasted_ends_the_row_of_failures)
{
    establish();
    end(ERR_UNAVAILABLE);
    step_after(500);
    headers(200, "");
    now += 9999;
    end(ERR_UNAVAILABLE);
    step_after(1000);
    headers(200, "");
    now += 10000;
    end(ERR_UNAVAILABLE);
    step_after(500);
}
END_TEST

START_TEST(jitter_halves_the_delay_at_most)
{
    chance = 0;
    step();
    end(ERR_UNAVAILABLE);
    step_after(250);
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_STARTING);
}
END_TEST

START_TEST(jitter_halves_the_watch_timeout_at_most)
{
    chance = 0;
    step();
    answer(200, LIST("10", "", ""));
    step();
    ck_assert_ptr_nonnull(strstr(told, "timeoutSeconds=300&"));
}
END_TEST

START_TEST(failed_page_is_asked_for_again)
{
    step();
    answer(200, LIST("10", "p2", OBJECT("a", "5")));
    step_after(0);
    headers(200, "");
    (void)data("{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[" OBJECT("b", "6"));
    end(ERR_TIMEOUT);
    expect("begin\n" LIST_URL "LISTED a\n" PAGE_URL("p2") "LISTED b\nstate starting cut\n");
    step_after(500);
    answer(200, LIST("10", "", OBJECT("b", "6") "," OBJECT("c", "7")));
    expect(PAGE_URL("p2") "LISTED b\nLISTED c\nend\nstate synced\n");
}
END_TEST

static const char *const no_lists[] = {
    "<html>",
    "{}",
    "{\"metadata\":{},\"items\":[]}", /* no version to watch from */
    "{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[",
    "",
};

START_TEST(incomplete_list_is_no_list)
{
    step();
    answer(200, no_lists[_i]);
    ck_assert_ptr_null(strstr(told, "end\n"));
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_STARTING);
    step_after(500);
    ck_assert(is_open);
}
END_TEST

START_TEST(lists_again_at_once_when_the_version_is_gone)
{
    establish();
    ck_assert(!data(LINE("ERROR", STATUS("410", "Expired", "too old resource version"))
                        LINE("ADDED", OBJECT("never", "1"))));
    end(ERR_INVALID);
    step_after(0);
    expect("begin\n" LIST_URL);
    /* What is known stays good until the new list is there. */
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_SYNCED);
    ck_assert_uint_eq(atomic_load(&kube_watch_counters(watch)->restarts), 1);
}
END_TEST

START_TEST(lists_again_when_the_watch_is_answered_410)
{
    establish();
    now += 300000;
    end(ERR_NONE);
    step();
    answer(410, STATUS("410", "Gone", "x"));
    step_after(0);
    expect(WATCH_URL("10") "begin\n" LIST_URL);
}
END_TEST

START_TEST(does_not_list_again_and_again)
{
    establish();
    answer(200, LINE("ERROR", STATUS("410", "Expired", "x")));
    step_after(0);
    answer(200, LIST("20", "", ""));
    step_after(0);
    answer(410, STATUS("410", "Gone", "x"));
    step_after(500);
    answer(200, LIST("21", "", ""));
    step_after(0);
    answer(410, STATUS("410", "Gone", "x"));
    step_after(1000);
    answer(200, LIST("22", "", ""));
    step_after(0);
    /* An event proves that the version is good: the next time is the first again. */
    headers(200, "");
    (void)data(LINE("ADDED", OBJECT("c", "23")));
    (void)data(LINE("ERROR", STATUS("410", "Expired", "x")));
    end(ERR_INVALID);
    step_after(0);
}
END_TEST

START_TEST(expired_continue_token_begins_the_list_anew)
{
    step();
    answer(200, LIST("10", "p2", OBJECT("a", "5")));
    step_after(0);
    answer(410, STATUS("410", "Expired", "x"));
    step_after(0);
    expect("begin\n" LIST_URL "LISTED a\n" PAGE_URL("p2") "begin\n" LIST_URL);
}
END_TEST

START_TEST(resumes_with_back_off_after_another_error_event)
{
    establish();
    ck_assert(!data(LINE("ERROR", STATUS("500", "InternalError", "etcd"))));
    end(ERR_INVALID);
    step_after(500);
    expect(WATCH_URL("10"));
}
END_TEST

START_TEST(lists_when_watches_from_a_version_keep_failing)
{
    establish();
    (void)data(LINE("ERROR", STATUS("500", "InternalError", "x")));
    end(ERR_INVALID);
    step_after(500);
    answer(504, STATUS("504", "Timeout", "Too large resource version"));
    step_after(1000);
    answer(504, STATUS("504", "Timeout", "Too large resource version"));
    expect(WATCH_URL("10") WATCH_URL("10"));
    step_after(2000);
    expect("begin\n" LIST_URL);
}
END_TEST

START_TEST(end_that_comes_too_soon_is_a_failure)
{
    establish();
    now += 999;
    end(ERR_NONE);
    step_after(500);
    headers(200, "");
    now += 1000;
    end(ERR_NONE);
    step_after(0);
    headers(200, "");
    (void)data(LINE("ADDED", OBJECT("c", "11")));
    end(ERR_NONE);
    step_after(0);
}
END_TEST

static const struct {
    unsigned status;
    enum kube_watch_sync state;
    const char *told;
} refusals[] = {
    {403, KUBE_WATCH_FORBIDDEN, "state forbidden list: status 403: because\n"},
    {404, KUBE_WATCH_NO_KIND, "state no_kind list: status 404: because\n"},
};

START_TEST(tells_refusal_and_tries_again_slowly)
{
    step();
    answer(refusals[_i].status, STATUS("0", "X", "because"));
    ck_assert_int_eq(kube_watch_state(watch), refusals[_i].state);
    told_len = strlen("begin\n" LIST_URL);
    ck_assert_str_eq(told + told_len, refusals[_i].told);
    told_len = 0;
    step_after(30000);
    answer(refusals[_i].status, STATUS("0", "X", "because"));
    expect("begin\n" LIST_URL);
    step_after(30000);
    answer(200, LIST("10", "", ""));
    expect("begin\n" LIST_URL "end\nstate synced\n");
}
END_TEST

START_TEST(right_lost_while_watching_makes_it_unknown)
{
    establish();
    now += 300000;
    end(ERR_NONE);
    step();
    answer(403, STATUS("403", "Forbidden", "because"));
    expect(WATCH_URL("10") "state forbidden watch: status 403: because\n");
    step_after(30000);
    expect("begin\n" LIST_URL);
}
END_TEST

START_TEST(has_token_read_again_and_repeats_at_once)
{
    establish();
    now += 300000;
    end(ERR_NONE);
    step();
    answer(401, STATUS("401", "Unauthorized", "x"));
    ck_assert_uint_eq(rejected, 1);
    expect(WATCH_URL("10"));
    step_after(0);
    headers(200, "");
    expect(WATCH_URL("10"));
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_SYNCED);
}
END_TEST

START_TEST(tells_when_the_token_stays_rejected)
{
    step();
    answer(401, STATUS("401", "Unauthorized", "x"));
    step_after(0);
    answer(401, STATUS("401", "Unauthorized", "x"));
    ck_assert_uint_eq(rejected, 2);
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_FORBIDDEN);
    step_after(1000);
    answer(200, LIST("10", "", ""));
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_SYNCED);
}
END_TEST

START_TEST(honours_retry_after)
{
    step();
    headers(429, "Retry-After: 7\r\n");
    end(ERR_NONE);
    step_after(7000);
}
END_TEST

START_TEST(refusal_of_any_length_is_taken)
{
    step();
    headers(500, "");
    bool wanted = true;
    for (size_t i = 0; wanted; i++) {
        ck_assert_uint_lt(i, 10000);
        wanted = data("<html> no Status at all, and it goes on and on and on </html>");
    }
    end(ERR_INVALID);
    expect("begin\n" LIST_URL "state starting list: status 500\n");
    step_after(500);
}
END_TEST

START_TEST(lags_after_a_minute_without_a_watch)
{
    establish();
    now += 20000;
    int64_t lost = now;
    end(ERR_UNAVAILABLE);
    expect("");
    for (;;) {
        now = kube_watch_next_ms(watch);
        if (now >= lost + 60000) {
            break;
        }
        step();
        end(ERR_UNAVAILABLE);
        ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_SYNCED);
    }
    told_len = 0;
    told[0] = '\0';
    ck_assert_int_eq(now, lost + 60000);
    step();
    ck_assert_int_eq(strncmp(told, "state lagging", 13), 0);
    told_len = 0;
    now = kube_watch_next_ms(watch);
    is_open ? (void)0 : step();
    headers(200, "");
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_SYNCED);
}
END_TEST

START_TEST(established_watch_may_be_silent)
{
    establish();
    now += 3600000;
    step();
    expect("");
    ck_assert_int_eq(kube_watch_state(watch), KUBE_WATCH_SYNCED);
    ck_assert_int_eq(kube_watch_next_ms(watch), INT64_MAX);
}
END_TEST

START_TEST(stalled_watch_resumes_soon)
{
    establish();
    now += 90000;
    end(ERR_TIMEOUT);
    step_after(500);
    expect(WATCH_URL("10"));
}
END_TEST

static const struct {
    const char *line;
    const char *told;
} unreadables[] = {
    /* A member twice is no JSON that the strict reader takes. */
    {LINE("MODIFIED", "{\"metadata\":{\"name\":\"x\",\"namespace\":\"team\"},\"a\":1,\"a\":2}"),
     "unreadable MODIFIED team/x\n"},
    {LINE("DELETED", "{\"metadata\":{\"name\":\"x\",\"namespace\":\"team\"},\"a\":}"),
     "unreadable DELETED team/x\n"},
    {LINE("ADDED", "{\"a\":}"), "unreadable ADDED /\n"},
};

START_TEST(unreadable_object_is_named_and_spoils_nothing_else)
{
    establish();
    ck_assert(data(unreadables[_i].line));
    ck_assert(data(LINE("ADDED", OBJECT("c", "11"))));
    ck_assert_int_eq(strncmp(told, unreadables[_i].told, strlen(unreadables[_i].told)), 0);
    ck_assert_str_eq(told + strlen(unreadables[_i].told), "ADDED c\n");
    ck_assert_uint_eq(atomic_load(&kube_watch_counters(watch)->unreadable), 1);
}
END_TEST

START_TEST(oversized_object_in_a_list_is_named_and_skipped)
{
    enum { LARGE = LIMIT_ELEMENT_BYTES };
    step();
    headers(200, "");
    ck_assert(data("{\"metadata\":{\"resourceVersion\":\"10\"},\"items\":[{\"metadata\":{"
                   "\"name\":\"big\",\"namespace\":\"team\"},\"data\":{\"k\":\""));
    char *large = mem_alloc(LARGE);
    memset(large, 'A', LARGE);
    ck_assert(kube_watch_on_data(watch, large, LARGE, now));
    free(large);
    ck_assert(data("\"}}," OBJECT("b", "6") "]}"));
    end(ERR_NONE);
    expect("begin\n" LIST_URL "unreadable LISTED team/big\nLISTED b\nend\nstate synced\n");
}
END_TEST

START_TEST(line_of_no_known_type_ends_the_watch)
{
    establish();
    ck_assert(!data(LINE("SURPRISE", OBJECT("c", "11"))));
    end(ERR_INVALID);
    step_after(500);
    expect(WATCH_URL("10"));
}
END_TEST

START_TEST(lists_again_on_request)
{
    establish();
    kube_watch_relist(watch);
    ck_assert_int_eq(kube_watch_next_ms(watch), INT64_MIN);
    step();
    expect("close\nstate starting listing again\nbegin\n" LIST_URL);
    answer(200, LIST("30", "", ""));
    expect("end\nstate synced\n");
}
END_TEST

START_TEST(lists_again_on_request_in_the_middle_of_a_list)
{
    step();
    answer(200, LIST("10", "p2", OBJECT("a", "5")));
    kube_watch_relist(watch);
    step();
    expect("begin\n" LIST_URL "LISTED a\nstate starting listing again\nbegin\n" LIST_URL);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kube/watch");
    TCase *t = tcase_create("watch");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, lists_then_watches);
    tcase_add_test(t, reads_list_page_by_page);
    tcase_add_test(t, resumes_from_last_version_at_once_after_clean_end);
    tcase_add_test(t, bookmark_moves_version_without_an_object);
    tcase_add_test(t, line_that_was_cut_off_comes_again);
    tcase_add_test(t, backs_off_while_nothing_comes);
    tcase_add_test(t, watch_that_told_something_ends_the_row_of_failures);
    tcase_add_test(t, watch_that_lasted_ends_the_row_of_failures);
    tcase_add_test(t, jitter_halves_the_delay_at_most);
    tcase_add_test(t, jitter_halves_the_watch_timeout_at_most);
    tcase_add_test(t, failed_page_is_asked_for_again);
    tcase_add_loop_test(t, incomplete_list_is_no_list, 0, ARRAY_LEN(no_lists));
    tcase_add_test(t, lists_again_at_once_when_the_version_is_gone);
    tcase_add_test(t, lists_again_when_the_watch_is_answered_410);
    tcase_add_test(t, does_not_list_again_and_again);
    tcase_add_test(t, expired_continue_token_begins_the_list_anew);
    tcase_add_test(t, resumes_with_back_off_after_another_error_event);
    tcase_add_test(t, lists_when_watches_from_a_version_keep_failing);
    tcase_add_test(t, end_that_comes_too_soon_is_a_failure);
    tcase_add_loop_test(t, tells_refusal_and_tries_again_slowly, 0, ARRAY_LEN(refusals));
    tcase_add_test(t, right_lost_while_watching_makes_it_unknown);
    tcase_add_test(t, has_token_read_again_and_repeats_at_once);
    tcase_add_test(t, tells_when_the_token_stays_rejected);
    tcase_add_test(t, honours_retry_after);
    tcase_add_test(t, refusal_of_any_length_is_taken);
    tcase_add_test(t, lags_after_a_minute_without_a_watch);
    tcase_add_test(t, established_watch_may_be_silent);
    tcase_add_test(t, stalled_watch_resumes_soon);
    tcase_add_loop_test(t, unreadable_object_is_named_and_spoils_nothing_else, 0,
                        ARRAY_LEN(unreadables));
    tcase_add_test(t, oversized_object_in_a_list_is_named_and_skipped);
    tcase_add_test(t, line_of_no_known_type_ends_the_watch);
    tcase_add_test(t, lists_again_on_request);
    tcase_add_test(t, lists_again_on_request_in_the_middle_of_a_list);
    suite_add_tcase(s, t);
    return s;
}
