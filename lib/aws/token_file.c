/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/token_file.h"

#include "base/file.h"

bool token_is_sendable(struct str_view token)
{
    for (size_t i = 0; i < token.len; i++) {
        if (token.data[i] < ' ' || token.data[i] > '~') {
            return false;
        }
    }
    return token.len > 0;
}

static void drop_newline(struct secret_buf *token)
{
    struct str_view view = secret_buf_view(token);
    size_t end = sv_ends_with(view, SV("\r\n")) ? 2 : sv_ends_with(view, SV("\n")) ? 1 : 0;
    buf_truncate(&token->bytes, view.len - end);
}

bool token_file_read(const char *path, struct secret_buf *ret, struct err *err)
{
    struct err reason = {0};
    if (!file_read_secret(path, ret, &reason)) {
        return err_set(err, ERR_INVALID, "%s", reason.message);
    }
    drop_newline(ret);
    if (secret_buf_view(ret).len == 0) {
        return err_set(err, ERR_INVALID, "%s is empty", path);
    }
    if (!token_is_sendable(secret_buf_view(ret))) {
        return err_set(err, ERR_INVALID, "%s does not hold one line of text", path);
    }
    return true;
}
