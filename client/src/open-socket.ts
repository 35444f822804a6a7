/** The few things the client needs of a WebSocket; browsers, Node and the `ws` package all have them. */
export interface SocketLike {
  send(data: string): void;
  close(code?: number, reason?: string): void;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
}

/** Opens a WebSocket. `headers` holds the Authorization header, and is absent when the URL carries a ticket. */
export type OpenSocket = (url: string, protocol: string, headers?: Record<string, string>) => SocketLike;

/** Browsers cannot send headers with a WebSocket; Node's own implementation can. */
export const socketsSendHeaders = typeof process === "object" && typeof process.versions?.node === "string";

export const openGlobalSocket: OpenSocket = (url, protocol, headers) => {
  const options = headers && socketsSendHeaders ? { protocols: [protocol], headers } : protocol;
  return new WebSocket(url, options as string);
};
