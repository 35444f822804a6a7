import type { AddressInfo, Server } from "node:net";

export interface ListenOptions {
  host: string;
  /** 0 takes any free port. */
  port: number;
  /** The setting that chose the port, for the message when it cannot be had. */
  setting: string;
}

/** Resolves to the port that the server listens on. */
export async function listen(server: Server, { host, port, setting }: ListenOptions): Promise<number> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(port, host, () => {
        server.off("error", reject);
        resolve();
      });
    });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw new Error(
      code === "EADDRINUSE"
        ? `port ${port} on ${host} is taken by another program; set ${setting} to another port`
        : `cannot listen on ${host}, port ${port} (${message}); see PARLEY_HOST and ${setting}`,
      { cause: error },
    );
  }
  return (server.address() as AddressInfo).port;
}
