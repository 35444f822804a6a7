/** The floor of the HTTP figures: bare Fastify that answers every GET with the same JSON object, from a file. */
import { readFileSync } from "node:fs";
import Fastify from "fastify";

const [port, payloadFile] = process.argv.slice(2);
const payload = payloadFile ? (JSON.parse(readFileSync(payloadFile, "utf8")) as object) : { ready: true };

const app = Fastify();
app.get("/*", () => payload);
await app.listen({ port: Number(port), host: "127.0.0.1" });
process.on("SIGINT", () => {});
process.on("SIGTERM", () => process.exit());
