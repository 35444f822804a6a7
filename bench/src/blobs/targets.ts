/** Where bytes go: Parley over HTTP, or straight to what Parley puts them into. All of them stream, and read to the end. */
import { once } from "node:events";
import { createReadStream } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { Agent, type ClientRequest, type IncomingMessage, request } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { finished } from "node:stream/promises";

export type TargetOptions =
  | { kind: "http"; url: string; headers: Record<string, string>; connections: number }
  | { kind: "file"; folder: string }
  | {
      kind: "s3";
      endpoint: string;
      bucket: string;
      accessKeyId: string;
      secretAccessKey: string;
      connections: number;
    };

export interface BytesTarget {
  put(name: string, size: number): Promise<void>;
  /** Resolves to how many bytes there were. */
  get(name: string): Promise<number>;
  close(): void;
}

const chunkBytes = 262_144;
const chunk = Buffer.alloc(chunkBytes);
// Not zeros: neither disks nor servers may find a shorter way for them.
for (let at = 0; at < chunkBytes; at++) chunk[at] = (at * 2_654_435_761) >>> 24;

function* chunksOf(size: number): Generator<Buffer> {
  for (let left = size; left > 0; left -= chunkBytes) {
    yield left >= chunkBytes ? chunk : chunk.subarray(0, left);
  }
}

export async function openTarget(options: TargetOptions): Promise<BytesTarget> {
  if (options.kind === "http") return httpTarget(options);
  return options.kind === "file" ? await fileTarget(options.folder) : await s3Target(options);
}

function httpTarget({ url, headers, connections }: TargetOptions & { kind: "http" }): BytesTarget {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const send = (method: string, name: string, more: Record<string, string> = {}) =>
    request(`${url}/${encodeURIComponent(name)}`, { method, agent, headers: { ...headers, ...more } });
  return {
    async put(name, size) {
      const sent = send("PUT", name, {
        "content-length": `${size}`,
        "content-type": "application/octet-stream",
      });
      const answered = answerTo(sent);
      await Promise.race([writeAll(sent, size), answered]);
      await drain(await answered, [200, 201]);
    },
    async get(name) {
      const sent = send("GET", name);
      sent.end();
      return drain(await answerTo(sent), [200]);
    },
    close: () => agent.destroy(),
  };
}

function answerTo(sent: ClientRequest): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => sent.once("response", resolve).once("error", reject));
}

async function writeAll(sent: ClientRequest, size: number): Promise<void> {
  for (const part of chunksOf(size)) if (!sent.write(part)) await once(sent, "drain");
  sent.end();
}

async function drain(answer: IncomingMessage, expected: readonly number[]): Promise<number> {
  let length = 0;
  answer.on("data", (part: Buffer) => {
    length += part.length;
  });
  await finished(answer);
  if (!expected.includes(answer.statusCode ?? 0)) throw new Error(`answered with ${answer.statusCode}`);
  return length;
}

/** As durable as Parley's: fsync of the file, renamed, fsync of the folder. */
async function fileTarget(folder: string): Promise<BytesTarget> {
  await mkdir(folder, { recursive: true });
  let writes = 0;
  return {
    async put(name, size) {
      const path = join(folder, name);
      const unfinished = `${path}.${writes++}.part`;
      const file = await open(unfinished, "w");
      try {
        for (const part of chunksOf(size)) await file.write(part);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
      const parent = await open(folder);
      await parent.sync().finally(() => parent.close());
    },
    async get(name) {
      let length = 0;
      const bytes = createReadStream(join(folder, name), { highWaterMark: chunkBytes });
      bytes.on("data", (part) => {
        length += part.length;
      });
      await finished(bytes);
      return length;
    },
    close() {},
  };
}

/** By the client library that Parley uses. */
async function s3Target({
  endpoint,
  bucket,
  connections,
  ...credentials
}: TargetOptions & { kind: "s3" }): Promise<BytesTarget> {
  const { GetObjectCommand, PutObjectCommand, S3Client } = await import("@aws-sdk/client-s3");
  const client = new S3Client({
    endpoint,
    credentials,
    region: "us-east-1",
    forcePathStyle: true,
    requestHandler: { httpAgent: { maxSockets: connections } },
  });
  return {
    async put(name, size) {
      const Body = size <= chunkBytes ? chunk.subarray(0, size) : Readable.from(chunksOf(size));
      await client.send(new PutObjectCommand({ Bucket: bucket, Key: name, Body, ContentLength: size }));
    },
    async get(name) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: bucket, Key: name }));
      let length = 0;
      for await (const part of Body as AsyncIterable<Uint8Array>) length += part.length;
      return length;
    },
    close: () => client.destroy(),
  };
}
