/* SPDX-License-Identifier: Apache-2.0 */
/* A message from a queue. */
#include "aws/rotation_hint.h"

#include "fuzz.h"

static void check_id(struct str_view text, size_t max)
{
    FUZZ_CHECK(text.len <= max);
    for (size_t i = 0; i < text.len; i++) {
        FUZZ_CHECK(text.data[i] > ' ' && text.data[i] < 0x7f);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(json_doc_done) struct json_doc doc = {0};
    struct rotation_hint hint = {0};
    struct err err = {0};
    char *text = mem_dup(data, size);
    if (rotation_hint_read(&doc, text, size, &hint, &err)) {
        FUZZ_CHECK(hint.service == ENDPOINT_SECRETS_MANAGER || hint.service == ENDPOINT_SSM);
        FUZZ_CHECK(hint.arn.len > 0 || hint.name.len > 0);
        FUZZ_CHECK(hint.arn.len == 0 || sv_starts_with(hint.arn, SV("arn:")));
        FUZZ_CHECK(!sv_starts_with(hint.name, SV("arn:")));
        check_id(hint.arn, 2048);
        check_id(hint.name, 2048);
        check_id(hint.version, 64);
    } else {
        FUZZ_CHECK(err.kind == ERR_INVALID && hint.name.len == 0 && hint.arn.len == 0);
    }
    free(text);
    return 0;
}
