/** Binds an app to an address. Loopback unless a token protects it. */
import type { AddressInfo } from "node:net";
import type { Hono } from "hono";

export interface RunningService {
  readonly url: string;
  close(): Promise<void>;
}

/** The service would be open to others without a token. */
export class ServiceConfigError extends Error {
  override readonly name = "ServiceConfigError";
  readonly code = "SERVICE";
}

export const isLoopback = (host: string): boolean =>
  host === "localhost" || host === "::1" || /^127(\.\d+){3}$/.test(host);

export async function serveApp(
  app: Hono,
  options: { readonly host: string; readonly port: number; readonly token: string | null },
): Promise<RunningService> {
  const { host, port, token } = options;
  if (!isLoopback(host) && token === null)
    throw new ServiceConfigError(
      `host ${host} can be reached by others and no token is set; put one into CAUSEWAY_REWARD_TOKEN or use 127.0.0.1`,
    );
  const { serve } = await import("@hono/node-server");
  return new Promise((resolve, reject) => {
    const server = serve({ fetch: app.fetch, hostname: host, port }, (info: AddressInfo) => {
      const name = info.family === "IPv6" ? `[${info.address}]` : info.address;
      resolve({
        url: `http://${name}:${info.port}`,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            if ("closeAllConnections" in server) server.closeAllConnections();
          }),
      });
    });
    server.on("error", reject);
  });
}
