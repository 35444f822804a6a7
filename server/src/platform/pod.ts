import { hostname } from "node:os";

/** Names this process among those of a cluster. In Kubernetes the host name is the pod's name. */
export const podName = `${hostname()}/${process.pid}`;
