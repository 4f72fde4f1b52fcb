/** Signs and installs programs for tests, with the key that the flashed image trusts. */
import { chosenKey } from '../../firmware/sign.ts';
import type { VelocityLink } from '../../link/index.ts';
import type { Bench } from '../../rig/suites/index.ts';
import { patchFor, push } from '../patching.ts';

const LIVE = { canary: false };

export const installer = () => {
  const key = chosenKey();
  return (link: VelocityLink): Bench['install'] =>
    async (program, options = LIVE) =>
      push(link, await patchFor(link, { program, name: program.name }, key), key, options);
};
