/**
 * A gateway on real ports before small services made for its tests: they keep to the contract but hold nothing. The
 * messenger's answers say what it was asked, and by whom.
 */
import { after } from "node:test";
import { create } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { type ConnectRouter, createClient, type HandlerContext } from "@connectrpc/connect";
import { BlobInternalService } from "@parley/api/internal/blobs";
import { DispatchInternalService } from "@parley/api/internal/dispatch";
import { IdentityInternalService } from "@parley/api/internal/identity";
import { MessengerInternalService } from "@parley/api/internal/messenger";
import { AuthService } from "@parley/api/v2/auth";
import { BlobService } from "@parley/api/v2/blob";
import { MessageSchema } from "@parley/api/v2/event";
import { MessengerService } from "@parley/api/v2/messenger";
import { ProcessService } from "@parley/api/v2/process";
import { SearchService } from "@parley/api/v2/search";
import { UserService } from "@parley/api/v2/user";
import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { answerFailure } from "#gateway/answer-failure.ts";
import type { StallLimits } from "#gateway/blobs/progress.ts";
import { type GatewayConfig, gatewaySettings } from "#gateway/config.ts";
import { createGateway } from "#gateway/service.ts";
import { type Actor, requireActor } from "#platform/actor.ts";
import { createLocalBus } from "#platform/bus.ts";
import { createCircuits } from "#platform/circuit/circuits.ts";
import { type CircuitSettings, circuitSettings } from "#platform/circuit/config.ts";
import { createDirectTransport } from "#platform/direct-transport.ts";
import { fault } from "#platform/errors.ts";
import { guardTransport } from "#platform/guarded-transport.ts";
import { createLog, type Log } from "#platform/log.ts";
import { readSettings } from "#platform/settings.ts";
import { noTelemetry } from "#platform/telemetry.ts";

export const chatId = "0b0b7e6e-0000-4000-8000-00000000c4a7";
export const userId = "0b0b7e6e-0000-4000-8000-0000000000a1";
export const strangerId = "0b0b7e6e-0000-4000-8000-00000000dead";
export const processId = "0b0b7e6e-0000-4000-8000-00000000d15b";
/** What the messenger of the tests fails with when a message has this text. */
export const bugText = "a bug in the service";
export const slowText = "a service that never answers";

export interface SeenCall {
  method: string;
  actor: Actor | undefined;
  headers: Headers;
  signal: AbortSignal;
  /** How long the service had when it was asked. */
  timeoutMs: number | undefined;
}

export interface GatewayOptions {
  config?: Partial<GatewayConfig>;
  circuits?: Partial<CircuitSettings>;
  log?: Log;
  webRoot?: string;
  endedSessionIds?: string[];
  /** More services, besides the small ones that are always there. */
  routes?: (router: ConnectRouter) => void;
  stallLimits?: StallLimits;
  bodyTimeoutMs?: number;
}

export async function startGateway(options: GatewayOptions = {}) {
  const clock = { nowMs: Date.now(), now: () => clock.nowMs };
  const bus = createLocalBus((error) => {
    throw error;
  });
  const issuer = await createIssuer(clock);
  const seen: SeenCall[] = [];
  const log = options.log ?? createLog("silent");
  const services = createDirectTransport((router) => {
    addIdentity(router, { issuer, seen, endedSessionIds: options.endedSessionIds ?? [] });
    addMessenger(router, seen);
    addDispatch(router, seen);
    options.routes?.(router);
  });
  const config = {
    ...readSettings(gatewaySettings, {}, []),
    PARLEY_PORT: 0,
    PARLEY_GRPC_PORT: 0,
    ...options.config,
  };
  const circuits = createCircuits({
    settings: { ...readSettings(circuitSettings, {}, []), ...options.circuits },
    meter: noTelemetry.meter,
    log,
  });
  const transport = guardTransport(services, {
    circuit: circuits.of("services", "in-process"),
    bulkhead: circuits.bulkheadOf("services"),
    timeoutMs: config.PARLEY_CALL_TIMEOUT_MS,
    answerFailure,
  });
  const clients = {
    auth: createClient(AuthService, transport),
    users: createClient(UserService, transport),
    identity: createClient(IdentityInternalService, transport),
    messenger: createClient(MessengerService, transport),
    messengerInternal: createClient(MessengerInternalService, transport),
    process: createClient(ProcessService, transport),
    dispatchInternal: createClient(DispatchInternalService, transport),
    search: createClient(SearchService, transport),
    blobs: createClient(BlobService, transport),
    blobsInternal: createClient(BlobInternalService, transport),
  };
  const { webRoot, stallLimits, bodyTimeoutMs } = options;
  const gateway = createGateway({
    config,
    clients,
    circuits,
    bus,
    clock,
    log,
    telemetry: noTelemetry,
    redis: undefined,
    ...(webRoot ? { webRoot } : {}),
    ...(stallLimits ? { stallLimits } : {}),
    ...(bodyTimeoutMs === undefined ? {} : { bodyTimeoutMs }),
  });
  after(() => gateway.stop());
  const { httpPort, grpcPort } = await gateway.start();
  return {
    gateway,
    circuits,
    clock,
    bus,
    issuer,
    seen,
    url: `http://127.0.0.1:${httpPort}`,
    grpcUrl: `http://127.0.0.1:${grpcPort}`,
    httpPort,
    token: await issuer.sign(),
  };
}

export type TestGateway = Awaited<ReturnType<typeof startGateway>>;

/** Signs tokens as identity does. */
async function createIssuer(clock: { now(): number }) {
  let { publicKey, privateKey } = await generateKeyPair("Ed25519");
  let kid = "key-1";
  let keysAsked = 0;
  const keys = [{ ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" }];
  return {
    get kid() {
      return kid;
    },
    get keysAsked() {
      return keysAsked;
    },
    jwks() {
      keysAsked += 1;
      return {
        keys: keys.map(({ kty, crv, x, alg, use, kid }) => ({ kty, crv, x, alg, use, kid })) as never,
      };
    },
    async rotate() {
      ({ publicKey, privateKey } = await generateKeyPair("Ed25519"));
      kid = `key-${keys.length + 1}`;
      keys.push({ ...(await exportJWK(publicKey)), kid, alg: "EdDSA", use: "sig" });
    },
    sign(claims: JWTPayload = {}, header: { kid?: string; typ?: string } = {}): Promise<string> {
      const nowS = Math.floor(clock.now() / 1_000);
      const defaults = { iss: "parley", aud: "parley", sub: userId, sid: "session-1", exp: nowS + 600 };
      return new SignJWT({ ...defaults, ...claims })
        .setProtectedHeader({ alg: "EdDSA", typ: "at+jwt", kid, ...header })
        .sign(privateKey);
    },
  };
}

export type TestIssuer = Awaited<ReturnType<typeof createIssuer>>;

interface IdentityParts {
  issuer: TestIssuer;
  seen: SeenCall[];
  endedSessionIds: string[];
}

function addIdentity(router: ConnectRouter, { issuer, seen, endedSessionIds }: IdentityParts) {
  const session = async () => ({ accessToken: await issuer.sign(), refreshToken: "refresh", expiresIn: 600 });
  router.service(AuthService, {
    getJwks: () => issuer.jwks(),
    signUp: () => ({}),
    signIn: session,
    refresh: session,
    signOut: () => ({}),
    createWsTicket: (_request, context) => {
      note(seen, context);
      return { ticket: "ticket" };
    },
  });
  router.service(UserService, {
    getMe: (_request, context) => ({ user: { id: note(seen, context).userId } }),
    listUsers: (request) => ({ users: request.ids.map((id) => ({ id })) }),
  });
  router.service(IdentityInternalService, {
    listEndedSessions: () => ({ sessionIds: endedSessionIds }),
    findMissingUsers: ({ userIds }) => ({ userIds: userIds.filter((id) => id === strangerId) }),
    resolveExternalUser: ({ subject }) => ({ userId: `outside-${subject}` }),
  });
}

function addMessenger(router: ConnectRouter, seen: SeenCall[]) {
  router.service(MessengerInternalService, {
    sendMessages: ({ sends }) => ({
      outcomes: sends.map(({ $typeName, attachments: _, ...send }, i) => ({
        message: { ...message(i + 1), ...send },
      })),
    }),
    listPositions: () => ({ positions: [] }),
  });
  router.service(MessengerService, {
    createChat: (request) => ({ chat: { id: chatId, kind: request.kind, title: request.title } }),
    addMembers: () => ({}),
    getChat: (request) => {
      if (request.chatId !== chatId) throw fault("chat-not-found");
      return { chat: { id: chatId, kind: "group", title: "Tests" } };
    },
    addReaction: (_request, context) => {
      note(seen, context);
      return {};
    },
    listMessages: (request) => ({
      messages: Array.from({ length: request.limit || 50 }, (_, i) => message(i + 1)),
    }),
    editMessage: async (request, context) => {
      const { userId: senderId } = note(seen, context);
      if (request.text === bugText) throw new Error(`secret of the database: ${request.text}`);
      if (request.text === slowText) await new Promise(() => {});
      return { message: { ...message(1), id: request.messageId, text: request.text, senderId } };
    },
  });
}

/** Its answers hold what it was asked; a request in the background is never done. */
function addDispatch(router: ConnectRouter, seen: SeenCall[]) {
  router.service(ProcessService, {
    process: async (request, context) => {
      note(seen, context);
      if (request.text === slowText) await new Promise(() => {});
      const { idempotencyKey, respondAsync, processor } = request;
      const id = idempotencyKey || respondAsync ? processId : "";
      return { id, status: respondAsync ? "running" : "done", result: idempotencyKey, processor };
    },
    getProcess: ({ id }) => ({ id, status: "waiting" }),
  });
  router.service(DispatchInternalService, {
    describeProviders: () => ({
      providers: { pod: "dispatch-1", providers: [{ id: "free", state: "open" }] },
    }),
  });
}

function message(no: number) {
  return create(MessageSchema, {
    id: `message-${no}`,
    chatId,
    seq: no,
    no,
    senderId: userId,
    clientId: `client-${no}`,
    text: `Message number ${no}, with “quotes” and a \\`,
    createdAt: timestampFromMs(Date.UTC(2026, 0, 1, 12, 0, no)),
  });
}

function note(seen: SeenCall[], context: HandlerContext): Actor {
  const actor = requireActor(context);
  const { requestHeader: headers, signal } = context;
  seen.push({ method: context.method.name, actor, headers, signal, timeoutMs: context.timeoutMs() });
  return actor;
}
