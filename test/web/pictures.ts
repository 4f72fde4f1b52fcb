/** Pictures of pages: where `VELOCITY_PICTURES` names a folder, they are put there. Those in docs/pictures are made so. */
import { join } from 'node:path';
import type { Page } from './page.ts';

const folder = process.env.VELOCITY_PICTURES;

/** Whether somebody will look at them. */
export const wanted = folder !== undefined;

/** The page as it is now, in light and in dark colours. */
export const pictures = async (page: Page, name: string): Promise<void> => {
  if (!folder) return;
  await page.size(1080, 900);
  for (const colours of ['light', 'dark'] as const) {
    await page.colours(colours);
    await page.picture(join(folder, `${name}-${colours}.webp`));
  }
};
