import test from 'ava';
import { boardNamed, boards, isModel, UnknownBoardError } from './index.ts';

test('what every object has is the name of no board', (t) => {
  for (const name of ['constructor', '__proto__', 'toString', ''])
    t.throws(() => boardNamed(name), { instanceOf: UnknownBoardError }, name);
  t.is(boardNamed('rpi4b').name, 'rpi4b');
});

/** As loaders write them: the vendors' firmware (L4T 32, 35 and 36), and Linux. */
const models = {
  'Raspberry Pi 3 Model B Rev 1.2': 'rpi3b',
  'Raspberry Pi 4 Model B Rev 1.5': 'rpi4b',
  'Raspberry Pi 3 Model A+': 'rpi3a-plus',
  'Raspberry Pi 3 Model A Plus Rev 1.0': 'rpi3a-plus',
  'Raspberry Pi Zero 2 W Rev 1.0': 'rpi-zero2w',
  'Raspberry Pi Compute Module 3 IO board V3.0': 'cm3',
  'Raspberry Pi 400 Rev 1.0': 'rpi400',
  'Raspberry Pi Compute Module 4 IO Board': 'cm4',
  'Raspberry Pi 5 Model B Rev 1.0': 'rpi5',
  'Raspberry Pi Compute Module 5 Rev 1.0': 'cm5',
  'NVIDIA Jetson Nano Developer Kit': 'jetson-nano',
  'NVIDIA Orin Nano Developer Kit': 'jetson-orin-nano',
  'NVIDIA Jetson Orin Nano Engineering Reference Developer Kit Super': 'jetson-orin-nano',
  'NVIDIA Orin NX Developer Kit': 'jetson-orin-nx',
  'NVIDIA Jetson Orin NX Engineering Reference Developer Kit': 'jetson-orin-nx',
};

for (const [seen, name] of Object.entries(models)) {
  test(`${seen} is ${name} and no other board`, (t) => {
    const found = Object.values(boards).filter((board) => isModel(seen, board));
    t.deepEqual(
      found.map((board) => board.name),
      [name],
    );
  });
}
