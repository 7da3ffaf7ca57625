/* SPDX-License-Identifier: Apache-2.0 */
/* An answer of the query protocol: the first line is the path, the document follows. */
#include "aws/xml.h"
#include "fuzz.h"

static void check_twice(struct str_view document, const char *path, const struct secret_buf *text)
{
    struct secret_buf again = {0};
    struct err err = {0};
    secret_buf_init(&again, text->bytes.len);
    FUZZ_CHECK(xml_text(document, path, &again, &err));
    FUZZ_CHECK(sv_equal(secret_buf_view(&again), secret_buf_view(text)));
    secret_buf_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str_view input = sv_make((const char *)data, size);
    size_t end = sv_find(input, '\n');
    char *path = sv_dup(sv_first(input, end));
    /* A copy of just its size, so that a byte too far is seen. */
    struct str_view document = sv_from(input, end + 1);
    char *exact = malloc(document.len ? document.len : 1);
    struct secret_buf text = {0};
    struct err err = {0};
    FUZZ_CHECK(exact);
    if (document.len) {
        memcpy(exact, document.data, document.len);
    }
    document.data = exact;
    secret_buf_init(&text, LIMIT_XML_BYTES);
    if (xml_text(document, path, &text, &err)) {
        FUZZ_CHECK(text.bytes.len < document.len);
        check_twice(document, path, &text);
    } else {
        FUZZ_CHECK(err.kind == ERR_INVALID || err.kind == ERR_MISSING || err.kind == ERR_TOO_BIG);
        FUZZ_CHECK(text.bytes.len == 0 && err.message[0] != '\0');
    }
    secret_buf_done(&text);
    free(exact);
    free(path);
    return 0;
}
