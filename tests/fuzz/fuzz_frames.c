/* SPDX-License-Identifier: Apache-2.0 */
/* However a list or a watch is portioned, the same objects come out; and where the strict reader
 * accepts the whole list, they are exactly its items. The first bytes choose mode, ceiling and
 * portions. */
#include <stdlib.h>

#include "base/json.h"
#include "kube/frames.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    OUT_BYTES = 1024 * 1024,
};

struct outcome {
    struct buf out; /* each object behind its length and kind */
    unsigned elements;
    unsigned oversized;
    bool ok;
};

static void require(bool condition)
{
    if (!condition) {
        abort();
    }
}

static void on_element(void *context, char *data, size_t len)
{
    struct outcome *outcome = context;
    outcome->elements++;
    buf_printf(&outcome->out, "\nE%zu:", len);
    buf_append(&outcome->out, data, len);
    memset(data, '"', len);
}

static void on_oversized(void *context, const struct kube_frame_names *names)
{
    struct outcome *outcome = context;
    outcome->oversized++;
    buf_add_str(&outcome->out, "\nO");
    buf_add(&outcome->out, names->event);
    buf_add_byte(&outcome->out, '/');
    buf_add(&outcome->out, names->namespace);
    buf_add_byte(&outcome->out, '/');
    buf_add(&outcome->out, names->name);
}

static const struct kube_frames_handlers handlers = {on_element, on_oversized};

static void run(enum kube_frames_mode mode, size_t ceiling, struct str_view text, size_t step,
                struct outcome *ret)
{
    struct kube_frames frames;
    struct err err = {0};
    *ret = (struct outcome){.ok = true};
    buf_init(&ret->out, OUT_BYTES);
    kube_frames_init(&frames, mode, ceiling, &handlers, ret);
    for (size_t at = 0; at < text.len && ret->ok; at += step) {
        struct str_view portion = sv_first(sv_from(text, at), step);
        char *copy = mem_dup(portion.data, portion.len);
        ret->ok = kube_frames_feed(&frames, copy, portion.len, &err);
        free(copy);
    }
    ret->ok = ret->ok && kube_frames_end(&frames, &err);
    require(ret->ok || err.kind == ERR_INVALID);
    buf_add_str(&ret->out, "\nV");
    buf_add(&ret->out, kube_frames_resource_version(&frames));
    buf_add_str(&ret->out, "\nC");
    buf_add(&ret->out, kube_frames_continue(&frames));
    kube_frames_done(&frames);
}

/* Elements as the strict reader sees them. */
static void compare_with_reader(struct str_view text, const struct outcome *outcome)
{
    static const struct json_limits limits = {.max_nodes = 20000, .max_depth = 128};
    struct json_doc doc = {0};
    struct err err = {0};
    const struct json *list = NULL;
    char *copy = mem_dup(text.data, text.len);
    if (json_parse(&doc, copy, text.len, &limits, &list, &err)) {
        const struct json *items = json_member(list, "items");
        bool is_list = json_is(list, JSON_OBJECT) &&
                       json_is(json_member(list, "metadata"), JSON_OBJECT) &&
                       (json_is(items, JSON_ARRAY) || json_is(items, JSON_NULL));
        JSON_FOR_EACH (item, items) {
            is_list = is_list && json_is(item, JSON_OBJECT);
        }
        /* A name written with escapes is not recognised, and one that is long fails in metadata. */
        require(!outcome->ok || is_list);
        if (is_list && outcome->ok && items->type == JSON_ARRAY) {
            require(outcome->elements + outcome->oversized == items->len);
        }
        require(outcome->ok || !is_list || memchr(text.data, '\\', text.len) != NULL);
    }
    json_doc_done(&doc);
    free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole;
    struct outcome portioned;
    if (size < 3) {
        return 0;
    }
    enum kube_frames_mode mode = data[0] & 1 ? KUBE_FRAMES_LIST : KUBE_FRAMES_WATCH;
    size_t ceiling = data[1] == 0 ? 65536 : data[1];
    size_t step = (size_t)data[2] + 1;
    struct str_view text = sv_make((const char *)data + 3, size - 3);
    run(mode, ceiling, text, text.len + 1, &whole);
    run(mode, ceiling, text, step, &portioned);
    require(whole.ok == portioned.ok && whole.elements == portioned.elements);
    require(sv_equal(buf_view(&whole.out), buf_view(&portioned.out)));
    if (mode == KUBE_FRAMES_LIST) {
        compare_with_reader(text, &whole);
    }
    buf_done(&whole.out);
    buf_done(&portioned.out);
    return 0;
}
