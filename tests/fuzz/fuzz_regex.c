/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern, a replacement and a text, a line each and the rest: whatever the pattern is, the three
 * ways to look for it agree, and nothing takes more than its ceiling. */
#include "base/regex.h"
#include "fuzz.h"

static struct str_view take_line(struct str_view *rest)
{
    size_t line = rest->len ? sv_find(*rest, '\n') : 0;
    struct str_view taken = sv_first(*rest, line);
    *rest = sv_from(*rest, line + 1);
    return taken;
}

static void check_text(const struct regex *regex, struct str_view replacement, struct str_view text)
{
    struct err err = {0};
    bool matches = false;
    struct str_view found = {0};
    struct secret_buf replaced = {0};
    if (!regex_matches(regex, text, NULL, &matches, &err)) {
        FUZZ_CHECK(err.kind == ERR_TOO_BIG);
        return;
    }
    FUZZ_CHECK(regex_find(regex, text, NULL, &found, &err));
    FUZZ_CHECK(matches == (found.data != NULL));
    FUZZ_CHECK(!found.len ||
               (found.data >= text.data && found.data + found.len <= text.data + text.len));
    secret_buf_init(&replaced, 65536);
    if (!regex_replace_all(regex, text, replacement, NULL, &replaced, &err)) {
        FUZZ_CHECK(err.kind == ERR_TOO_BIG);
    } else if (!matches) {
        FUZZ_CHECK(sv_equal(secret_buf_view(&replaced), text));
    }
    secret_buf_done(&replaced);
    secret_buf_init(&replaced, 65536);
    if (regex_replace_all_literal(regex, text, found, NULL, &replaced, &err) && !matches) {
        FUZZ_CHECK(sv_equal(secret_buf_view(&replaced), text));
    }
    secret_buf_done(&replaced);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str_view rest = sv_make((const char *)data, size);
    struct str_view pattern = take_line(&rest);
    struct str_view replacement = take_line(&rest);
    struct regex *regex = NULL;
    struct err err = {0};
    if (!regex_compile(pattern, NULL, &regex, &err)) {
        FUZZ_CHECK(err.kind == ERR_INVALID || err.kind == ERR_TOO_BIG);
        return 0;
    }
    check_text(regex, replacement, rest);
    regex_free(regex);
    return 0;
}
