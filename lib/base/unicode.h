/* SPDX-License-Identifier: Apache-2.0 */
/* Classes and mappings of characters as Go's unicode package has them: Unicode 15.0, which every Go
 * from 1.21 to 1.26 has. By libunistring. Any thread. */
#ifndef BASE_UNICODE_H
#define BASE_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

/* Simple mappings, one character to one. */
uint32_t unicode_upper(uint32_t rune);
uint32_t unicode_lower(uint32_t rune);
uint32_t unicode_title(uint32_t rune);

/* unicode.IsSpace. */
bool unicode_is_space(uint32_t rune);
/* A letter or a number of any kind (IsLetter, IsNumber). */
bool unicode_is_letter_or_number(uint32_t rune);
/* A letter, a decimal digit or '_' (IsLetter, IsDigit). */
bool unicode_is_word(uint32_t rune);
/* A decimal digit (IsDigit). */
bool unicode_is_digit(uint32_t rune);
/* Letters, marks, numbers, punctuation, symbols and the ASCII space (IsPrint). */
bool unicode_is_print(uint32_t rune);

#endif
