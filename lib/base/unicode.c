/* SPDX-License-Identifier: Apache-2.0 */
#include "base/unicode.h"

#include <unicase.h>
#include <unictype.h>

#include "base/alloc.h"

enum kind {
    LETTER = 1,
    DIGIT = 2,
    NUMBER = 4, /* and no decimal digit */
    SIGN = 8,   /* printed, and none of these: a mark, punctuation or a symbol */
};

/* What came with Unicode 15.0; libunistring 1.0 has 14.0. The mappings are the same in both. */
/* clang-format off */
static const struct {
    uint32_t first;
    uint32_t last;
    enum kind kind;
} newer[] = {
    {0xcf3, 0xcf3, SIGN}, {0xece, 0xece, SIGN}, {0x10efd, 0x10eff, SIGN},
    {0x1123f, 0x11240, LETTER}, {0x11241, 0x11241, SIGN}, {0x11b00, 0x11b09, SIGN},
    {0x11f00, 0x11f01, SIGN}, {0x11f02, 0x11f02, LETTER}, {0x11f03, 0x11f03, SIGN},
    {0x11f04, 0x11f10, LETTER}, {0x11f12, 0x11f33, LETTER}, {0x11f34, 0x11f3a, SIGN},
    {0x11f3e, 0x11f4f, SIGN}, {0x11f50, 0x11f59, DIGIT}, {0x1342f, 0x1342f, LETTER},
    {0x13440, 0x13440, SIGN}, {0x13441, 0x13446, LETTER}, {0x13447, 0x13455, SIGN},
    {0x1b132, 0x1b132, LETTER}, {0x1b155, 0x1b155, LETTER}, {0x1d2c0, 0x1d2d3, NUMBER},
    {0x1df25, 0x1df2a, LETTER}, {0x1e030, 0x1e06d, LETTER}, {0x1e08f, 0x1e08f, SIGN},
    {0x1e4d0, 0x1e4eb, LETTER}, {0x1e4ec, 0x1e4ef, SIGN}, {0x1e4f0, 0x1e4f9, DIGIT},
    {0x1f6dc, 0x1f6dc, SIGN}, {0x1f774, 0x1f776, SIGN}, {0x1f77b, 0x1f77f, SIGN},
    {0x1f7d9, 0x1f7d9, SIGN}, {0x1fa75, 0x1fa77, SIGN}, {0x1fa87, 0x1fa88, SIGN},
    {0x1faad, 0x1faaf, SIGN}, {0x1fabb, 0x1fabd, SIGN}, {0x1fabf, 0x1fabf, SIGN},
    {0x1face, 0x1facf, SIGN}, {0x1fada, 0x1fadb, SIGN}, {0x1fae8, 0x1fae8, SIGN},
    {0x1faf7, 0x1faf8, SIGN}, {0x2b739, 0x2b739, LETTER}, {0x31350, 0x323af, LETTER},
};
/* clang-format on */

static bool is_newer(uint32_t rune, unsigned kinds)
{
    for (size_t i = 0; i < ARRAY_LEN(newer) && rune >= newer[i].first; i++) {
        if (rune <= newer[i].last) {
            return newer[i].kind & kinds;
        }
    }
    return false;
}

uint32_t unicode_upper(uint32_t rune)
{
    return uc_toupper(rune);
}

uint32_t unicode_lower(uint32_t rune)
{
    return uc_tolower(rune);
}

uint32_t unicode_title(uint32_t rune)
{
    return uc_totitle(rune);
}

bool unicode_is_space(uint32_t rune)
{
    return uc_is_property(rune, UC_PROPERTY_WHITE_SPACE);
}

bool unicode_is_letter_or_number(uint32_t rune)
{
    return uc_is_general_category_withtable(rune, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_N) ||
           is_newer(rune, LETTER | DIGIT | NUMBER);
}

bool unicode_is_word(uint32_t rune)
{
    return rune == '_' ||
           uc_is_general_category_withtable(rune, UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_Nd) ||
           is_newer(rune, LETTER | DIGIT);
}

bool unicode_is_digit(uint32_t rune)
{
    return uc_is_general_category_withtable(rune, UC_CATEGORY_MASK_Nd) || is_newer(rune, DIGIT);
}

bool unicode_is_print(uint32_t rune)
{
    uint32_t printed = UC_CATEGORY_MASK_L | UC_CATEGORY_MASK_M | UC_CATEGORY_MASK_N |
                       UC_CATEGORY_MASK_P | UC_CATEGORY_MASK_S;
    return rune == ' ' || uc_is_general_category_withtable(rune, printed) ||
           is_newer(rune, LETTER | DIGIT | NUMBER | SIGN);
}
