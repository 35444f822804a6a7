/** A real S3-speaking server on a folder of its own: versitygw, as scripts/install-blob-servers.sh installs it. */
import { access, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { freePort } from "../../../scripts/pods/free-port.ts";
import { startChild } from "../process/child.ts";
import { waitUntilAnswers } from "../process/readiness.ts";

export interface S3Server extends AsyncDisposable {
  readonly endpoint: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const program = fileURLToPath(new URL("../../../node_modules/.blob-servers/bin/versitygw", import.meta.url));
const credentials = { accessKeyId: "bench", secretAccessKey: "bench-of-blobs" };
const readyTimeoutMs = 20_000;

/** Undefined when it is not installed. */
export async function startS3Server(folder: string): Promise<S3Server | undefined> {
  const isThere = await access(program).then(
    () => true,
    () => false,
  );
  if (!isThere) return undefined;
  const bucket = "bench";
  await mkdir(join(folder, bucket), { recursive: true });
  const port = await freePort();
  const health = "/health";
  const child = startChild(
    program,
    ["--port", `127.0.0.1:${port}`, "--health", health, "--quiet", "posix", folder],
    {
      env: {
        ...process.env,
        ROOT_ACCESS_KEY: credentials.accessKeyId,
        ROOT_SECRET_KEY: credentials.secretAccessKey,
      },
    },
  );
  const endpoint = `http://127.0.0.1:${port}`;
  await waitUntilAnswers(endpoint + health, child.ended, readyTimeoutMs);
  return { endpoint, bucket, ...credentials, [Symbol.asyncDispose]: () => child.stop() };
}
