#pragma once
/* One function per message of group 64 (abi/messages.ts). Called by link on core 0, one at a time, outside interrupts.
 * Spans in a response point into storage of this service and stay valid until the next call of any handler. */

#include "gen/abi_messages.h"
#include "lib/refusal.h"

[[nodiscard]] enum status handle_info(struct msg_info_response *response, struct refusal *refusal);
[[nodiscard]] enum status handle_stage(const struct msg_stage_request *request, struct msg_stage_response *response,
                                       struct refusal *refusal);
[[nodiscard]] enum status handle_install(const struct msg_install_request *request,
                                         struct msg_install_response *response, struct refusal *refusal);
[[nodiscard]] enum status handle_module(const struct msg_module_request *request, struct msg_module_response *response,
                                        struct refusal *refusal);
[[nodiscard]] enum status handle_rollback(const struct msg_rollback_request *request,
                                          struct msg_rollback_response *response, struct refusal *refusal);
[[nodiscard]] enum status handle_remove(const struct msg_remove_request *request, struct refusal *refusal);
[[nodiscard]] enum status handle_report(const struct msg_report_request *request, struct msg_report_response *response,
                                        struct refusal *refusal);
[[nodiscard]] enum status handle_event(const struct msg_event_request *request, struct msg_event_response *response,
                                       struct refusal *refusal);
[[nodiscard]] enum status handle_evidence(const struct msg_evidence_request *request,
                                          struct msg_evidence_response *response, struct refusal *refusal);
[[nodiscard]] enum status handle_evidence_ack(const struct msg_evidence_ack_request *request, struct refusal *refusal);
[[nodiscard]] enum status handle_inject(const struct msg_inject_request *request, struct msg_inject_response *response,
                                        struct refusal *refusal);
[[nodiscard]] enum status handle_map_read(const struct msg_map_read_request *request,
                                          struct msg_map_read_response *response, struct refusal *refusal);
[[nodiscard]] enum status handle_map_write(const struct msg_map_write_request *request, struct refusal *refusal);
[[nodiscard]] enum status handle_map_next(const struct msg_map_next_request *request,
                                          struct msg_map_next_response *response, struct refusal *refusal);
[[nodiscard]] enum status handle_map_info(const struct msg_map_info_request *request,
                                          struct msg_map_info_response *response, struct refusal *refusal);
[[nodiscard]] enum status handle_run(const struct msg_run_request *request, struct msg_run_response *response,
                                     struct refusal *refusal);
[[nodiscard]] enum status handle_timer(const struct msg_timer_request *request, struct msg_timer_response *response,
                                       struct refusal *refusal);
[[nodiscard]] enum status handle_bench(const struct msg_bench_request *request, struct msg_bench_response *response,
                                       struct refusal *refusal);
[[nodiscard]] enum status handle_profile(const struct msg_profile_request *request, struct msg_profile_response *response,
                                         struct refusal *refusal);
[[nodiscard]] enum status handle_trace(const struct msg_trace_request *request, struct msg_trace_response *response,
                                       struct refusal *refusal);
[[nodiscard]] enum status handle_crash(struct msg_crash_response *response, struct refusal *refusal);
[[nodiscard]] enum status handle_key(const struct msg_key_request *request, struct msg_key_response *response,
                                     struct refusal *refusal);
[[nodiscard]] enum status handle_revoke(const struct msg_revoke_request *request, struct refusal *refusal);
[[nodiscard]] enum status handle_measured(struct msg_measured_response *response, struct refusal *refusal);
