/** Bytes that go straight to the server's object store, to a URL that the server has signed for them alone. */
import type { CompleteDirectUploadResponseJson, CreateDirectUploadResponseJson } from "@parley/api/v2/blob";
import { type BlobInfo, toBlobInfo } from "./blob-shapes.ts";
import type { ExchangeBytes } from "./byte-exchange.ts";
import { isTransient, ParleyError } from "./error.ts";
import { type Persistence, persist } from "./persist.ts";
import { path, type Rest } from "./rest.ts";
import { type Bytes, sizeOf } from "./send-bytes.ts";

export interface DirectUpload {
  bytes: Bytes;
  key: string;
  contentType: string;
  metadata: Record<string, string>;
  /** Of the bytes, in hex; undefined: they are read into memory for it. */
  sha256: string | undefined;
  onSent: (bytes: number) => void;
  signal: AbortSignal | undefined;
}

export interface DirectParts {
  exchange: ExchangeBytes;
  rest: Rest;
  persistence: Persistence;
}

/** Resolves when the blob is there. */
export async function uploadDirectly(parts: DirectParts, upload: DirectUpload): Promise<BlobInfo> {
  const { rest, persistence } = parts;
  const { bytes, key, contentType, metadata, signal } = upload;
  const options = signal ? { signal } : {};
  const again = <T>(run: () => Promise<T>) => persist(persistence, run, { signal });
  const sha256 = upload.sha256 ?? (await sha256Of(bytes));
  const announced = { key, size: sizeOf(bytes), sha256, contentType, metadata };
  // A second one does no harm: what is not completed expires.
  const signed = await again(() =>
    rest.call<CreateDirectUploadResponseJson>("POST", "/v2/direct-uploads", announced, options),
  );
  await sendToStore(parts, signed, upload);
  const complete = path`/v2/direct-uploads/${signed.id ?? ""}/complete`;
  const { blob } = await again(() =>
    rest.call<CompleteDirectUploadResponseJson>("POST", complete, {}, options),
  );
  return toBlobInfo(blob);
}

const preconditionFailed = 412;

async function sendToStore(
  { exchange, persistence }: DirectParts,
  { url = "", headers = {} }: CreateDirectUploadResponseJson,
  { bytes, onSent, signal }: DirectUpload,
): Promise<void> {
  // The length is that of the body; a page may not say it.
  const { "content-length": _, ...signedHeaders } = headers;
  const run = () => exchange({ method: "PUT", url, headers: signedHeaders, body: bytes, onSent, signal });
  try {
    await persist(persistence, run, { signal, mayRepeat: isTransient });
  } catch (error) {
    // The store takes them once: an answer was lost, and the server finds out what has come.
    if (!(error instanceof ParleyError && error.status === preconditionFailed)) throw error;
  }
}

async function sha256Of(bytes: Bytes): Promise<string> {
  const whole = bytes instanceof Uint8Array ? bytes : await bytes.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
