/** An S3-speaking server (versitygw, on a folder) of a test's own, which the test may kill, freeze and start again. */
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../../scripts/pods/free-port.ts";
import { type BlobServer, blobServers, startBlobServer } from "./blob-server.ts";

export interface S3Server extends BlobServer {
  /** http://host:port */
  readonly endpoint: string;
  readonly bucket: string;
  /** The folder in which it keeps the bucket's objects, under their names. */
  readonly bucketFolder: string;
}

const program = join(blobServers, "bin", "versitygw");

/** For the `skip` option of a test; `npm test` says loudly when it is in force, and fails in CI. */
export const withoutS3 = existsSync(program)
  ? false
  : "no versitygw on this machine (scripts/install-blob-servers.sh installs it)";

export const s3Credentials = {
  AWS_ACCESS_KEY_ID: "parley-test",
  AWS_SECRET_ACCESS_KEY: "parley-test-secret",
};

/** To be called at the top level of a test file: it ends with the file. */
export async function startS3Server(): Promise<S3Server> {
  const folder = await mkdtemp(join(tmpdir(), "parley-test-s3-"));
  const bucket = "parley-test";
  const bucketFolder = join(folder, "data", bucket);
  await mkdir(bucketFolder, { recursive: true });
  // Where the file system has no extended attributes.
  await mkdir(join(folder, "metadata"));
  const port = await freePort();
  const args = ["--access", s3Credentials.AWS_ACCESS_KEY_ID, "--secret", s3Credentials.AWS_SECRET_ACCESS_KEY];
  args.push(
    "--port",
    `127.0.0.1:${port}`,
    "--quiet",
    "--keep-alive",
    "posix",
    "--sidecar",
    join(folder, "metadata"),
  );
  const server = await startBlobServer({
    port,
    program,
    args: [...args, join(folder, "data")],
    cleanUp: () => rm(folder, { recursive: true, force: true, maxRetries: 10 }),
  });
  return Object.assign(server, { endpoint: `http://127.0.0.1:${port}`, bucket, bucketFolder });
}
