/** What HTTP itself costs: a bare node:http server that stores bodies as durably as Parley, and knows nothing else of them. */
import { createReadStream } from "node:fs";
import { mkdir, open, rename } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const [port, folder = "."] = process.argv.slice(2);
const chunkBytes = 262_144;
await mkdir(folder, { recursive: true });
let writes = 0;

const server = createServer({ highWaterMark: chunkBytes }, (request, response) => {
  const path = join(folder, (request.url ?? "/").replace(/[^\w-]/g, "_"));
  if (request.method === "PUT") void put(path, request, response);
  else if (request.url === "/") response.end();
  else
    void pipeline(createReadStream(path, { highWaterMark: chunkBytes }), response).catch(() =>
      response.destroy(),
    );
});
server.listen(Number(port), "127.0.0.1");
process.on("SIGINT", () => {});
process.on("SIGTERM", () => process.exit());

async function put(path: string, request: IncomingMessage, response: ServerResponse) {
  const unfinished = `${path}.${writes++}.part`;
  const file = await open(unfinished, "w");
  for await (const part of request) await file.write(part as Buffer);
  await file.sync();
  await file.close();
  await rename(unfinished, path);
  const parent = await open(folder);
  await parent.sync();
  await parent.close();
  response.writeHead(201).end();
}
