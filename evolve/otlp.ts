/**
 * What the loop does as one OpenTelemetry trace: a span for the whole turn, below it one for each proposal that was
 * judged and one for each canary that was watched. OTLP/HTTP with JSON (OpenTelemetry protocol 1.x, "JSON Protobuf
 * Encoding"): ids are hex, 64-bit numbers decimal text.
 */
import { randomBytes } from 'node:crypto';
import type { LoopEvent } from './event.ts';

type Attribute = { readonly key: string; readonly value: Readonly<Record<string, unknown>> };

type Span = {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly kind: 1;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly Attribute[];
  readonly status: { readonly code?: 2; readonly message?: string };
};

const anyValue = (value: unknown): Attribute['value'] => {
  if (typeof value === 'boolean') return { boolValue: value };
  if (typeof value === 'bigint' || Number.isInteger(value)) return { intValue: String(value) };
  return typeof value === 'number' ? { doubleValue: value } : { stringValue: String(value) };
};

/** Nested facts become names with dots: `velocity.proof.hash`. */
const attributesOf = (facts: object, prefix = 'velocity'): Attribute[] =>
  Object.entries(facts).flatMap(([name, value]): Attribute[] => {
    if (value === undefined || name === 'event') return [];
    if (typeof value === 'object' && value !== null)
      return attributesOf(value as object, `${prefix}.${name}`);
    return [{ key: `${prefix}.${name}`, value: anyValue(value) }];
  });

const nanoseconds = (ms: number) => String(BigInt(Math.round(ms * 1000)) * 1000n);

export class LoopTrace {
  readonly #traceId = randomBytes(16).toString('hex');
  readonly #root = randomBytes(8).toString('hex');
  readonly #now: () => number;
  readonly #spans: Span[] = [];
  /** When what is going on now began, in ms. */
  #since: number;
  readonly #started: number;
  #detection: object = {};

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
    this.#started = now();
    this.#since = this.#started;
  }

  /** To be given every event as it happens: its work lies between the event before it and this one. */
  take(event: LoopEvent): void {
    const now = this.#now();
    if (event.event === 'detect') this.#detection = event;
    if (event.event === 'proposal') this.#add(`judge ${event.module}`, event);
    if (event.event === 'swap') this.#add(`push ${event.module}`, event);
    if (event.event === 'promoted') this.#add(`canary ${event.module}`, event);
    if (event.event === 'rollback') this.#add(`canary ${event.module}`, event, event.sentence);
    this.#since = now;
  }

  #add(name: string, facts: object, failure?: string): void {
    this.#spans.push(this.#span(name, randomBytes(8).toString('hex'), this.#since, facts, failure));
  }

  #span(name: string, spanId: string, from: number, facts: object, failure?: string): Span {
    return {
      traceId: this.#traceId,
      spanId,
      ...(spanId === this.#root ? {} : { parentSpanId: this.#root }),
      name,
      kind: 1,
      startTimeUnixNano: nanoseconds(from),
      endTimeUnixNano: nanoseconds(this.#now()),
      attributes: attributesOf(facts),
      status: failure === undefined ? {} : { code: 2, message: failure },
    };
  }

  /** The body of an ExportTraceServiceRequest; the turn ends now. */
  request(version: string): object {
    const whole = this.#span('improve', this.#root, this.#started, this.#detection);
    const attributes = [
      { key: 'service.name', value: { stringValue: 'velocity' } },
      { key: 'service.version', value: { stringValue: version } },
    ];
    return {
      resourceSpans: [
        {
          resource: { attributes },
          scopeSpans: [{ scope: { name: 'velocity.evolve', version }, spans: [whole, ...this.#spans] }],
        },
      ],
    };
  }
}

const TIMEOUT_MS = 10_000;

/** The path of OTLP/HTTP is added to an address without one. @throws Error that says what the receiver answered */
export const sendTrace = async (endpoint: URL, request: object): Promise<void> => {
  const url = endpoint.pathname === '/' ? new URL('/v1/traces', endpoint) : endpoint;
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(request),
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
  if (!answer.ok) throw new Error(`${url.href} answered ${answer.status} ${answer.statusText}`);
};
