/** Only a part of the socket's file name: nothing listens on a network. */
export const SOCKET_PORT = 5432;

const FIXED_SETTINGS = {
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",

  max_connections: "200",
  shared_buffers: "256MB",
  work_mem: "8MB",
  // WAL files are reused rather than made anew in the middle of a burst.
  min_wal_size: "256MB",
  // Solid state disks are the rule, and on them an index pays off sooner.
  random_page_cost: "1.1",
  // Short statements: compiling one costs more than running it.
  jit: "off",
  // A search must not take the second core from the sends. It also keeps shared memory out of /dev/shm, which is 64 MB in a container.
  max_parallel_workers_per_gather: "0",
  max_parallel_maintenance_workers: "0",
  min_dynamic_shared_memory: "8MB",

  // Chats are updated with every message and messages only ever added: both want a vacuum long before 20 % has changed.
  autovacuum_naptime: "15s",
  autovacuum_vacuum_scale_factor: "0.05",
  autovacuum_vacuum_insert_scale_factor: "0.05",
  autovacuum_analyze_scale_factor: "0.05",

  logging_collector: "off",
  log_destination: "stderr",
  log_timezone: "UTC",
  log_checkpoints: "off",
  // Statements and key values contain what people write to each other.
  log_min_error_statement: "panic",
  log_error_verbosity: "terse",
};

/** PostgreSQL's settings as `postgres -c` takes them. They hold on every start and so stay those of the running release. */
export function postgresSettings(options: { clusterName: string; socketDir: string }): string[] {
  const settings = {
    // How a later start recognises the processes of this cluster: it is in the title of each of them.
    cluster_name: options.clusterName,
    listen_addresses: "",
    port: String(SOCKET_PORT),
    unix_socket_directories: `"${options.socketDir.replaceAll('"', '""')}"`,
    unix_socket_permissions: "0700",
    ...FIXED_SETTINGS,
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}
