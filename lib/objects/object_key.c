/* SPDX-License-Identifier: Apache-2.0 */
#include "objects/object_key.h"

#include "base/limits.h"

void object_key_write(struct buf *ret, struct str_view namespace, struct str_view name)
{
    buf_init(ret, 2 * LIMIT_NAME_BYTES + 2);
    buf_add(ret, namespace);
    buf_add_byte(ret, '/');
    buf_add(ret, name);
}

bool object_key_read(struct str_view key, struct str_view *ret_namespace, struct str_view *ret_name)
{
    *ret_name = key;
    return sv_split(ret_name, '/', ret_namespace) && ret_name->data;
}
