/* lib/mem.c under other names, so that it can be compared with libc. */
#define memcpy kernel_memcpy
#define memmove kernel_memmove
#define memset kernel_memset
#define memcmp kernel_memcmp
#include "lib/mem.c"
