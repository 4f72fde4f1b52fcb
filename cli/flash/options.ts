import type { ListenAddress } from '../../monitor/index.ts';
import type { TrustOptions } from '../trust.ts';

/** What the person asked for. */
export type FlashOptions = TrustOptions & {
  readonly board?: string;
  readonly port?: string;
  readonly baud?: number;
  readonly image?: string;
  readonly to?: string;
  readonly fastboot?: string;
  readonly partition?: string;
  readonly uBoot?: boolean;
  readonly usb?: string;
  readonly firmwareDir?: string;
  readonly massStorage?: string;
  readonly list?: boolean;
  readonly watch?: boolean;
  readonly all?: boolean;
  readonly verifyOnly?: boolean;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
  readonly installUdev?: boolean;
  readonly web?: ListenAddress | true;
  /** Told the place where a board came back that was elsewhere before. */
  readonly onMoved?: (to: string) => void;
};
