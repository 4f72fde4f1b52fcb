#include "lib/printable.h"

void make_printable(char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '\n' && text[1] == '\0') {
            *text = '\0';
            return;
        }
        if (*text < ' ' || *text > '~') { *text = '?'; }
    }
}
