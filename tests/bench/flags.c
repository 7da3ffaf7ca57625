/* SPDX-License-Identifier: Apache-2.0 */
#include "flags.h"

#include "base/str_view.h"
#include "die.h"

static bool take(const struct flag *flag, const char *value)
{
    if (flag->text) {
        *flag->text = value;
        return true;
    }
    return sv_to_i64(sv_of(value), flag->number);
}

void flags_read(char *const *words, const struct flag *flags, size_t count)
{
    for (; words[0]; words += 2) {
        bool known = false;
        for (size_t i = 0; i < count && words[1] && !known; i++) {
            known = strcmp(words[0], flags[i].name) == 0 && take(&flags[i], words[1]);
        }
        if (!known) {
            die(words[0], "not understood");
        }
    }
}
