/** An old API: its routes as its clients know them, mapped onto the services, and nothing more. See docs/api-versions.md. */
import type { FastifyRequest, HTTPMethods } from "fastify";
import type { RestCache } from "#gateway/cache/rest-caching.ts";
import type { CallContext, Caller } from "#gateway/call.ts";
import type { CallTurns } from "#gateway/call-turns.ts";
import type { GatewayClients } from "#gateway/clients.ts";
import type { GatewayConfig } from "#gateway/config.ts";
import type { Credentials } from "#gateway/dialects/credentials/credentials.ts";
import type { SignInToDialect } from "#gateway/dialects/credentials/sign-in.ts";
import type { DialectCalls } from "#gateway/dialects/dialect-calls.ts";
import type { DialectName } from "#gateway/dialects/versions.ts";
import type { SocketEntrance } from "#gateway/realtime/socket-entrance.ts";
import type { RateClassName } from "#gateway/throttle/rate-class.ts";
import type { Clock } from "#platform/clock.ts";
import type { PublicError } from "#platform/errors.ts";
import type { Log } from "#platform/log.ts";

/** What dialects are made of. */
export interface DialectParts extends DialectCalls {
  readonly config: GatewayConfig;
  readonly clients: GatewayClients;
  readonly credentials: Credentials;
  readonly signIn: SignInToDialect;
  /** Undefined: no answers are kept. */
  readonly cache: RestCache | undefined;
  /** For routes that have their own bounds: of one caller's requests only so many are under way. */
  readonly turns: CallTurns;
  /** Uploads and downloads of one caller at once; those beyond are refused. */
  readonly transferTurns: CallTurns;
  readonly isSecure: (request: FastifyRequest) => boolean;
  readonly clock: Clock;
  readonly log: Log;
}

export interface Dialect {
  readonly name: DialectName;
  /** Its own, with all that is below them: no other API, on or off, has anything there. */
  readonly basePaths: readonly string[];
  readonly routes: readonly DialectRoute[];
  readonly sockets?: readonly DialectSocket[];
  /** Undefined: the request has no credentials. Throws when they are bad. */
  identify(request: FastifyRequest, context: CallContext): Promise<Caller | undefined>;
  /** The old shape of an error; its status may differ from the registry's. */
  toAnswer(error: PublicError): DialectAnswer;
  /** What there is to say about it in OpenAPI 3.1. */
  readonly openApi: OpenApiPart;
}

export interface OpenApiPart {
  readonly title: string;
  readonly description: string;
  readonly paths: Readonly<Record<string, unknown>>;
  readonly components?: Readonly<Record<string, unknown>>;
}

export interface DialectRoute {
  readonly method: HTTPMethods;
  /** Its path as documentation writes it, with `{name}` for what varies; its name in metrics, spans and logs. */
  readonly template: string;
  /** The path as Fastify writes it, where that is not the template with `:name` for `{name}`. */
  readonly path?: string;
  /** "public": takes no notice of credentials; "optional": bad ones are refused all the same. */
  readonly access: "public" | "optional" | "required";
  readonly rate: RateClassName;
  /** Path of what replaces it. */
  readonly successor: string;
  /** Instead of PARLEY_MAX_BODY_BYTES. */
  readonly maxBodyBytes?: number;
  /** Bounds by itself how many of one caller's requests are under way; all others wait for their caller's turn. */
  readonly hasOwnBounds?: boolean;
  /** As long as somebody outside of Parley does: must not keep the caller's other requests waiting. */
  readonly takesItsTime?: boolean;
  /** Before the first byte of the body is read, which it may refuse to have by throwing. */
  admit?(exchange: DialectExchange): Promise<void>;
  serve(exchange: DialectExchange): Promise<DialectAnswer>;
}

/** A WebSocket of an old API. */
export interface DialectSocket extends Pick<SocketEntrance, "path" | "protocol" | "admit"> {
  /** Path of what replaces it. */
  readonly successor: string;
}

/** One request to an old API. */
export interface DialectExchange {
  readonly request: FastifyRequest;
  /** What stands in the place of each `{name}`, decoded. */
  readonly path: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly context: CallContext;
  /** Throws "unauthenticated" when there is none. */
  readonly caller: Caller;
  /** The body, whatever its content type says; throws "malformed-request" when it is no JSON object. */
  json(): JsonObject;
  /** The fields of an urlencoded form, or of a JSON object's strings. */
  form(): URLSearchParams;
  /** When the answer is out, or the client has gone; at once when that has been. */
  onClosed(listener: () => void): void;
}

export type JsonObject = Readonly<Record<string, unknown>>;

export interface DialectAnswer {
  /** 200 when absent. */
  readonly status?: number;
  /** JSON; undefined: no body, unless there is a text. */
  readonly body?: unknown;
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}
