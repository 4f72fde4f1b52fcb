/** The license that an object names, by which Linux closes helpers, functions and hooks. */
import { isGplCompatible, isGplOnly, isGplSection, linuxHelperName } from '../../abi/index.ts';
import { ElfError } from './error.ts';
import type { ElfObject } from './file.ts';

export const licenseOf = ({ sections }: ElfObject): string => {
  const section = sections.find(({ name }) => name === 'license');
  return Buffer.from(section?.data ?? [])
    .toString('latin1')
    .split('\0', 1)[0]!;
};

const saidOf = (license: string) =>
  license === ''
    ? 'and this object has none; give it one, as by char _license[] SEC("license") = "GPL"'
    : `and this one's is ${JSON.stringify(license)}`;

/** @throws ElfError when programs of this license may not be in the section */
export const checkSection = (license: string, section: string): void => {
  if (isGplCompatible(license) || !isGplSection(section)) return;
  const why = `${section} takes only programs whose license goes with the GPL`;
  throw new ElfError('unknown_section', `${why}, ${saidOf(license)}`);
};

/** @throws ElfError when programs of this license may not call the helper or function */
export const checkCall = (license: string, id: number): void => {
  if (isGplCompatible(license) || !isGplOnly(id)) return;
  const why = `${linuxHelperName(id)} is for programs whose license goes with the GPL`;
  throw new ElfError('unknown_helper', `${why}, ${saidOf(license)}`);
};
