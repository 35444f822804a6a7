/** AWS's SDK, set up. Everything that talks to S3 imports it by way of here, or lazily. */
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import { S3Client } from "@aws-sdk/client-s3";
import { createS3Retries } from "#blobs/stores/s3/s3-retries.ts";
import type { S3Location } from "#blobs/stores/store-url.ts";

export interface S3Limits {
  /** Connections: each transfer has one. */
  maxTransfers: number;
  /** A store that is silent for so long is away. */
  stallMs: number;
}

const connectTimeoutMs = 5_000;
/** Below what servers keep idle connections for: a request on one that they have just closed fails. */
const idleConnectionMs = 4_000;
/** For requests that carry no objects, and are not counted as transfers. */
const otherConnections = 16;

const say = () => {};
/** Errors are told to whoever called. Without a logger, the SDK writes some to the console. */
const silence = { trace: say, debug: say, info: say, warn: say, error: say };

export function createS3Client({ region, endpoint, pathStyle }: S3Location, limits: S3Limits): S3Client {
  const pool = {
    keepAlive: true,
    maxSockets: limits.maxTransfers + otherConnections,
    timeout: idleConnectionMs,
  };
  return new S3Client({
    ...(region ? { region } : {}),
    ...(endpoint ? { endpoint } : {}),
    forcePathStyle: pathStyle,
    retryStrategy: createS3Retries(),
    logger: silence,
    // Stores that speak S3 know checksums in trailers to different degrees; all take a body of announced length.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    // Waiting for leave to send would need a new connection for each object.
    expectContinueHeader: false,
    requestHandler: {
      httpAgent: new HttpAgent(pool),
      httpsAgent: new HttpsAgent(pool),
      connectionTimeout: connectTimeoutMs,
    },
  });
}
