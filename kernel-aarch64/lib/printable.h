#pragma once
/* Text from outside on its way to a terminal. */

/* Replaces what is not printable ASCII in NUL-terminated text by '?', so that it is valid UTF-8 and commands no terminal;
 * a newline at its end is dropped. */
void make_printable(char *text);
