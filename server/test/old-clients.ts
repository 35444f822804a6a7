/** Clients of the old APIs, as thin as can be: what they send, and whatever they are answered. */
export interface OldAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever an old API answers
  readonly body: any;
  readonly cookie: string | undefined;
}

export interface OldRequest {
  readonly headers?: Record<string, string>;
  /** Sent as JSON. */
  readonly json?: unknown;
  readonly form?: Record<string, string>;
}

/** A request of any of them, as "POST /v1/chats". */
export type Ask = (called: string, request?: OldRequest) => Promise<OldAnswer>;

export function askOf(url: string): Ask {
  return async (called, { headers = {}, json, form } = {}) => {
    const [method = "GET", path = "/"] = called.split(" ");
    const body = json === undefined ? form && new URLSearchParams(form) : JSON.stringify(json);
    const type = json === undefined ? {} : { "content-type": "application/json" };
    const response = await fetch(url + path, {
      method,
      headers: { ...type, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    const text = await response.text();
    return {
      status: response.status,
      body: parse(text),
      cookie: response.headers.get("set-cookie") ?? undefined,
    };
  };
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

/** Somebody who is known by a login name, an e-mail address, and a password that v2 would not take. */
export interface OldAccount {
  readonly id: string;
  readonly login: string;
  readonly email: string;
  readonly password: string;
  /** By each API, what its clients send to show who they are; and as query, for the one that has it there. */
  readonly credentials: Readonly<
    Record<"messenger-v1" | "social" | "octo" | "lab" | "v2", Record<string, string>>
  >;
  readonly token: string;
}

/** Registers by lab, which is told both names, and signs in by every API. */
export async function createOldAccount(ask: Ask, login: string): Promise<OldAccount> {
  const [email, password] = [`${login}@example.com`, "pw"];
  const fields = { first_name: login, last_name: "Tester", email, title: "", login, password };
  const registered = await ask(`POST /user?${new URLSearchParams(fields)}`);
  const session = await ask("POST /v1/auth/login", { json: { user_name: login, password } });
  const pair = await ask("POST /auth/sign-in", { json: { email, password } });
  const { cookie } = await ask("POST /auth/login", { form: { username: email, password } });
  const signedIn = await ask("POST /v2/auth/sign-in", { json: { email, password } });
  return {
    id: registered.body,
    login,
    email,
    password,
    token: signedIn.body.accessToken,
    credentials: {
      "messenger-v1": { authorization: `session_id ${session.body.session_id}` },
      social: { authorization: pair.body.access_token },
      octo: { cookie: cookie?.split(";")[0] ?? "" },
      lab: { authorization: `Basic ${btoa(`${login}:${password}`)}` },
      v2: { authorization: `Bearer ${signedIn.body.accessToken}` },
    },
  };
}
