/** Every answer of a service tells its time, so that processes without a database can follow the cluster's clock. */
export const timeHeader = "parley-time";
