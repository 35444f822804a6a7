/** A RabbitMQ process of a test's own, which the test may stop, freeze and start again with what it has on disk. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { connect } from "amqplib";
import { freePort } from "../../scripts/pods/free-port.ts";
import { until } from "./until.ts";

export interface RabbitMqServer {
  readonly url: string;
  readonly pid: number;
  /** As a power cut would: durable queues survive it. */
  kill(): Promise<void>;
  start(): Promise<void>;
  /** What `rabbitmqctl` prints. */
  control(...args: string[]): Promise<string>;
}

// Debian's own in /usr/sbin runs as another user, in directories of the system.
const folder = "/usr/lib/rabbitmq/bin";

/** For the `skip` option of a test; `npm test` says loudly when it is in force, and fails in CI. */
export const withoutRabbitMq = existsSync(join(folder, "rabbitmq-server"))
  ? false
  : "no rabbitmq-server on this machine (on Debian: apt-get install rabbitmq-server)";

/** Several may start at once, on a machine that has much else to do. */
const startTimeoutMs = 150_000;

/** To be called at the top level of a test file: it ends with the file. */
export async function startRabbitMq(): Promise<RabbitMqServer> {
  const dataDir = await mkdtemp(join(tmpdir(), "parley-test-rabbitmq-"));
  const [port, epmdPort, distPort] = [await freePort(), await freePort(), await freePort()];
  const env = environment(dataDir, port, epmdPort, distPort);
  const url = `amqp://guest:guest@127.0.0.1:${port}`;
  // Of our own, so that Erlang starts none that would outlive us.
  const epmd = spawn("epmd", ["-port", String(epmdPort), "-address", "127.0.0.1"], { stdio: "ignore" });
  let broker: ChildProcess | undefined;
  const start = async () => {
    const child = spawn(join(folder, "rabbitmq-server"), { env, stdio: "ignore" });
    broker = child;
    const isRunning = async () => {
      if (child.exitCode !== null) throw new Error(`RabbitMQ does not start (exit code ${child.exitCode})`);
      return answers(url);
    };
    await until("RabbitMQ runs", isRunning, startTimeoutMs);
  };
  after(async () => {
    await end(broker);
    await end(epmd);
    await rm(dataDir, { recursive: true, force: true, maxRetries: 10 });
  });
  await start();
  return {
    url,
    get pid() {
      return broker!.pid!;
    },
    kill: () => end(broker),
    start,
    control: (...args) => control(env, args),
  };
}

function environment(dataDir: string, port: number, epmdPort: number, distPort: number) {
  return {
    ...process.env,
    HOME: dataDir,
    ERL_EPMD_PORT: String(epmdPort),
    ERL_EPMD_ADDRESS: "127.0.0.1",
    RABBITMQ_NODENAME: `parley-test-${port}@localhost`,
    RABBITMQ_NODE_IP_ADDRESS: "127.0.0.1",
    RABBITMQ_NODE_PORT: String(port),
    RABBITMQ_DIST_PORT: String(distPort),
    RABBITMQ_MNESIA_BASE: join(dataDir, "mnesia"),
    RABBITMQ_LOG_BASE: join(dataDir, "log"),
    RABBITMQ_LOGS: join(dataDir, "log", "broker.log"),
    RABBITMQ_PID_FILE: join(dataDir, "pid"),
    RABBITMQ_GENERATED_CONFIG_DIR: join(dataDir, "generated"),
    RABBITMQ_FEATURE_FLAGS_FILE: join(dataDir, "feature-flags"),
    RABBITMQ_ENABLED_PLUGINS_FILE: join(dataDir, "plugins"),
    // There are none, whatever the machine has.
    RABBITMQ_CONFIG_FILE: join(dataDir, "none"),
    RABBITMQ_CONF_ENV_FILE: join(dataDir, "none"),
    // The process that is started becomes the broker, rather than a shell that has it as a child.
    RABBITMQ_ALLOW_INPUT: "1",
    RABBITMQ_SERVER_START_ARGS: "-noinput -kernel inet_dist_use_interface {127,0,0,1}",
  };
}

async function answers(url: string): Promise<boolean> {
  try {
    const connection = await connect(url, { timeout: 2_000 });
    await connection.close();
    return true;
  } catch {
    return false;
  }
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (!child || child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}

async function control(env: NodeJS.ProcessEnv, args: string[]): Promise<string> {
  const child = spawn(join(folder, "rabbitmqctl"), ["--quiet", ...args], {
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let output = "";
  child.stdout.on("data", (chunk) => (output += chunk));
  child.stderr.on("data", (chunk) => (output += chunk));
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`rabbitmqctl ${args.join(" ")}: ${output}`);
  return output;
}
