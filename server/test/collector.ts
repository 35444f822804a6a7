/** A collector of traces on a port of its own: takes OTLP over HTTP as protobuf, and shows the spans it was sent. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { after } from "node:test";
import { BinaryReader, WireType } from "@bufbuild/protobuf/wire";

export interface CollectedSpan {
  traceId: string;
  spanId: string;
  /** Empty: the root. */
  parentSpanId: string;
  name: string;
  kind: number;
  startNs: bigint;
  endNs: bigint;
  attributes: Record<string, string>;
  events: string[];
  isError: boolean;
  service: string;
}

export interface Collector {
  readonly url: string;
  readonly spans: readonly CollectedSpan[];
  /** All bytes of all requests, headers included, as text in which any text that was sent would be found. */
  readonly everything: string;
  readonly requests: number;
  until(isSo: (spans: readonly CollectedSpan[]) => boolean, what: string): Promise<void>;
}

const deadlineMs = 10_000;

export async function startCollector(): Promise<Collector> {
  const spans: CollectedSpan[] = [];
  let everything = "";
  let requests = 0;
  let changed = Promise.withResolvers<void>();
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks);
    requests += 1;
    everything += JSON.stringify(request.headers) + body.toString("latin1");
    spans.push(...readRequest(body));
    response.writeHead(200, { "content-type": "application/x-protobuf" }).end();
    changed.resolve();
    changed = Promise.withResolvers();
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    get everything() {
      return everything;
    },
    get requests() {
      return requests;
    },
    async until(isSo, what) {
      const deadline = AbortSignal.timeout(deadlineMs);
      while (!isSo(spans)) {
        if (deadline.aborted) throw new Error(`${what} did not come; came: ${spans.map((s) => s.name)}`);
        await Promise.race([changed.promise, once(deadline, "abort")]);
      }
    },
  };
}

type Fields = Map<number, (Uint8Array | bigint | number)[]>;

/** https://github.com/open-telemetry/opentelemetry-proto: numbers as there. */
function readRequest(bytes: Uint8Array): CollectedSpan[] {
  return messages(fields(bytes), 1).flatMap((resourceSpans) => {
    const resource = attributes(messages(resourceSpans, 1)[0] ?? new Map(), 1);
    return messages(resourceSpans, 2)
      .flatMap((scopeSpans) => messages(scopeSpans, 2))
      .map((span) => toSpan(span, resource["service.name"] ?? ""));
  });
}

function toSpan(span: Fields, service: string): CollectedSpan {
  return {
    traceId: hex(span, 1),
    spanId: hex(span, 2),
    parentSpanId: hex(span, 4),
    name: text(span, 5),
    kind: Number(span.get(6)?.[0] ?? 0),
    startNs: BigInt(span.get(7)?.[0] as bigint),
    endNs: BigInt(span.get(8)?.[0] as bigint),
    attributes: attributes(span, 9),
    events: messages(span, 11).map((event) => text(event, 2)),
    isError: Number(messages(span, 15)[0]?.get(3)?.[0] ?? 0) === 2,
    service,
  };
}

function attributes(holder: Fields, no: number): Record<string, string> {
  return Object.fromEntries(
    messages(holder, no).map((pair) => {
      const value = messages(pair, 2)[0] ?? new Map();
      const [first] = [...value.values()];
      const plain = first?.[0] ?? "";
      return [text(pair, 1), plain instanceof Uint8Array ? Buffer.from(plain).toString() : String(plain)];
    }),
  );
}

const bytesOf = (holder: Fields, no: number) =>
  (holder.get(no) ?? []).filter((value): value is Uint8Array => value instanceof Uint8Array);
const messages = (holder: Fields, no: number) => bytesOf(holder, no).map(fields);
const text = (holder: Fields, no: number) => Buffer.from(bytesOf(holder, no)[0] ?? []).toString();
const hex = (holder: Fields, no: number) => Buffer.from(bytesOf(holder, no)[0] ?? []).toString("hex");

function fields(bytes: Uint8Array): Fields {
  const reader = new BinaryReader(bytes);
  const found: Fields = new Map();
  while (reader.pos < reader.len) {
    const [no, wireType] = reader.tag();
    found.set(no, [...(found.get(no) ?? []), readValue(reader, wireType)]);
  }
  return found;
}

function readValue(reader: BinaryReader, wireType: WireType): Uint8Array | bigint | number {
  if (wireType === WireType.LengthDelimited) return reader.bytes();
  if (wireType === WireType.Varint) return BigInt(reader.uint64());
  if (wireType === WireType.Bit64) return BigInt(reader.fixed64());
  return reader.fixed32();
}
