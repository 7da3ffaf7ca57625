/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

static void cut_and_clean(char *message, int wanted)
{
    if (wanted >= ERR_MESSAGE_BYTES) {
        memcpy(message + ERR_MESSAGE_BYTES - 4, "...", 4);
    }
    for (char *at = message; *at; at++) {
        unsigned char byte = (unsigned char)*at;
        if (byte < 0x20 || byte == 0x7f) {
            *at = ' ';
        }
    }
}

bool err_set(struct err *err, enum err_kind kind, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    err->kind = kind;
    err->retryable = err_kind_retryable(kind);
    int wanted = vsnprintf(err->message, sizeof err->message, format, args);
    va_end(args);
    cut_and_clean(err->message, wanted);
    return false;
}

bool err_wrap(struct err *err, const char *format, ...)
{
    char where[ERR_MESSAGE_BYTES];
    char what[ERR_MESSAGE_BYTES];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(where, sizeof where, format, args);
    va_end(args);
    memcpy(what, err->message, sizeof what);
    int wanted = snprintf(err->message, sizeof err->message, "%s: %s", where, what);
    cut_and_clean(err->message, wanted);
    return false;
}

const char *err_kind_name(enum err_kind kind)
{
    switch (kind) {
    case ERR_NONE:
        return "NONE";
    case ERR_INVALID:
        return "INVALID";
    case ERR_DENIED:
        return "DENIED";
    case ERR_MISSING:
        return "MISSING";
    case ERR_TOO_BIG:
        return "TOO_BIG";
    case ERR_CONFLICT:
        return "CONFLICT";
    case ERR_BUSY:
        return "BUSY";
    case ERR_TIMEOUT:
        return "TIMEOUT";
    case ERR_UNAVAILABLE:
        return "UNAVAILABLE";
    case ERR_INTERNAL:
        return "INTERNAL";
    }
    return "INTERNAL";
}

bool err_kind_retryable(enum err_kind kind)
{
    return kind == ERR_BUSY || kind == ERR_TIMEOUT || kind == ERR_UNAVAILABLE ||
           kind == ERR_CONFLICT;
}
