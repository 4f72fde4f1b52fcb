/** The license that an object names, by which Linux closes helpers, functions and hooks. */
import { isGplCompatible, isGplOnly, isGplSection, linuxHelperName } from '../../abi/index.ts';
import { ElfError } from './error.ts';
import type { ElfObject } from './file.ts';

/** undefined when the object names none: then whoever loads it does, as bcc and cilium/ebpf do, or the linker of several objects. */
export const licenseOf = ({ sections }: ElfObject): string | undefined => {
  const section = sections.find(({ name }) => name === 'license');
  return section && Buffer.from(section.data).toString('latin1').split('\0', 1)[0]!;
};

const isOpen = (license: string | undefined) => license === undefined || isGplCompatible(license);

const refusal = (code: 'unknown_section' | 'unknown_helper', what: string, license: string | undefined) =>
  new ElfError(code, `${what} whose license goes with the GPL, and this one's is ${JSON.stringify(license)}`);

/** @throws ElfError when programs of this license may not be in the section */
export const checkSection = (license: string | undefined, section: string): void => {
  if (isOpen(license) || !isGplSection(section)) return;
  throw refusal('unknown_section', `${section} takes only programs`, license);
};

/** @throws ElfError when programs of this license may not call the helper or function */
export const checkCall = (license: string | undefined, id: number): void => {
  if (isOpen(license) || !isGplOnly(id)) return;
  throw refusal('unknown_helper', `${linuxHelperName(id)} is for programs`, license);
};
