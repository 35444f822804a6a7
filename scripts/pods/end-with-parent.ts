/**
 * For a process that is started with an IPC channel: the channel breaks when whoever started it is gone, also by kill -9, and
 * then it stops as on SIGTERM. To be given to Node's --import.
 */
export const endWithParent =
  'data:text/javascript,process.on("disconnect",()=>process.kill(process.pid,"SIGTERM"));process.channel?.unref()';
