/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/credentials_providers.h"
#include "aws/token_file.h"

enum {
    WEB_IDENTITY_TOKEN_MAX = 20000, /* STS: AssumeRoleWithWebIdentity, WebIdentityToken */
};

static bool read_file(void *context, const struct credentials_request *request,
                      struct secret_buf *ret, struct err *err)
{
    (void)request;
    CLEANUP(secret_buf_done) struct secret_buf token = {0};
    /* Room for the newline at its end. */
    secret_buf_init(&token, WEB_IDENTITY_TOKEN_MAX + 2);
    if (!token_file_read(context, &token, err)) {
        return false;
    }
    if (token.bytes.len > WEB_IDENTITY_TOKEN_MAX) {
        return err_set(err, ERR_INVALID, "%s is larger than %d bytes", (const char *)context,
                       WEB_IDENTITY_TOKEN_MAX);
    }
    secret_buf_add(ret, secret_buf_view(&token));
    return secret_buf_check(ret, "web identity token", err);
}

struct web_identity_token web_identity_token_file(struct str_view path)
{
    return (struct web_identity_token){.read = read_file, .release = free, .context = sv_dup(path)};
}
