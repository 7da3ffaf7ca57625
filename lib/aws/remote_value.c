/* SPDX-License-Identifier: Apache-2.0 */
#include "aws/remote_value.h"

void remote_value_done(struct remote_value *value)
{
    secret_buf_done(&value->string);
    secret_buf_done(&value->binary);
    free(value->name);
    free(value->arn);
    *value = (struct remote_value){0};
}

void remote_value_move(struct remote_value *to, struct remote_value *from)
{
    remote_value_done(to);
    *to = *from;
    *from = (struct remote_value){0};
}

static void copy_bytes(struct secret_buf *to, const struct secret_buf *from)
{
    struct str_view bytes = secret_buf_view(from);
    secret_buf_init(to, bytes.len);
    secret_buf_add(to, bytes);
}

void remote_value_copy(struct remote_value *to, const struct remote_value *from)
{
    struct remote_value copy = *from;
    copy_bytes(&copy.string, &from->string);
    copy_bytes(&copy.binary, &from->binary);
    copy.name = from->name ? str_dup(from->name) : NULL;
    copy.arn = from->arn ? str_dup(from->arn) : NULL;
    remote_value_move(to, &copy);
}
