/** Every command has its own file here. */
import type { Load, Register } from '../context.ts';
import { sourceCommands } from '../sources.ts';

/** All of them take two seconds to load, most of what a short command takes. */
const loaders: Readonly<Record<string, Load>> = {
  demo: async () => (await import('./demo.ts')).registerDemo,
  build: async () => (await import('./build.ts')).registerBuild,
  flash: async () => (await import('./flash.ts')).registerFlash,
  image: async () => (await import('./image.ts')).registerImage,
  start: async () => (await import('./start.ts')).registerStart,
  monitor: async () => (await import('./monitor.ts')).registerMonitor,
  console: async () => (await import('./console.ts')).registerConsole,
  history: async () => (await import('./history.ts')).registerHistory,
  trace: async () => (await import('./trace.ts')).registerTrace,
  profile: async () => (await import('./profile.ts')).registerProfile,
  rig: async () => (await import('./rig.ts')).registerRig,
  module: async () => (await import('./module.ts')).registerModule,
  map: async () => (await import('./map.ts')).registerMap,
  events: async () => (await import('./events.ts')).registerEvents,
  evidence: async () => (await import('./evidence.ts')).registerEvidence,
  crash: async () => (await import('./crash.ts')).registerCrash,
  keys: async () => (await import('./keys.ts')).registerKeys,
  update: async () => (await import('./update.ts')).registerUpdate,
  evolve: async () => (await import('./evolve.ts')).registerEvolve,
  models: async () => (await import('./models.ts')).registerModels,
  bpf: async () => (await import('./bpf.ts')).registerBpf,
  doctor: async () => (await import('./doctor.ts')).registerDoctor,
  completion: async () => (await import('./completion.ts')).registerCompletion,
  ...sourceCommands,
};

/** It is written from what all commands take. */
const ALL = 'completion';

/** The command of this name; all of them where none has it. */
export const loadCommands = (name: string = ALL): Promise<readonly Register[]> => {
  const isOne = name !== ALL && Object.hasOwn(loaders, name);
  const meant = Object.entries(loaders).filter(([known]) => !isOne || known === name);
  return Promise.all(meant.map(([, load]) => load()));
};
