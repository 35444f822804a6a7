/** WebSockets for the SDK whose connections break where a test wants it. */
import type { OpenSocket, SocketLike } from "@parley/client";
import { WebSocket } from "ws";

export interface FlakySockets {
  open: OpenSocket;
  /** Breaks every connection, without a closing handshake. */
  breakAll(): void;
  /** Breaks the connection instead of delivering this frame. */
  breaksAt: (frame: string) => boolean;
}

export function createFlakySockets(): FlakySockets {
  const open = new Set<WebSocket>();
  const flaky: FlakySockets = {
    breaksAt: () => false,
    breakAll() {
      for (const socket of open) socket.terminate();
    },
    open(url, protocol, headers) {
      const socket = new WebSocket(url, protocol, headers ? { headers } : {});
      open.add(socket);
      const like: SocketLike = {
        onopen: null,
        onmessage: null,
        onclose: null,
        onerror: null,
        send: (data) => socket.send(data),
        close: () => socket.close(),
      };
      socket.onopen = (event) => like.onopen?.(event as never);
      socket.onerror = (event) => like.onerror?.(event as never);
      socket.onclose = (event) => {
        open.delete(socket);
        like.onclose?.(event as never);
      };
      socket.onmessage = (event) => {
        if (socket.readyState !== socket.OPEN) return;
        if (flaky.breaksAt(event.data as string)) socket.terminate();
        else like.onmessage?.(event as never);
      };
      return like;
    },
  };
  return flaky;
}
