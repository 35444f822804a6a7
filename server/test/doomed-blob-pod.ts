/**
 * A blobs pod as a process of its own that kills itself (SIGKILL) at a step that the test names: before or after a statement,
 * or before or after a write to the store. As a program: told by the environment, and by messages what to do.
 */
import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { after } from "node:test";
import { fileURLToPath } from "node:url";
import { createFileStore } from "#blobs/stores/file-store.ts";
import type { ObjectStore } from "#blobs/stores/object-store.ts";
import { createDatabase, type Database, type Queryable } from "#platform/database.ts";
import { toPublicError } from "#platform/errors.ts";
import { createLog } from "#platform/log.ts";
import { blobUser, startBlobPod } from "#test/blob-pod.ts";
import { uploader } from "#test/blob-uploads.ts";

export interface DoomedPodOptions {
  databaseUrl: string;
  dataDir: string;
  storeFolder: string;
  userId: string;
  /** "before write", "after write", "before <statement>", "after <statement>". */
  diesAt: string;
}

export type DoomedCall =
  | { put: string; text: string }
  | { create: string; size: number }
  | { append: string; offset: number; text: string };

/** Resolves to what the call answered; undefined: the process died before it did. */
export async function startDoomedPod(options: DoomedPodOptions) {
  const child = fork(fileURLToPath(import.meta.url), {
    env: { ...process.env, DOOMED_POD: JSON.stringify(options) },
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  after(() => child.kill("SIGKILL"));
  const died = once(child, "exit").then(() => undefined);
  await once(child, "message");
  return {
    died,
    async call(call: DoomedCall): Promise<{ id?: string; error?: string } | undefined> {
      const answered = once(child, "message").then(([answer]) => answer);
      child.send(call);
      return await Promise.race([answered, died]);
    },
    end: () => end(child),
  };
}

async function end(child: ChildProcess) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill("SIGKILL");
  await once(child, "exit");
}

function die(): Promise<never> {
  process.kill(process.pid, "SIGKILL");
  return new Promise(() => {});
}

function mortalStore(store: ObjectStore, diesAt: string): ObjectStore {
  return {
    ...store,
    async write(name, bytes, options) {
      if (diesAt === "before write") await die();
      await store.write(name, bytes, options);
      if (diesAt === "after write") await die();
    },
  };
}

function mortalDatabase(database: Database, diesAt: string): Database {
  const mortal = (queryable: Queryable): Queryable => {
    const dying =
      <Run extends (...args: never[]) => Promise<unknown>>(run: Run) =>
      async (...args: Parameters<Run>) => {
        const { name } = args[0] as unknown as { name: string };
        if (diesAt === `before ${name}`) await die();
        const rows = await run(...args);
        if (diesAt === `after ${name}`) await die();
        return rows;
      };
    return {
      query: dying(queryable.query as never) as never,
      queryArrays: dying(queryable.queryArrays as never) as never,
    };
  };
  return {
    ...database,
    ...mortal(database),
    async transaction(work) {
      const result = await database.transaction((tx) => work(mortal(tx)));
      if (diesAt === "after transaction") await die();
      return result;
    },
  };
}

async function run({ databaseUrl, dataDir, storeFolder, userId, diesAt }: DoomedPodOptions) {
  const limits = { maxConnections: 5, acquireTimeoutMs: 10_000, statementTimeoutMs: 10_000 };
  const database = createDatabase(
    { connectionString: databaseUrl, ...limits, applicationName: "parley-doomed" },
    createLog("silent"),
  );
  const pod = await startBlobPod({
    database: mortalDatabase(database, diesAt),
    store: mortalStore(createFileStore(storeFolder), diesAt),
    dataDir,
    config: { PARLEY_BLOB_WRITE_BACK: ["fast/"] },
  });
  const user = blobUser(pod, userId);
  const tus = uploader(pod, user);
  const answer = async (call: DoomedCall) => {
    if ("put" in call)
      return void (await user.put(call.put, call.text, { size: Buffer.byteLength(call.text) }));
    if ("create" in call) return (await tus.create({ key: call.create, size: call.size })).id;
    await tus.append(call.append, call.offset, call.text);
  };
  process.on("message", (call: DoomedCall) => {
    answer(call).then(
      (id) => process.send!({ id }),
      (error) => process.send!({ error: toPublicError(error).code }),
    );
  });
  process.send!({});
}

const told = process.env.DOOMED_POD;
if (told && process.argv[1] === fileURLToPath(import.meta.url)) await run(JSON.parse(told));
