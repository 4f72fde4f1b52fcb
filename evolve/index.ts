/** The loop that makes modules faster while the board works: detect, propose, prove, push, watch, roll back. */
export {
  type BoardPort,
  buildPatch,
  type InstallOptions,
  linkBoard,
  type PatchDetails,
  patchMaps,
} from './board.ts';
export { type Cost, isCheaper } from './cost.ts';
export {
  type Detection,
  Detector,
  drift,
  overBudget,
  type Rule,
  type Sample,
  sustainedAverage,
} from './detect.ts';
export { firstDifference } from './differential.ts';
export type { EventListener, LoopEvent } from './event.ts';
export {
  type Descent,
  descentOf,
  historiesOf,
  historyOf,
  NotInLedgerError,
  type PatchHistory,
  programsOf,
  type Replay,
  replay,
} from './history.ts';
export { codeHash, hexHash, type Judgement, type JudgePolicy, judge, type Layer, layers } from './judge.ts';
export { type Entry, Ledger, readLedger } from './ledger.ts';
export { fileStore, LedgerError, type LedgerStore, memoryStore } from './ledger-store.ts';
export { type LlmOptions, type LlmProposer, llmProposer } from './llm.ts';
export {
  type Attempt,
  Loop,
  type LoopOptions,
  type Target,
  WrongVersionError,
} from './loop.ts';
export { type Nightmare, type NightmareOptions, nightmare } from './nightmare.ts';
export { type Gain, type Optimised, optimised, type Step } from './optimised.ts';
export { type Known, knownOptimised, type StoreOptions, storedOptimised } from './optimised-store.ts';
export { LoopTrace, sendTrace } from './otlp.ts';
export {
  type Proposal,
  type ProposalContext,
  type Proposer,
  ProposerError,
  rulesProposer,
  vectoriseProposer,
} from './proposer.ts';
export { makeSlower, makeUnsafe } from './sabotage.ts';
export {
  type Hours,
  type Load,
  loadsOf,
  parseHours,
  Schedule,
  ScheduleError,
  type ScheduleOptions,
} from './schedule.ts';
export { searchProposer, searchWindows } from './search/index.ts';
