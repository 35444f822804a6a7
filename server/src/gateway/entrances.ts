/** Where clients come in: HTTP/1.1 for REST, gRPC-Web, Connect and WebSocket, and HTTP/2 for gRPC. */
import type { GatewayConfig } from "#gateway/config.ts";
import type { ClientAddresses } from "#gateway/http/client-address.ts";
import { createIsSecure } from "#gateway/http/client-origin.ts";
import { createHttpApp, type HttpAppOptions } from "#gateway/http/http-app.ts";
import { closeHttpServer, createGrpcServer } from "#gateway/http/http-server.ts";
import type { SocketServer } from "#gateway/realtime/socket-server.ts";
import { listen } from "#platform/listen.ts";
import type { StopList } from "#platform/stop-list.ts";

export interface EntrancesOptions extends Omit<HttpAppOptions, "isSecure" | "maxBodyBytes"> {
  config: GatewayConfig;
  sockets: SocketServer;
  addresses: Pick<ClientAddresses, "isSecure">;
}

export interface GatewayPorts {
  readonly httpPort: number;
  readonly grpcPort: number;
}

const stopGraceMs = 5_000;

export async function openEntrances(options: EntrancesOptions, stops: StopList): Promise<GatewayPorts> {
  const { config, sockets, addresses, rpc } = options;
  const app = await createHttpApp({
    ...options,
    isSecure: createIsSecure(config, addresses),
    maxBodyBytes: config.PARLEY_MAX_BODY_BYTES,
  });
  stops.add("HTTP app", app.close);
  app.server.on("upgrade", (request, socket, head) => sockets.handleUpgrade(request, socket, head));
  const grpc = createGrpcServer(rpc);
  // All at once: what takes its time at one entrance must not keep another one open.
  stops.add("entrances", async () => {
    await Promise.all([sockets.stop(), closeHttpServer(app.server, stopGraceMs), grpc.close(stopGraceMs)]);
  });
  await sockets.start();
  const { PARLEY_HOST: host, PARLEY_PORT, PARLEY_GRPC_PORT } = config;
  return {
    httpPort: await listen(app.server, { host, port: PARLEY_PORT, setting: "PARLEY_PORT" }),
    grpcPort: await listen(grpc.server, { host, port: PARLEY_GRPC_PORT, setting: "PARLEY_GRPC_PORT" }),
  };
}
