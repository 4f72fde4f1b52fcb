#pragma once
/* Text from outside on its way to a terminal. */

#include <stdint.h>

/* Replaces what is not printable ASCII in NUL-terminated text by '?', so that it is valid UTF-8 and commands no terminal;
 * a newline at its end is dropped. */
static inline void make_printable(char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\n' && text[1] == '\0') {
            *text = '\0';
            return;
        }
        if (*text < ' ' || *text > '~') { *text = '?'; }
    }
}
