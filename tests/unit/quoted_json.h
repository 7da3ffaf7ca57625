/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in C source with ' in place of ", and with printf places, so that it can be read. */
#ifndef TESTS_QUOTED_JSON_H
#define TESTS_QUOTED_JSON_H

#include <check.h>
#include <stdarg.h>

#include "json_text.h"

static inline struct json_text quoted_json(const char *format, ...) PRINTF_LIKE(1, 2);

static inline struct json_text quoted_json(const char *format, ...)
{
    char *text = NULL;
    va_list args;
    va_start(args, format);
    int len = vasprintf(&text, format, args);
    va_end(args);
    ck_assert_int_ge(len, 0);
    for (char *at = text; *at; at++) {
        *at = *at == '\'' ? '"' : *at;
    }
    struct json_text json = json_text_of(text);
    free(text);
    return json;
}

#endif
