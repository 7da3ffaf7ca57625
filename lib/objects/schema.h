/* SPDX-License-Identifier: Apache-2.0 */
/* Is there anything in an object that this version does not render? Closed tables of what it does:
 * a field nobody knows is named, not passed over. Any thread. */
#ifndef OBJECTS_SCHEMA_H
#define OBJECTS_SCHEMA_H

#include "base/buf.h"
#include "base/json.h"

enum {
    SCHEMA_PATH_BYTES = 256, /* ceiling of the note */
};

/* Of one place, for the functions below; one that is too long is cut. */
struct schema_path {
    char text[SCHEMA_PATH_BYTES];
};

struct schema_path schema_path(const char *format, ...) PRINTF_LIKE(1, 2);

struct schema_field {
    const char *name;
    /* NULL: the caller looks at the value. Else the only text that changes nothing, which is mostly
     * the default of the CRD; absent, null, "" and [] change nothing either. */
    const char *harmless;
};

/* Writes a path to `unsupported` unless it holds one already: the first one counts. */
void schema_note(struct buf *unsupported, const char *format, ...) PRINTF_LIKE(2, 3);
/* Notes the first member of `object` that is not in `fields`, or not harmless, as "path.member";
 * `path` itself when the value is no object. Nothing to note when it is absent. */
void schema_check(const struct json *object, const char *path, const struct schema_field *fields,
                  size_t count, struct buf *unsupported);
/* Elements of an array, for JSON_FOR_EACH; notes `path` when something else stands there. */
const struct json *schema_array(const struct json *node, const char *path, struct buf *unsupported);
/* Text, or empty when absent; notes "path.name" when something else stands there. */
struct str_view schema_text(const struct json *object, const char *path, const char *name,
                            struct buf *unsupported);
/* Index in `choices` of the text of a member; 0, the default, when it is absent or empty. Notes
 * "path.name" when something else stands there. */
size_t schema_choice(const struct json *object, const char *path, const char *name,
                     const char *const *choices, size_t count, struct buf *unsupported);
/* False when absent; notes "path.name" when no boolean stands there. */
bool schema_bool(const struct json *object, const char *path, const char *name,
                 struct buf *unsupported);

#endif
