/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/frames.h"

#include "base/limits.h"
#include "check_main.h"

/* What was handed out, one line each: "E <bytes>" or "O <event> <namespace>/<name>". */
struct seen {
    char text[4096];
    size_t len;
};

static void see(struct seen *seen, const char *kind, struct str_view text)
{
    seen->len += (size_t)snprintf(seen->text + seen->len, sizeof seen->text - seen->len,
                                  "%s %.*s\n", kind, SV_ARG(text));
    ck_assert_uint_lt(seen->len, sizeof seen->text);
}

static void on_element(void *context, char *data, size_t len)
{
    see(context, "E", sv_make(data, len));
    /* A reader works in place. */
    memset(data, '#', len);
}

static void on_oversized(void *context, const struct kube_frame_names *names)
{
    char text[256];
    (void)snprintf(text, sizeof text, "%.*s %.*s/%.*s", SV_ARG(names->event),
                   SV_ARG(names->namespace), SV_ARG(names->name));
    see(context, "O", sv_of(text));
}

static const struct kube_frames_handlers handlers = {on_element, on_oversized};

struct outcome {
    struct seen seen;
    bool ok;
    char version[64];
    char next[64];
};

/* Feeds `text` in portions that end at `cut` and at every multiple of `step` behind it. */
static void run(enum kube_frames_mode mode, size_t ceiling, struct str_view text, size_t cut,
                size_t step, struct outcome *ret)
{
    CLEANUP(kube_frames_done) struct kube_frames frames = {0};
    struct err err = {0};
    *ret = (struct outcome){.ok = true};
    kube_frames_init(&frames, mode, ceiling, &handlers, &ret->seen);
    for (size_t at = 0; at < text.len && ret->ok;) {
        size_t end = at < cut ? cut : at + step;
        end = end < text.len ? end : text.len;
        /* A copy of its own size, so that a read beyond the portion is seen by the sanitizer. */
        char *portion = mem_dup(text.data + at, end - at);
        ret->ok = kube_frames_feed(&frames, portion, end - at, &err);
        free(portion);
        at = end;
    }
    ret->ok = ret->ok && kube_frames_end(&frames, &err);
    if (!ret->ok) {
        ck_assert_int_eq(err.kind, ERR_INVALID);
    }
    (void)snprintf(ret->version, sizeof ret->version, "%.*s",
                   SV_ARG(kube_frames_resource_version(&frames)));
    (void)snprintf(ret->next, sizeof ret->next, "%.*s", SV_ARG(kube_frames_continue(&frames)));
}

/* The same outcome for every cut in two, for single bytes and for small steps. */
static void run_every_way(enum kube_frames_mode mode, size_t ceiling, struct str_view text,
                          struct outcome *ret)
{
    run(mode, ceiling, text, text.len, 1, ret);
    for (size_t i = 0; i <= text.len + 8; i++) {
        struct outcome other;
        size_t step = i > text.len ? i - text.len : text.len;
        run(mode, ceiling, text, i > text.len ? 0 : i, step ? step : 1, &other);
        ck_assert_msg(other.ok == ret->ok, "cut at %zu: %.*s", i, SV_ARG(text));
        ck_assert_msg(strcmp(other.seen.text, ret->seen.text) == 0, "cut at %zu: %s", i,
                      other.seen.text);
        ck_assert_str_eq(other.version, ret->version);
        ck_assert_str_eq(other.next, ret->next);
    }
}

static const struct {
    const char *text;
    const char *seen; /* NULL: refused */
    const char *version;
    const char *next;
} lists[] = {
    {"{\"kind\":\"SecretList\",\"apiVersion\":\"v1\",\"metadata\":{\"resourceVersion\":\"12\"},"
     "\"items\":[{\"a\":1},{\"b\":[{}]}]}\n",
     "E {\"a\":1}\nE {\"b\":[{}]}\n", "12", ""},
    {"{\"items\":[{\"a\":1}],\"metadata\":{\"continue\":\"c/=\",\"resourceVersion\":\"7\"},"
     "\"kind\":\"X\"}",
     "E {\"a\":1}\n", "7", "c/="},
    {" { \"metadata\" : { } , \"items\" : [ ] } ", "", "", ""},
    {"{\"metadata\":{\"resourceVersion\":\"1\"},\"items\":null}", "", "1", ""},
    {"{\"metadata\":{},\"items\":[{\"s\":\"}]{\\\"}\\\\\"},{\"t\":\"\\\\\\\\\"}]}",
     "E {\"s\":\"}]{\\\"}\\\\\"}\nE {\"t\":\"\\\\\\\\\"}\n", "", ""},
    {"{\"x\":[1,{\"items\":[{\"no\":1}]}],\"y\":\"items\",\"z\":-1.5e3,\"w\":true,"
     "\"metadata\":{\"items\":[{}]},\"items\":[{\"yes\":1}]}",
     "E {\"yes\":1}\n", "", ""},
    {"{\"it\\u0065ms\":[1],\"itemsitemsitemsitems\":{},\"item\":[],\"metadata\":{},"
     "\"items\":[{}]}",
     "E {}\n", "", ""},
    {"{\"metadata\":{\"remainingItemCount\":3,\"resourceVersion\":\"\\u0031\"},\"items\":[]}", "",
     "1", ""},
    {"", NULL, "", ""},
    {"[]", NULL, "", ""},
    {"{}", NULL, "", ""},
    {"{\"items\":[]}", NULL, "", ""},
    {"{\"metadata\":{}}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":[]", NULL, "", ""},
    {"{\"metadata\":{},\"items\":[", NULL, "", ""},
    {"{\"metadata\":{},\"items\":[]}x", NULL, "", ""},
    {"{\"metadata\":{},\"items\":[]}{}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":{}}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":\"null\"}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":nil}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":nulls}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":0}", NULL, "", ""},
    {"{\"metadata\":[],\"items\":[]}", NULL, "", ""},
    {"{\"metadata\":null,\"items\":[]}", NULL, "", ""},
    {"{\"metadata\":{x},\"items\":[]}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":[],\"items\":[]}", NULL, "", ""},
    {"{\"metadata\":{},\"metadata\":{},\"items\":[]}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":[1]}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":[,]}", NULL, "", ""},
    {"{\"metadata\":{} \"items\":[]}", NULL, "", ""},
    {"{\"metadata\":{},,\"items\":[]}", NULL, "", ""},
    {"{,\"metadata\":{},\"items\":[]}", NULL, "", ""},
    {"{\"metadata\":{},\"items\":[],}", NULL, "", ""},
    {"{\"metadata\" {},\"items\":[]}", NULL, "", ""},
    {"{\"a\":,\"metadata\":{},\"items\":[]}", NULL, "", ""},
    {"{\"a\":@,\"metadata\":{},\"items\":[]}", NULL, "", ""},
    {"<html>", NULL, "", ""},
};

START_TEST(cuts_elements_out_of_a_list)
{
    struct outcome outcome;
    run_every_way(KUBE_FRAMES_LIST, 1000, sv_of(lists[_i].text), &outcome);
    ck_assert_msg(outcome.ok == (lists[_i].seen != NULL), "%s", lists[_i].text);
    if (lists[_i].seen) {
        ck_assert_str_eq(outcome.seen.text, lists[_i].seen);
        ck_assert_str_eq(outcome.version, lists[_i].version);
        ck_assert_str_eq(outcome.next, lists[_i].next);
    }
}
END_TEST

START_TEST(hands_out_what_came_before_a_fault)
{
    struct outcome outcome;
    run_every_way(KUBE_FRAMES_LIST, 1000, SV("{\"metadata\":{},\"items\":[{\"a\":1},{\"b\":2},x"),
                  &outcome);
    ck_assert(!outcome.ok);
    ck_assert_str_eq(outcome.seen.text, "E {\"a\":1}\nE {\"b\":2}\n");
}
END_TEST

static const struct {
    const char *text;
    const char *seen;
    bool ok;
} watches[] = {
    {"{\"type\":\"ADDED\",\"object\":{\"a\":\"}\\n\"}}\n{\"type\":\"DELETED\",\"object\":{}}\n",
     "E {\"type\":\"ADDED\",\"object\":{\"a\":\"}\\n\"}}\n"
     "E {\"type\":\"DELETED\",\"object\":{}}\n",
     true},
    {"{}{} \r\n\t{}", "E {}\nE {}\nE {}\n", true},
    {"", "", true},
    {"\n", "", true},
    {"{\"type\":\"ADDED\",\"obj", "", true},
    {"{}\nnull\n", "E {}\n", false},
    {"[]\n", "", false},
    {"}", "", false},
};

START_TEST(cuts_lines_out_of_a_watch)
{
    struct outcome outcome;
    run_every_way(KUBE_FRAMES_WATCH, 1000, sv_of(watches[_i].text), &outcome);
    ck_assert(outcome.ok == watches[_i].ok);
    ck_assert_str_eq(outcome.seen.text, watches[_i].seen);
}
END_TEST

START_TEST(skips_oversized_element_and_names_it)
{
    struct outcome outcome;
    run_every_way(KUBE_FRAMES_LIST, 60,
                  SV("{\"metadata\":{\"resourceVersion\":\"3\"},\"items\":[{\"a\":1},"
                     "{\"metadata\":{\"name\":\"big\",\"namespace\":\"team\"},\"data\":"
                     "{\"k\":\"0123456789012345678901234567890123456789\\\"}{[\"}},"
                     "{\"b\":2}]}"),
                  &outcome);
    ck_assert(outcome.ok);
    ck_assert_str_eq(outcome.seen.text, "E {\"a\":1}\nO  team/big\nE {\"b\":2}\n");
    ck_assert_str_eq(outcome.version, "3");
}
END_TEST

START_TEST(skips_oversized_line_and_names_it)
{
    struct outcome outcome;
    run_every_way(KUBE_FRAMES_WATCH, 80,
                  SV("{\"type\":\"MODIFIED\",\"object\":{\"kind\":\"Secret\",\"metadata\":{"
                     "\"name\":\"big\",\"namespace\":\"team\",\"x\":\"0123456789\"}}}\n"
                     "{\"type\":\"ADDED\",\"object\":{}}\n"),
                  &outcome);
    ck_assert(outcome.ok);
    ck_assert_str_eq(outcome.seen.text, "O MODIFIED /big\nE {\"type\":\"ADDED\",\"object\":{}}\n");
}
END_TEST

START_TEST(ceiling_counts_to_the_byte)
{
    struct outcome outcome;
    run_every_way(KUBE_FRAMES_WATCH, 8, SV("{\"a\":12}{\"a\":123}{}"), &outcome);
    ck_assert_str_eq(outcome.seen.text, "E {\"a\":12}\nO  /\nE {}\n");
}
END_TEST

static void count_element(void *context, char *data, size_t len)
{
    size_t *count = context;
    (void)data;
    (void)len;
    ++*count;
}

START_TEST(wipes_every_object_and_gives_large_watch_buffers_back)
{
    enum { LARGE = 1024 * 1024 };
    static const struct kube_frames_handlers counting = {count_element, on_oversized};
    CLEANUP(kube_frames_done) struct kube_frames frames = {0};
    struct err err = {0};
    size_t count = 0;
    char *large = mem_alloc(LARGE);
    memset(large, 'a', LARGE);
    kube_frames_init(&frames, KUBE_FRAMES_WATCH, LIMIT_ELEMENT_BYTES, &counting, &count);
    ck_assert(frames.object.bytes.wipe);
    ck_assert(kube_frames_feed(&frames, "{\"k\":\"planted\"}", 15, &err));
    ck_assert_uint_eq(frames.object.bytes.len, 0);
    for (size_t i = 0; i < 15; i++) {
        ck_assert_int_eq(frames.object.bytes.data[i], 0);
    }
    ck_assert(kube_frames_feed(&frames, "{\"k\":\"", 6, &err));
    ck_assert(kube_frames_feed(&frames, large, LARGE, &err));
    ck_assert_uint_gt(frames.object.bytes.capacity, LARGE);
    ck_assert(kube_frames_feed(&frames, "\"}", 2, &err));
    ck_assert_ptr_null(frames.object.bytes.data);
    ck_assert_uint_eq(count, 2);
    free(large);
}
END_TEST

START_TEST(refuses_nesting_beyond_reason)
{
    enum { DEEP = 30000 };
    struct outcome outcome;
    char *deep = mem_alloc(DEEP);
    memset(deep, '[', DEEP);
    deep[0] = '{';
    run(KUBE_FRAMES_WATCH, LIMIT_ELEMENT_BYTES, sv_make(deep, DEEP), DEEP, 1, &outcome);
    ck_assert(!outcome.ok);
    free(deep);
}
END_TEST

START_TEST(refuses_metadata_beyond_reason)
{
    enum { LONG = 70000 };
    struct outcome outcome;
    CLEANUP(buf_done) struct buf text = {0};
    buf_init(&text, LONG + 100);
    buf_add_str(&text, "{\"metadata\":{\"continue\":\"");
    memset(buf_extend(&text, LONG), 'c', LONG);
    buf_add_str(&text, "\"},\"items\":[]}");
    run(KUBE_FRAMES_LIST, LIMIT_ELEMENT_BYTES, buf_view(&text), text.len, 1, &outcome);
    ck_assert(!outcome.ok);
}
END_TEST

static const struct {
    enum kube_frames_mode mode;
    const char *head;
    const char *found; /* "event namespace/name" */
} names[] = {
    {KUBE_FRAMES_LIST, "{\"metadata\":{\"name\":\"n\",\"namespace\":\"s\"", " s/n"},
    {KUBE_FRAMES_LIST, "{\"metadata\":{\"name\":\"n\"},\"data\":{\"name\":\"x\"}}", " /n"},
    {KUBE_FRAMES_LIST,
     "{ \"apiVersion\": \"v1\", \"spec\": [ {\"metadata\": {\"name\": \"no\"}}, 1, null ], "
     "\"metadata\": {\"annotations\": {\"name\": \"no\", \"x\": \"\\\"}\"}, \"name\": \"n\" , "
     "\"namespace\":\"s\"}}",
     " s/n"},
    {KUBE_FRAMES_LIST, "{\"metadata\":{\"name\":\"a\\u0062\",\"namespace\":\"s\"}}", " s/"},
    {KUBE_FRAMES_LIST, "{\"metadata\":{\"name\":\"cut", " /"},
    {KUBE_FRAMES_LIST, "{\"metadata\":{\"name\":12,\"namespace\":\"s\"}}", " s/"},
    {KUBE_FRAMES_LIST, "{\"metadata\":[\"name\"]}", " /"},
    {KUBE_FRAMES_LIST, "{\"metadata\":}", " /"},
    {KUBE_FRAMES_LIST, "{\"a\"", " /"},
    {KUBE_FRAMES_LIST, "", " /"},
    {KUBE_FRAMES_LIST, "{", " /"},
    {KUBE_FRAMES_LIST, "{\"a\\", " /"},
    {KUBE_FRAMES_WATCH,
     "{\"type\":\"ADDED\",\"object\":{\"metadata\":{\"namespace\":\"s\",\"name\":\"n\"",
     "ADDED s/n"},
    {KUBE_FRAMES_WATCH,
     "{\"object\":{\"metadata\":{\"namespace\":\"s\",\"name\":\"n\"},\"x\":[1]},"
     "\"type\":\"ADDED\"}",
     "ADDED s/n"},
    {KUBE_FRAMES_WATCH, "{\"type\":\"ADDED\",\"metadata\":{\"name\":\"n\"}}", "ADDED /"},
};

START_TEST(finds_names_in_the_head)
{
    struct kube_frame_names found;
    char text[128];
    char *head = mem_dup(names[_i].head, strlen(names[_i].head));
    kube_frame_names_find(sv_of(head), names[_i].mode, &found);
    (void)snprintf(text, sizeof text, "%.*s %.*s/%.*s", SV_ARG(found.event),
                   SV_ARG(found.namespace), SV_ARG(found.name));
    ck_assert_msg(strcmp(text, names[_i].found) == 0, "%s: %s", names[_i].head, text);
    free(head);
}
END_TEST

Suite *suite(void)
{
    Suite *s = suite_create("kube/frames");
    TCase *t = tcase_create("frames");
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, cuts_elements_out_of_a_list, 0, ARRAY_LEN(lists));
    tcase_add_test(t, hands_out_what_came_before_a_fault);
    tcase_add_loop_test(t, cuts_lines_out_of_a_watch, 0, ARRAY_LEN(watches));
    tcase_add_test(t, skips_oversized_element_and_names_it);
    tcase_add_test(t, skips_oversized_line_and_names_it);
    tcase_add_test(t, ceiling_counts_to_the_byte);
    tcase_add_test(t, wipes_every_object_and_gives_large_watch_buffers_back);
    tcase_add_test(t, refuses_nesting_beyond_reason);
    tcase_add_test(t, refuses_metadata_beyond_reason);
    tcase_add_loop_test(t, finds_names_in_the_head, 0, ARRAY_LEN(names));
    suite_add_tcase(s, t);
    return s;
}
