/** The text of every generated file, by path from the root. */
import { emitA64 } from './emit-a64.ts';
import { banner, emitBpf, emitHelpers, emitHooks, emitPatch, emitStatus } from './emit-c.ts';
import { emitReference } from './emit-docs.ts';
import { emitImage } from './emit-image.ts';
import { emitMessagesHeader, emitMessagesSource } from './emit-messages.ts';
import { emitModuleHeader } from './emit-module.ts';
import { emitPolicy } from './emit-policy.ts';
import { emitProfile } from './emit-profile.ts';
import { emitReport } from './emit-report.ts';
import { emitTrace } from './emit-trace.ts';
import { emitVectors } from './emit-vectors.ts';
import { emitLinux } from './platforms/index.ts';

export const generatedFiles = (): Record<string, string> => ({
  'kernel-aarch64/gen/abi_status.h': emitStatus(),
  'kernel-aarch64/gen/abi_bpf.h': emitBpf(),
  'kernel-aarch64/gen/abi_a64.h': emitA64(),
  'kernel-aarch64/gen/abi_hooks.h': emitHooks(),
  'kernel-aarch64/gen/abi_helpers.h': emitHelpers(),
  'kernel-aarch64/gen/abi_vectors.h': emitVectors(),
  'kernel-aarch64/gen/abi_patch.h': emitPatch(),
  'kernel-aarch64/gen/abi_image.h': emitImage(),
  'kernel-aarch64/gen/abi_policy.h': emitPolicy(),
  'kernel-aarch64/gen/abi_messages.h': emitMessagesHeader(),
  'kernel-aarch64/gen/abi_messages.c': emitMessagesSource(),
  'kernel-aarch64/gen/abi_profile.h': emitProfile(),
  'kernel-aarch64/gen/abi_report.h': emitReport(),
  'kernel-aarch64/gen/abi_trace.h': emitTrace(),
  'kernel-aarch64/gen/platform_linux.h': emitLinux(banner('platforms/')),
  'modules/include/velocity.h': emitModuleHeader(),
  'docs/reference/contract.md': emitReference(),
});
