/* SPDX-License-Identifier: Apache-2.0 */
/* What one ExternalSecret costs besides the network: a remote secret of 64 KiB with a hundred keys,
 * extracted whole, and a template of twenty entries. From the decoded ExternalSecret and the bytes
 * of the value to the data of the Secret, everything parsed each time as it is in the program.
 *
 *   externalsecret_render --ms N
 *
 * Prints {"rendered":N,"cpu_us":N} of one. */
#include <inttypes.h>

#include "base/clock.h"
#include "base/limits.h"
#include "die.h"
#include "externalsecret/plan.h"
#include "externalsecret/render.h"
#include "flags.h"

enum {
    KEYS = 100,
    ENTRIES = 20,
    PAYLOAD_BYTES = 65536,
    VALUE_BYTES = PAYLOAD_BYTES / KEYS - 20, /* key, quotes and comma take the rest */
    DEFAULT_MS = 500,
};

struct rendering {
    struct external_secret *external_secret;
    struct secret_buf payload;
};

/* Fields, a function of each sort and a condition: what templates in the field are made of
 * (external-secrets.md §6.7). */
static void write_entry(struct buf *out, int i)
{
    buf_printf(out, "%s\"entry%02d\":\"", i ? "," : "", i);
    switch (i % 4) {
    case 0:
        buf_printf(out, "{{ .key%03d }}", i);
        break;
    case 1:
        buf_printf(out, "postgres://app:{{ .key%03d | urlquery }}@db:5432/app", i);
        break;
    case 2:
        buf_printf(out, "{{ index . \\\"key%03d\\\" | toString | b64enc }}", i);
        break;
    default:
        buf_printf(out, "{{ if .key%03d }}{{ printf \\\"user=%%s\\\" .key001 | quote }}{{ end }}",
                   i);
    }
    buf_add_str(out, "\"");
}

static void make_external_secret(struct rendering *rendering)
{
    CLEANUP(buf_done) struct buf text = {0};
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    const struct json_limits limits = {.max_nodes = 10000, .max_depth = 32};
    const struct json *root = NULL;
    struct err err = {0};
    buf_init(&text, 64 * 1024);
    buf_add_str(
        &text, "{\"metadata\":{\"namespace\":\"n\",\"name\":\"e\",\"uid\":\"u\","
               "\"resourceVersion\":\"1\"},\"spec\":{\"secretStoreRef\":{\"name\":\"s\"},"
               "\"dataFrom\":[{\"extract\":{\"key\":\"k\"}}],\"target\":{\"template\":{\"data\":{");
    for (int i = 0; i < ENTRIES; i++) {
        write_entry(&text, i);
    }
    buf_add_str(&text, "}}}}}");
    if (!json_parse(&doc, text.data, text.len, &limits, &root, &err) ||
        !external_secret_decode(root, &rendering->external_secret, &err)) {
        die("ExternalSecret", err.message);
    }
}

static void make_payload(struct rendering *rendering)
{
    static char value[VALUE_BYTES + 1];
    char member[sizeof value + 32];
    memset(value, 'v', VALUE_BYTES);
    secret_buf_init(&rendering->payload, 2 * PAYLOAD_BYTES);
    for (int i = 0; i < KEYS; i++) {
        int len = snprintf(member, sizeof member, "%s\"key%03d\":\"%s\"", i ? "," : "{", i, value);
        secret_buf_append(&rendering->payload, member, (size_t)len);
    }
    secret_buf_add(&rendering->payload, SV("}"));
}

static void render_once(const struct rendering *rendering)
{
    CLEANUP(plan_done) struct plan plan = {0};
    CLEANUP(data_map_done) struct data_map fetched = {0};
    CLEANUP(rendered_done) struct rendered rendered = {0};
    struct err err = {0};
    if (plan_check(rendering->external_secret, &err) != PLAN_FINE) {
        die("plan", err.message);
    }
    plan_make(rendering->external_secret, &plan);
    secret_buf_init(&plan.reads[0].value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&plan.reads[0].value, secret_buf_view(&rendering->payload));
    if (!plan_collect(rendering->external_secret, &plan, &fetched, &err)) {
        die("data", err.message);
    }
    const struct render_input input = {.external_secret = rendering->external_secret,
                                       .fetched = &fetched};
    if (render(&input, &rendered, &err) != TEMPLATE_FINE || fetched.count != KEYS ||
        rendered.data.count != ENTRIES) {
        die("render", err.message);
    }
}

static int64_t cpu_us(void)
{
    struct timespec used;
    (void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (int64_t)used.tv_sec * 1000000 + used.tv_nsec / 1000;
}

int main(int argc, char **argv)
{
    static struct rendering rendering;
    int64_t ms = DEFAULT_MS;
    const struct flag flags[] = {{.name = "--ms", .number = &ms}};
    (void)argc;
    flags_read(argv + 1, flags, ARRAY_LEN(flags));
    make_external_secret(&rendering);
    make_payload(&rendering);
    render_once(&rendering);
    int64_t begun_us = cpu_us();
    int64_t count = 0;
    for (; cpu_us() - begun_us < ms * 1000; count++) {
        render_once(&rendering);
    }
    (void)printf("{\"rendered\":%" PRId64 ",\"cpu_us\":%.1f}\n", count,
                 (double)(cpu_us() - begun_us) / (double)count);
    secret_buf_done(&rendering.payload);
    external_secret_release(rendering.external_secret);
    return 0;
}
