/* SPDX-License-Identifier: Apache-2.0 */
/* A template in any bytes at all, rendered with a little data: it ends within its ceilings, twice
 * with the same result, and says nothing of the data when it fails. */
#include "base/limits.h"
#include "externalsecret/template/template.h"
#include "fuzz.h"

static void put(struct data_map *data, struct str_view key, struct str_view text)
{
    struct secret_buf value = {0};
    secret_buf_init(&value, LIMIT_SECRET_DATA_BYTES);
    secret_buf_add(&value, text);
    data_map_put(data, key, &value);
}

static bool render(const struct template *template, const struct data_map *data,
                   struct secret_buf *ret, struct err *err)
{
    secret_buf_init(ret, LIMIT_AWS_VALUE_BYTES);
    bool rendered = template_render(template, data, NULL, ret, err);
    FUZZ_CHECK(rendered || err->kind == ERR_INVALID || err->kind == ERR_TOO_BIG);
    FUZZ_CHECK(rendered || !strstr(err->message, "hunter2"));
    return rendered;
}

static void render_twice(const struct template *template)
{
    struct data_map data = {0};
    struct secret_buf first = {0};
    struct secret_buf second = {0};
    struct secret_buf key = {0};
    struct err err = {0};
    put(&data, SV("a"), SV("hunter2"));
    put(&data, SV("b"), SV("<\xc3\xa9\xff'\"&>\n"));
    put(&data, SV("j"), SV("{\"l\":[1,\"b\",null],\"n\":1.5}"));
    put(&data, SV("e"), SV(""));
    bool rendered = render(template, &data, &first, &err);
    FUZZ_CHECK(rendered == render(template, &data, &second, &err));
    FUZZ_CHECK(!rendered || sv_equal(secret_buf_view(&first), secret_buf_view(&second)));
    secret_buf_init(&key, LIMIT_KEY_BYTES);
    bool as_key = template_render_key(template, SV("hunter2"), NULL, &key, &err);
    FUZZ_CHECK(as_key || !strstr(err.message, "hunter2"));
    secret_buf_done(&key);
    secret_buf_done(&second);
    secret_buf_done(&first);
    data_map_done(&data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct template *template = NULL;
    struct err err = {0};
    enum template_verdict verdict =
        template_parse(sv_make((const char *)data, size), &template, &err);
    FUZZ_CHECK((verdict == TEMPLATE_FINE) == (template != NULL));
    FUZZ_CHECK(verdict == TEMPLATE_FINE || err.kind == ERR_INVALID || err.kind == ERR_TOO_BIG);
    if (template) {
        render_twice(template);
    }
    template_free(template);
    return 0;
}
