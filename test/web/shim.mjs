/**
 * Stands in for `navigator.usb` and `navigator.serial` in a page under test, and hands every call to the test, where the
 * emulated devices are. What the specifications ask of a browser is kept: a person must have just pressed something
 * before a device can be chosen, a page sees only what was chosen, and a device that left stays gone.
 */
const calls = new Map();
let nextCall = 1;

const call = (method, ...args) =>
  new Promise((resolve, reject) => {
    const id = nextCall++;
    calls.set(id, { resolve, reject });
    globalThis.velocityTest(JSON.stringify({ id, method, args }));
  });

const base64 = (bytes) => {
  let text = '';
  for (let at = 0; at < bytes.length; at += 0x8000)
    text += String.fromCharCode(...bytes.subarray(at, at + 0x8000));
  return btoa(text);
};
const bytesOf = (text) => Uint8Array.from(atob(text), (character) => character.charCodeAt(0));

const checkActivation = () => {
  if (!navigator.userActivation.isActive)
    throw new DOMException('Must be handling a user gesture to show a permission request.', 'SecurityError');
};

class ShimDevice {
  constructor(facts) {
    Object.assign(this, facts);
    this.configuration = null;
  }
  open = () => call('open', this.handle);
  close = () => call('close', this.handle);
  claimInterface = (number) => call('claim', this.handle, number);
  async selectConfiguration() {
    this.configuration = this.configurations[0];
  }
  async controlTransferIn(setup, length) {
    return this.#in(await call('controlIn', this.handle, setup, length));
  }
  controlTransferOut = (setup, data) => call('controlOut', this.handle, setup, base64(data));
  async transferIn(endpoint, length) {
    return this.#in(await call('bulkIn', this.handle, endpoint, length));
  }
  transferOut = (endpoint, data) => call('bulkOut', this.handle, endpoint, base64(data));
  #in({ status, data }) {
    return { status, data: data === undefined ? undefined : new DataView(bytesOf(data).buffer) };
  }
}

/** The same object for the same attachment, as in a browser. */
const devices = new Map();
const deviceOf = (facts) => {
  if (!devices.has(facts.handle)) devices.set(facts.handle, new ShimDevice(facts));
  return devices.get(facts.handle);
};

class ShimUsb extends EventTarget {
  getDevices = async () => (await call('devices')).map(deviceOf);
  async requestDevice({ filters }) {
    checkActivation();
    return deviceOf(await call('requestDevice', filters));
  }
}

class ShimPort {
  readable = null;
  writable = null;
  kept = [];
  constructor(index) {
    this.index = index;
  }
  getInfo = () => ({ usbVendorId: 0x0403, usbProductId: 0x6001 });
  async open({ baudRate }) {
    await call('portOpen', this.index, baudRate);
    this.readable = new ReadableStream({
      start: (controller) => {
        this.controller = controller;
      },
      cancel: () => {
        this.readable = null;
      },
    });
    this.writable = new WritableStream({ write: (data) => call('portWrite', this.index, base64(data)) });
    for (const data of this.kept.splice(0)) this.take(data);
  }
  async close() {
    this.readable = null;
    this.writable = null;
    await call('portClose', this.index);
    this.kept = [];
  }
  /** What comes while it is being opened waits, as in the system's buffer. */
  take(data) {
    if (this.readable) this.controller.enqueue(bytesOf(data));
    else this.kept.push(data);
  }
  lose() {
    this.readable = null;
    this.writable = null;
    this.controller.error(new DOMException('The device has been lost.', 'NetworkError'));
  }
}

const ports = new Map();
const portOf = (index) => {
  if (!ports.has(index)) ports.set(index, new ShimPort(index));
  return ports.get(index);
};

class ShimSerial extends EventTarget {
  getPorts = async () => (await call('ports')).map(portOf);
  async requestPort() {
    checkActivation();
    return portOf(await call('requestPort'));
  }
}

const shims = { usb: new ShimUsb(), serial: new ShimSerial() };
for (const [name, value] of Object.entries(shims))
  Object.defineProperty(Navigator.prototype, name, { value, configurable: true });

/** The test's side of it. */
globalThis.velocityShim = {
  answer: (id, value) => calls.get(id)?.resolve(value),
  fail: (id, name, message) => calls.get(id)?.reject(new DOMException(message, name)),
  data: (index, data) => portOf(index).take(data),
  lost: (index) => portOf(index).lose(),
  event: (of, kind) => shims[of].dispatchEvent(new Event(kind)),
};
