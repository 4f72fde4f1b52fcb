/** Turns a board and the kernel into what the board boots. */
export { compileDeviceTree } from './device-tree.ts';
export { imageFromElf, stampPolicy } from './image.ts';
export { lastImageNumber, nextImageNumber } from './image-number.ts';
export { type BuildOptions, buildKernel } from './kernel.ts';
export {
  createKey,
  importKey,
  KeyError,
  keyFolder,
  keyNames,
  namedKey,
  publicPem,
} from './keys.ts';
export { keyId, type Manifest } from './manifest.ts';
export { isPackage, paths, prebuilt, root } from './paths.ts';
export { encodePolicy, type Policy, PolicyError, policyOf, readPolicy } from './policy.ts';
export { functionsAt, readSymbols, type Symbols, sourceLines } from './symbols.ts';
export { BuildError, findTool, MissingToolError, requireTool, run, type Tool, tools } from './toolchain.ts';
export { BOARD_CLASS, type ImageFacts, signImage } from './update.ts';
export { updateFile } from './update-file.ts';
