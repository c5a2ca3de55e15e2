// Addresses as people write them.

/** `host:port`, an IPv6 address in brackets. */
export function hostPort(host: string, port: number): string {
    return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
