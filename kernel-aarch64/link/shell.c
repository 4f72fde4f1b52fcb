#include "link/shell.h"
#include "drivers/console.h"
#include "drivers/gpio.h"
#include "lib/mem.h"
#include "lib/printable.h"
#include "patch/service.h"
#include "patch/slots.h"

constexpr uint32_t COMMAND_BYTES = 32; /* longer lines are not answered by the hint below, which is longer */

#define TEXT(span) (int)(span).size, (const char *)(span).data

static void show_lines(void) {
    const char *name;
    for (uint32_t output = 0; output <= 1; output++) {
        for (uint32_t i = 0; (name = gpio_name(output, i)) != nullptr; i++) {
            console_print("%s %u: %s\n", output ? "output" : "input", i, name);
        }
    }
}

static void show_info(void) {
    struct msg_info_response info = {};
    struct refusal refusal = {};
    if (handle_info(&info, &refusal) != STATUS_OK) {
        console_print("info is not available: %s\n", refusal.message);
        return;
    }
    console_print("velocity %.*s, build %.*s\n", TEXT(info.version), TEXT(info.build));
    console_print("%.*s, class %.*s, %u cores\n", TEXT(info.board), TEXT(info.board_class), info.cores);
    console_print("image %u bytes, ready after %lu cycles\n", info.image_bytes, info.boot_insns);
    console_print("highest patch sequence number accepted: %lu\n", info.sequence);
    show_lines();
}

static void show_modules(void) {
    uint32_t i = 0;
    for (;; i++) {
        struct msg_module_response module = {};
        struct refusal refusal = {};
        if (handle_module(&(struct msg_module_request){i}, &module, &refusal) != STATUS_OK) { break; }
        console_print("%.*s on %.*s, version %u, %.*s, at most %lu instructions, %u bytes of code\n", TEXT(module.name),
                      TEXT(module.hook), module.version, TEXT(module.state), module.bound, module.jit_bytes);
    }
    if (i == 0) { console_print("no modules; load one with `velocity module load`\n"); }
}

static void show_help(void);

static const struct {
    struct span name;
    void (*run)(void);
    const char *what;
} COMMANDS[] = {
    {{(const uint8_t *)"help", 4}, show_help, "this list"},
    {{(const uint8_t *)"info", 4}, show_info, "what this board is and runs"},
    {{(const uint8_t *)"modules", 7}, show_modules, "installed modules"},
};

constexpr uint32_t COMMAND_COUNT = sizeof COMMANDS / sizeof COMMANDS[0];

static void show_help(void) {
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        console_print("  %.*s: %s\n", TEXT(COMMANDS[i].name), COMMANDS[i].what);
    }
    console_print("All else is done from a host: see `velocity --help` there.\n");
}

static struct span trim(struct span line) {
    while (line.size > 0 && line.data[0] == ' ') { line = (struct span){line.data + 1, line.size - 1}; }
    while (line.size > 0 && line.data[line.size - 1] == ' ') { line.size--; }
    return line;
}

/* Modules write their answer over the line; the zero at its end stays. */
static bool is_taken(struct span command) {
    static uint8_t line[UART_LINE_BYTES + 1];
    if (command.size >= UART_LINE_BYTES) { return false; }
    memset(line, 0, UART_LINE_BYTES);
    memcpy(line, command.data, command.size);
    const uint32_t verdict = frame_dispatch(HOOK_UART_LINE, line, UART_LINE_BYTES, command.size, 0);
    if (verdict == VERDICT_TRANSMIT) {
        make_printable((char *)line);
        console_print("%s\n", (const char *)line);
    }
    return verdict == VERDICT_TRANSMIT || verdict == VERDICT_DROP;
}

bool shell_run(struct span line) {
    const struct span command = trim(line);
    if (command.size == 0) { return false; }
    for (uint32_t i = 0; i < COMMAND_COUNT; i++) {
        if (!span_equal(COMMANDS[i].name, command)) { continue; }
        COMMANDS[i].run();
        return true;
    }
    if (is_taken(command)) { return true; }
    if (command.size <= COMMAND_BYTES) { console_print("unknown command \"%.*s\"; type help for a list\n", TEXT(command)); }
    return false;
}
