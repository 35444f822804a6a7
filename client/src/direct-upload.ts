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

interface Signed {
  id: string;
  url: string;
  headers: Record<string, string>;
}

/** Resolves when the blob is there. What was not finished is taken back, as far as that is possible. */
export async function uploadDirectly(parts: DirectParts, upload: DirectUpload): Promise<BlobInfo> {
  const { rest, persistence } = parts;
  const { signal } = upload;
  const sha256 = upload.sha256?.toLowerCase() ?? (await sha256Of(upload.bytes));
  const signed = await begin(parts, upload, sha256);
  try {
    await sendToStore(parts, signed, upload);
    const complete = path`/v2/direct-uploads/${signed.id}/complete`;
    const { blob } = await persist(
      persistence,
      () => rest.call<CompleteDirectUploadResponseJson>("POST", complete, {}, signal ? { signal } : {}),
      { signal },
    );
    return toBlobInfo(blob);
  } catch (error) {
    rest.call("DELETE", path`/v2/direct-uploads/${signed.id}`).catch(() => {
      // It expires by itself.
    });
    throw error;
  }
}

/** Not repeated when its answer was lost: what nobody can take back holds some of the quota until it expires. */
async function begin(
  { rest, persistence }: DirectParts,
  upload: DirectUpload,
  sha256: string,
): Promise<Signed> {
  const { bytes, key, contentType, metadata, signal } = upload;
  const announced = { key, size: sizeOf(bytes), sha256, contentType, metadata };
  const { id, url, headers } = await persist(
    persistence,
    () =>
      rest.call<CreateDirectUploadResponseJson>(
        "POST",
        "/v2/direct-uploads",
        announced,
        signal ? { signal } : {},
      ),
    { signal, mayRepeat: (error) => isTransient(error) && (error as ParleyError).status !== 0 },
  );
  if (!id || !url)
    throw new ParleyError("internal", { detail: "The server did not say where to send the bytes" });
  // The length is that of the body; a page may not say it.
  const { "content-length": _, ...signedHeaders } = headers ?? {};
  return { id, url, headers: signedHeaders };
}

const preconditionFailed = 412;

async function sendToStore(
  { exchange, persistence }: DirectParts,
  { url, headers }: Signed,
  { bytes, onSent, signal }: DirectUpload,
): Promise<void> {
  const run = () => exchange({ method: "PUT", url, headers, body: bytes, onSent, signal });
  try {
    await persist(persistence, run, { signal });
  } catch (error) {
    if (!(error instanceof ParleyError) || isTransient(error) || error.status === 0) throw error;
    // The store takes them once: an answer was lost, and the server finds out what has come.
    if (error.status === preconditionFailed) return;
    // What the store says is no answer of Parley's.
    const detail = "The object store has refused the bytes: are they those of the SHA-256?";
    throw new ParleyError("store-refused", { status: error.status, detail, cause: error });
  }
}

async function sha256Of(bytes: Bytes): Promise<string> {
  if (!globalThis.crypto?.subtle) {
    const message = "pages without HTTPS must give it";
    throw new ParleyError("invalid-input", {
      detail: `sha256: ${message}`,
      violations: [{ field: "sha256", message }],
    });
  }
  const whole = bytes instanceof Uint8Array ? bytes : await bytes.arrayBuffer();
  const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", whole));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
